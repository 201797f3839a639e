"""`/metrics`: every name, label and type, and no sample where nothing is known."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from supervisor.page.feed import Feed
from supervisor.page.metrics.collector import registry_of
from supervisor.schemas.topic_facts import TableChange
from supervisor.status.facts.pipeline_status import PipelineStatus
from supervisor.status.facts.topic_status import TopicStatus
from tests.support.pages import DOCS
from tests.support.samples.figures import histogram_of
from tests.support.samples.statuses import pipeline_status
from workers.contract.batch_figures import AGE_BOUNDS, SIZE_BOUNDS, BatchFigures, PhaseSeconds
from workers.contract.reports import ServerSeen

FIGURES = BatchFigures(
    PhaseSeconds(4.0, 3.0, 2.0, 1.0),
    {"E_VALUE": 2, "E_DECODE": 1},
    histogram_of(AGE_BOUNDS, 0.2, 9_999),
    histogram_of(SIZE_BOUNDS, 910),
    deletes=40,
    reconnects=3,
)
CHANGES = (TableChange("2026-11-29T18:03:49.120Z", 8, done=True, sql="ALTER TABLE …"),)
RICH: dict[str, Any] = {
    "figures": FIGURES,
    "batches": 2,
    "lag_seconds": 4.5,
    "commit_age": 2.0,
    "buffered": 70,
    "restart_reasons": {"writer_killed": 2},
    "server": ServerSeen("9.7", 0.01),
}
RUN = {"topics": (TopicStatus("orders", "orders", 60, 120, (7, 8), CHANGES, mode="upsert"),), "version": "1.2.3"}


def no_answer(_command: str, **_arguments: Any) -> None:
    """What a supervisor that is gone says."""


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def feed_of(status: PipelineStatus | None, clock: Clock | None = None) -> Feed:
    feed = Feed(no_answer, clock or Clock())
    feed.take(status.to_json() if status else None)
    return feed


def text_of(feed: Feed) -> str:
    return generate_latest(registry_of(feed)).decode()


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


WORKER = {"topic": "orders", "partition": "0", "table": "orders", "worker": "orders/0"}


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("rtpipe_records_consumed_total", {}, 910),
        ("rtpipe_rows_written_total", {"op": "upsert"}, 860),
        ("rtpipe_rows_written_total", {"op": "delete"}, 40),
        ("rtpipe_buffered_records", {}, 70),
        ("rtpipe_mysql_reconnects_total", {}, 3),
        ("rtpipe_records_skipped_total", {"reason": "tombstone"}, 7),
        ("rtpipe_dead_letters_total", {"reason": "E_VALUE"}, 2),
        ("rtpipe_values_coerced_total", {"kind": "lossy"}, 0),
        ("rtpipe_stage_seconds_sum", {"stage": "poll"}, 4),
        ("rtpipe_stage_seconds_sum", {"stage": "decode"}, 3),
        ("rtpipe_stage_seconds_sum", {"stage": "insert"}, 2),
        ("rtpipe_stage_seconds_sum", {"stage": "commit"}, 1),
        ("rtpipe_stage_seconds_count", {"stage": "commit"}, 2),
        ("rtpipe_batch_rows_bucket", {"le": "100.0"}, 0),
        ("rtpipe_batch_rows_bucket", {"le": "1000.0"}, 1),
        ("rtpipe_end_to_end_seconds_bucket", {"le": "0.25"}, 1),
        ("rtpipe_end_to_end_seconds_bucket", {"le": "3600.0"}, 1),
        ("rtpipe_end_to_end_seconds_bucket", {"le": "+Inf"}, 2),
        ("rtpipe_consumer_lag_records", {}, 500),
        ("rtpipe_consumer_lag_seconds", {}, 4.5),
        ("rtpipe_committed_offset", {}, 1_000),
        ("rtpipe_end_offset", {}, 1_500),
        ("rtpipe_worker_up", {}, 1),
        ("rtpipe_worker_restarts_total", {"reason": "writer_killed"}, 2),
        ("rtpipe_worker_restarts_total", {"reason": "consumer_failed"}, 0),
        ("rtpipe_paused", {}, 0),
        ("rtpipe_partition_state", {"state": "running"}, 1),
        ("rtpipe_partition_condition", {"condition": "ok"}, 1),
    ],
)
def test_a_sample_of_a_partition(name: str, labels: dict[str, str], value: float) -> None:
    found = samples(text_of(feed_of(pipeline_status(RICH, **RUN))))
    assert (WORKER | labels, value) in found[name]


def test_samples_of_the_run() -> None:
    found = samples(text_of(feed_of(pipeline_status(RICH, **RUN))))
    twin = {"consumergroup": "group-orders", "topic": "orders", "partition": "0"}
    assert found["kafka_consumergroup_lag"] == [(twin, 500)]
    assert found["kafka_consumergroup_current_offset"] == [(twin, 1_000)]
    place = {"topic": "orders", "partition": "0"}
    assert found["kafka_consumergroup_group_lag_seconds"] == [({"group": "group-orders"} | place, 4.5)]
    assert found["kafka_topic_partition_current_offset"] == [(place, 1_500)]
    assert found["rtpipe_build_info"] == [({"version": "1.2.3"}, 1)]
    assert found["rtpipe_schema_changes_total"] == [({"topic": "orders", "kind": "done"}, 1)]
    assert [labels["schema_id"] for labels, _ in found["rtpipe_schema_info"]] == ["7", "8"]
    assert found["rtpipe_supervisor_up"] == found["rtpipe_mysql_up"] == [({}, 1)]


UNKNOWN = dict.fromkeys(("offset", "rows", "dead", "restarts", "memory_bytes", "cpu_percent", "queue_depth"))


def test_what_is_not_known_has_no_sample() -> None:
    found = samples(text_of(feed_of(pipeline_status(UNKNOWN | {"state": "starting"}))))
    missing = {"consumer_lag_records", "consumer_lag_seconds", "committed_offset", "rows_written_total", "memory_bytes"}
    missing |= {"records_consumed_total", "worker_restarts_total", "last_commit_timestamp_seconds", "mysql_up"}
    assert not {f"rtpipe_{name}" for name in missing} & found.keys()
    missing_twins = {"kafka_consumergroup_lag", "kafka_consumergroup_current_offset"}
    assert not missing_twins & found.keys()
    assert "rtpipe_buffered_records" not in found
    assert found["rtpipe_worker_up"] == [(WORKER, 0)]


def test_rows_of_a_topic_that_only_inserts_are_inserted() -> None:
    topic = TopicStatus("orders", "orders", 60, 120, mode="insert")
    found = samples(text_of(feed_of(pipeline_status({}, topics=(topic,)))))
    assert found["rtpipe_rows_written_total"] == [(WORKER | {"op": "insert"}, 900)]


def test_a_topic_without_known_partitions_has_no_partition() -> None:
    found = samples(text_of(feed_of(pipeline_status({"partition": -1, "state": "waiting"}))))
    assert "rtpipe_worker_up" not in found


@pytest.mark.parametrize(
    ("states", "answers"),
    [
        ([("running", ""), ("waiting", "database: cannot connect")], [({}, 1.0)]),
        ([("waiting", "database: cannot connect"), ("backoff", "")], [({}, 0.0)]),
        ([("waiting", "Kafka does not answer")], None),
    ],
)
def test_whether_the_database_answers(states: list[tuple[str, str]], answers: Any) -> None:
    status = pipeline_status(*({"state": state, "reason": reason} for state, reason in states))
    assert samples(text_of(feed_of(status))).get("rtpipe_mysql_up") == answers


def test_of_a_silent_supervisor_nothing_old_is_told() -> None:
    clock = Clock()
    feed = feed_of(pipeline_status(RICH), clock)
    clock.now += 60
    feed.take(None)
    found = samples(text_of(feed))
    assert found["rtpipe_supervisor_up"] == [({}, 0)]
    assert found.keys() == {"rtpipe_supervisor_up", "rtpipe_build_info"}


def test_nothing_is_told_of_a_topic_that_is_served_no_more() -> None:
    feed = feed_of(pipeline_status(RICH, **RUN))
    feed.take(dataclasses.replace(pipeline_status(**RUN), topics=()).to_json())
    assert '"orders"' not in text_of(feed)
    assert (feed._processes, dict(feed.seen.paused), feed.seen._known) == ({}, {}, set())


def test_seconds_without_reading_add_up() -> None:
    clock = Clock()
    feed = feed_of(pipeline_status({}), clock)
    for backpressure in (True, True, False):
        clock.now += 2
        feed.take(pipeline_status({"backpressure": backpressure}).to_json())
    assert samples(text_of(feed))["rtpipe_paused_seconds_total"] == [(WORKER, 4)]


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not here (Debian: apt-get install prometheus)"
)
def test_promtool_finds_nothing_wrong() -> None:
    text = text_of(feed_of(pipeline_status(RICH, RICH, **RUN)))
    result = subprocess.run(["promtool", "check", "metrics"], check=False, input=text, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_operations_md_has_every_metric_and_no_other() -> None:
    families = text_string_to_metric_families(text_of(feed_of(pipeline_status(RICH, **RUN))))
    exported = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    section = (DOCS / "operations.md").read_text().partition("## Metrics")[2].partition("\n## ")[0]
    assert set(re.findall(r"`((?:rtpipe|kafka)_\w+)", section)) == exported
