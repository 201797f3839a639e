"""What the page keeps of the supervisor's answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from supervisor.companions.told_companion import ToldCompanion
from supervisor.page.feed import Feed
from supervisor.page.page_options import PageOptions, PageStart
from supervisor.page.recent import STEP, Recent
from tests.support.samples.statuses import pipeline_status
from workers.contract.batch_figures import BatchFigures, PhaseSeconds


def feed() -> Feed:
    return Feed(lambda _command, **_arguments: None)


def test_memory_of_a_process_is_kept_until_it_is_told_again() -> None:
    page = feed()
    for told in ({"memory_bytes": 5, "cpu_percent": 2.0}, {"memory_bytes": None, "cpu_percent": None}):
        page.take(pipeline_status(told).to_json())
    assert page.status
    assert (page.status.partitions[0].memory_bytes, page.status.partitions[0].cpu_percent) == (5, 2.0)
    page.take(pipeline_status({"memory_bytes": None, "pid": 99}).to_json())
    assert page.status.partitions[0].memory_bytes is None


def event(number: int) -> dict[str, Any]:
    return {"number": number, "at": "x", "level": "info", "event": "e", "partition": "", "text": "t", "more": {}}


def test_events_add_up_also_of_the_next_run() -> None:
    page = feed()
    page.take_events({"run": "a", "events": [event(1), event(2)]})
    page.take_events(None)
    page.take_events({"error": "unknown command"})
    page.take_events({"run": "b", "events": [event(1)]})
    assert [one.number for one in page.events] == [1, 2, 1]


def test_an_answer_that_is_no_status_is_none() -> None:
    page = feed()
    page.take({"error": "unknown command"})
    assert page.status is None


def figures(encoding: float) -> BatchFigures:
    return BatchFigures(PhaseSeconds(waiting=9.0, encoding=encoding))


def test_points_of_a_partition_are_a_step_apart_and_have_the_mean_time_of_a_batch() -> None:
    recent = Recent()
    for at, batches, encoding in ((0.0, 1, 1.0), (STEP / 2, 2, 3.0), (STEP, 5, 3.0), (2 * STEP, 5, 3.0)):
        recent.add(pipeline_status({"batches": batches, "figures": figures(encoding)}), 100.0 + at)
    assert [(p.at, p.batch_seconds) for p in recent.of("orders/0")] == [(100, None), (102, 0.5), (104, None)]


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    recent = Recent()
    recent.add(pipeline_status({"lag_seconds": 4.0}, {"offset": None}), 100.0)
    [point] = recent.of_all()
    assert (point.rows_per_second, point.lag, point.lag_seconds) == (2_469, None, 4.0)


def test_a_partition_that_is_gone_is_forgotten() -> None:
    recent = Recent()
    recent.add(pipeline_status({}, {}), 100.0)
    recent.add(pipeline_status({}), 200.0)
    assert len(recent.of("orders/0")) == 2
    assert not recent.of("orders/1")


START = PageStart("s.sock", "json", "INFO", PageOptions("::1", 80, frozenset({"a", "b"}), "secret", is_open=False))


class FakeCompanion:
    starts = 0

    def __init__(self) -> None:
        self.told: list[bytes] = []
        self.stopped = False

    def look(self, _now: float) -> None: ...

    def tell(self, line: bytes) -> bool:
        self.told.append(line)
        return True

    def stop(self) -> None:
        self.stopped = True


def test_each_start_of_the_process_is_told_once_what_it_needs() -> None:
    companion = FakeCompanion()
    link = ToldCompanion(companion, START.as_line())  # type: ignore[arg-type] # a fake
    for starts in (0, 1, 1, 2):
        companion.starts = starts
        link.look(0.0)
    assert [PageStart.from_line(line) for line in companion.told] == [START, START]
    link.stop()
    assert companion.stopped


def test_what_costs_most_is_asked_for_once_a_minute_and_the_rest_less_often_while_nobody_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, asked = 0.0, list[tuple[float, bool]]()

    def ask(command: str, **arguments: Any) -> dict[str, Any]:
        if command == "status":
            asked.append((now, arguments["processes"]))
        return pipeline_status({}).to_json()

    page = Feed(ask, lambda: now)

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        if now == 100:
            page.look()
        if now >= 300:
            raise asyncio.CancelledError

    monkeypatch.setattr("supervisor.page.feed.asyncio.sleep", sleep)
    with suppress(asyncio.CancelledError):
        asyncio.run(page.run())
    alone, looked_at = (
        [one for one in asked if one[0] < 100],
        [one for one in asked if 100 <= one[0] < 160],
    )
    assert (len(alone), sum(with_processes for _, with_processes in alone)) == (50, 2)
    assert (len(looked_at), sum(with_processes for _, with_processes in looked_at)) == (60, 1)
    assert not page.is_looked_at
