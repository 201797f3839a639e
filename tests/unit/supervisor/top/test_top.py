"""`rtpipe top`, driven by keys in a terminal of 80 columns that is none; and its lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Static

from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.top.lines import COLUMNS, cells, facts, wanted
from supervisor.top.supervisors import Look, Supervisors
from supervisor.top.top_app import Lines, Sure, TopApp

Scene = Callable[[Pilot[None]], Coroutine[Any, Any, None]]


def partition(number: int, **more: Any) -> PartitionStatus:
    known = {
        "topic": "orders",
        "partition": number,
        "state": "running",
        "condition": "ok",
        "offset": 5,
        "end_offset": 9,
    }
    return PartitionStatus.from_json(known | more)


class FakeSupervisors:
    def __init__(self, *partitions: PartitionStatus) -> None:
        self.partitions = partitions
        self.acts: list[tuple[str, str]] = []

    def look(self) -> Look:
        return Look("orders/1 is late for 2 min.", self.partitions)

    def do(self, verb: str, where: str) -> str:
        self.acts.append((verb, where))
        return f"{verb} {where}"

    def log_of(self, where: str) -> list[str]:
        return [f"events of {where}"]


THREE = (
    partition(0, lag_seconds=1.0),
    partition(1, condition="late", end_offset=99, lag_seconds=120.0),
    partition(2, state="halted", condition="held", dead=7, reason="E_VALUE [x] offset 5"),
)


def played(supervisors: FakeSupervisors, scene: Scene) -> None:
    async def play() -> None:
        async with TopApp(supervisors).run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            await scene(pilot)

    asyncio.run(play())


async def settled(pilot: Pilot[None]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def rows(pilot: Pilot[None]) -> list[str]:
    table: DataTable[Any] = pilot.app.screen_stack[0].query_one(DataTable)
    return [str(table.get_row_at(row)[0]) for row in range(table.row_count)]


def words(pilot: Pilot[None], where: str) -> str:
    return str(pilot.app.screen.query_one(where, Static).render())


def test_the_worst_is_first_and_the_verdict_on_top() -> None:
    async def scene(pilot: Pilot[None]) -> None:
        assert rows(pilot) == ["orders/2", "orders/1", "orders/0"]
        assert words(pilot, "#verdict").startswith("orders/1 is late for 2 min.\n3 partitions worst first")

    played(FakeSupervisors(*THREE), scene)


def test_it_filters_and_sorts() -> None:
    async def scene(pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"running", "enter")
        assert rows(pilot) == ["orders/1", "orders/0"]
        assert "of 3 with 'running'" in words(pilot, "#verdict")
        await pilot.press("s")
        assert "by LAG" in words(pilot, "#verdict")
        await pilot.press(*"s" * len(COLUMNS))
        assert "worst first" in words(pilot, "#verdict")

    played(FakeSupervisors(*THREE), scene)


@pytest.mark.parametrize(("key", "verb"), [("p", "pause"), ("r", "resume"), ("R", "restart")])
def test_an_act_asks_first_and_is_told(key: str, verb: str) -> None:
    supervisors = FakeSupervisors(*THREE)

    async def scene(pilot: Pilot[None]) -> None:
        await pilot.press("down", key)
        assert isinstance(pilot.app.screen, Sure)
        await pilot.press("n")
        await settled(pilot)
        assert supervisors.acts == []
        await pilot.press(key, "y")
        await settled(pilot)
        assert supervisors.acts == [(verb, "orders/1")]
        assert f"{verb} orders/1" in words(pilot, "#verdict")
        assert rows(pilot)[pilot.app.query_one(DataTable).cursor_row] == "orders/1"

    played(supervisors, scene)


def test_the_log_and_the_errors_of_one() -> None:
    async def scene(pilot: Pilot[None]) -> None:
        await pilot.press("l")
        await settled(pilot)
        assert isinstance(pilot.app.screen, Lines)
        assert words(pilot, "Static") == "events of orders/2"
        await pilot.press("escape", "e")
        await settled(pilot)
        assert words(pilot, "Static").startswith("E_VALUE [x] offset 5\n")
        await pilot.press("q")
        assert not isinstance(pilot.app.screen, Lines)

    played(FakeSupervisors(*THREE), scene)


def test_with_nobody_there_nothing_can_be_done() -> None:
    supervisors = FakeSupervisors()

    async def scene(pilot: Pilot[None]) -> None:
        await pilot.press("p", "l", "e", "s")
        assert rows(pilot) == []
        assert supervisors.acts == []

    played(supervisors, scene)


def test_where_nobody_listens_it_is_said(tmp_path: Path) -> None:
    nobody = Supervisors(tmp_path)
    assert nobody.look().verdict.startswith("No supervisor answers")
    assert "no supervisor runs here" in nobody.do("pause", "orders/0")
    assert "no supervisor runs here" in nobody.log_of("orders/0")[0]


def test_a_filter_wants_every_word() -> None:
    assert [p.partition for p in wanted(THREE, "ORDERS late", None)] == [1]
    assert [p.partition for p in wanted(THREE, "orders/2 running", None)] == []
    by_dead = [column.title for column in COLUMNS].index("DEAD")
    assert wanted(THREE, "", by_dead)[0].partition == 2


def test_cells_and_facts() -> None:
    assert cells(THREE[1])[:4] == ["orders/1", "running, late", "94", "120"]
    assert cells(partition(3, offset=None))[2:4] == ["-", "-"]
    phases = {"waiting": 0.1, "encoding": 0.2, "writing": 0.3, "commit": 0.4}
    death = {"at": "2026", "reason": "the writer was killed", "process": "writer", "offset": 5, "has_stacks": False}
    said = list(
        facts(
            partition(
                *(0,),
                phases=phases,
                deaths=[death],
                troubles=[{"at": "2026", "name": "waiting", "text": "database"}],
                caught_up_in=90.0,
            )
        )
    )
    assert said == [
        "offset 5 of 9, epoch -, caught up in 1 min 30 s",
        "its writer's time: waiting 10%, encoding 20%, writing 30%, commit 40%",
        "2026  died at offset 5: the writer was killed",
        "2026  waiting  database",
    ]
    assert "falls behind by 12" in next(facts(partition(0, lag_per_second=12.0)))
    assert "nothing left" in next(facts(partition(0, end_offset=5)))
    assert "nobody can say" in next(facts(partition(0)))
