"""What the page shows of several hosts: each partition once, where it is, and who is silent."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.hosts.host_said import HostSaid
from supervisor.page.everywhere import Everywhere
from supervisor.page.feed import Feed
from supervisor.page.views.host_table import host_rows
from supervisor.page.views.partition_table import folded_rows, with_hosts
from supervisor.page.views.parts import verdict_of
from supervisor.status.facts.pipeline_status import PipelineStatus
from tests.support.samples.statuses import pipeline_status


def said(name: str, *numbers: int, age: float = 1.0, **changes: Any) -> dict[str, Any]:
    status = pipeline_status(*({"partition": number, "dead": 0} | changes for number in numbers))
    return HostSaid(name, f"{name}:7", age, status).to_json()


def everywhere(*hosts: dict[str, Any], now: float = 100.0) -> Everywhere:
    found = Everywhere("host-1", lambda: now)
    found.take({"hosts": [*hosts], "seconds": 2.0})
    return found


def own(*numbers: int, **changes: Any) -> PipelineStatus:
    return pipeline_status(*({"partition": number, "dead": 0} | changes for number in numbers))


def test_each_partition_is_there_once_with_the_host_that_has_it() -> None:
    placed = everywhere(said("host-1", 0), said("host-2", 1, 2)).placed(own(0))
    assert [p.key for p in placed.partitions] == ["orders/0", "orders/1", "orders/2"]
    assert placed.hosts == {"orders/1": "host-2", "orders/2": "host-2"}


@pytest.mark.parametrize(("ours", "theirs", "host"), [("running", "starting", None), ("stopping", "running", "host-2")])
def test_of_two_that_name_a_partition_the_one_counts_whose_worker_runs(ours: str, theirs: str, host: str) -> None:
    placed = everywhere(said("host-2", 0, state=theirs)).placed(own(0, state=ours))
    assert placed.hosts.get("orders/0") == host
    assert [p.state for p in placed.partitions] == ["running"]


def test_what_a_silent_host_had_is_not_shown_and_that_it_is_silent_is() -> None:
    now = 100.0
    feed = Feed(lambda *_, **__: None, lambda: now, "host-1")
    feed.take(own(0).to_json())
    feed.everywhere.take({"hosts": [said("host-2", 1, 2)], "seconds": 2.0})
    assert verdict_of(feed).what.startswith("All 3 partitions run")
    feed.everywhere.take({"hosts": [said("host-2", 1, 2, age=60.0)], "seconds": 3.0})
    found = verdict_of(feed)
    assert (found.level, found.what) == ("notice", "orders/0 runs, and all data is on time")
    assert found.also.startswith("the host host-2 is silent for 1 min 3 s, since 20")


def test_an_answer_of_something_else_changes_nothing_and_what_was_said_grows_old() -> None:
    now = 100.0
    found = Everywhere("host-1", lambda: now)
    found.take({"hosts": [said("host-2", 1)], "seconds": 2.0})
    for reply in (None, {"error": "unknown command"}):
        found.take(reply)
    now = 105.0
    assert [one.age for one in found.others] == [8.0]


def test_a_row_for_each_host_its_own_first() -> None:
    others = everywhere(said("host-2", 1, 2, rows_per_second=10.0), said("host-3", 3, age=90)).others
    rows = host_rows("host-1", own(0, state="halted"), others)
    assert [(row["name"], row["heard"], row["running"], row["rate"]) for row in rows[:2]] == [
        ("host-1", "● this one", "0 of 1", "1,234"),
        ("host-2", "● 3 s ago", "2 of 2", "20"),
    ]
    assert rows[2]["heard"].startswith("■ silent for 1 min 32 s, since 20")
    assert (rows[2]["running"], rows[2]["rate"], rows[2]["lag"]) == ("-", "-", "-")


def test_rows_of_partitions_say_the_host_and_those_of_topics_how_many() -> None:
    partitions = own(0, 1).partitions
    rows = with_hosts(folded_rows(partitions, {"orders"}), partitions, {"orders/1": "host-2"}, "host-1")
    assert [row["host"] for row in rows] == ["2 hosts", "host-1", "host-2"]
    alone = with_hosts(folded_rows(partitions[:1], set()), partitions[:1], {}, "host-1")
    assert [row["host"] for row in alone] == ["host-1"]
