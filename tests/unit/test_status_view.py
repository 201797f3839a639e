"""The table of `rtpipe status`, from facts to text."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from supervisor.partition_status import PartitionStatus, PipelineStatus
from supervisor.status_view import status_table, summary_words

FACTS: dict[str, Any] = {
    "topic": "orders",
    "partition": 0,
    "state": "running",
    "reason": "",
    "pid": 4_711,
    "writer_pid": 4_712,
    "epoch": 1,
    "end_offset": 1_500,
    "offset": 1_000,
    "rows": 1_000,
    "dead": 0,
    "rows_per_second": 1_234.4,
    "queue_depth": 3,
    "backpressure": False,
    "restarts": 2,
    "memory_bytes": 27_400_000,
    "cpu_percent": 12.0,
}


def pipeline(*changes: dict[str, Any], draining: bool = False) -> PipelineStatus:
    return PipelineStatus(1, 2.0, draining, tuple(PartitionStatus(**(FACTS | change)) for change in changes))


def lines(status: PipelineStatus) -> list[list[str]]:
    out = io.StringIO()
    Console(file=out, width=160).print(status_table(status))
    assert "\x1b" not in out.getvalue()
    return [line.split() for line in out.getvalue().splitlines()]


def test_one_row_for_each_partition_and_the_sums_below() -> None:
    head, first, second, foot = lines(pipeline({}, {"partition": 1, "offset": 1_499, "rows_per_second": 0.6}))
    assert head[:5] == ["TOPIC", "PART", "STATE", "PID", "KAFKA"]
    assert first == ["orders", "0", "running", "4711", "1,500", "1,000", "500", "1,234", "3", "2", "27", "12"]
    assert second[5:8] == ["1,499", "1", "1"]
    assert " ".join(foot) == "2 of 2 running 501 1,235 4 55 24"


def test_what_is_not_known_is_a_dash() -> None:
    unknown = dict.fromkeys(("pid", "end_offset", "offset", "memory_bytes", "cpu_percent"))
    _, row, _ = lines(pipeline({**unknown, "state": "starting"}))
    assert row == ["orders", "0", "starting", "-", "-", "-", "-", "1,234", "3", "2", "-", "-"]


def test_a_reason_stands_below_its_partition() -> None:
    _, row, reason, _ = lines(pipeline({"state": "halted", "reason": "orders/0 offset 7: too long"}))
    assert row[2] == "halted"
    assert " ".join(reason) == "orders/0 offset 7: too long"


def test_backpressure_and_waiting_are_seen() -> None:
    _, row, _ = lines(pipeline({"backpressure": True, "queue_depth": 8, "reason": "database: cannot connect"}))
    assert row[2] == "waiting"
    assert row[8:10] == ["8", "full"]


def test_the_summary() -> None:
    assert summary_words(pipeline({}, {"state": "halted"})) == "1 of 2 running"
    assert summary_words(pipeline({}, draining=True)) == "1 of 1 running, draining"


def test_json_there_and_back() -> None:
    status = pipeline({}, {"offset": None})
    told = status.to_json()
    assert [partition["lag"] for partition in told["partitions"]] == [500, None]
    assert PipelineStatus.from_json(told) == status
