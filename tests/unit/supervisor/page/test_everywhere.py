"""What the page shows of several hosts: each partition once, where it is, and who is silent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from supervisor.hosts.host_said import HostSaid
from supervisor.page.commands import Commands, Said
from supervisor.page.everywhere import Everywhere
from supervisor.page.feed import Feed
from supervisor.page.guard import Guard
from supervisor.page.page_options import PageOptions
from supervisor.page.past import Past
from supervisor.page.views.frame import Site
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


class Played(Commands):
    """Commands that are not run."""

    def __init__(self, answer: Said) -> None:
        super().__init__({})
        self.answer = answer
        self.run: list[tuple[str, ...]] = []

    async def write(self, *words: str, client: str) -> Said:
        self.run.append((*words, client))
        return self.answer


@pytest.mark.parametrize(
    ("where", "answer", "reply", "ran"),
    [
        ("orders/1", Said({"done": ["orders/1"]}), {"done": ["orders/1"]}, True),
        ("orders", Said(None, "nobody has it"), {"error": "nobody has it"}, True),
        ("orders/0", Said(None), {"done": ["here"]}, False),
    ],
)
def test_what_another_host_has_is_asked_of_it_by_the_command(
    monkeypatch: pytest.MonkeyPatch, where: str, answer: Said, reply: Any, ran: bool
) -> None:
    asked: list[dict[str, Any]] = []

    def ask(_command: str, **more: Any) -> dict[str, Any]:
        asked.append(more)
        return {"done": ["here"]}

    feed = Feed(ask, host="host-1")
    feed.take(own(0).to_json())
    feed.everywhere.take({"hosts": [said("host-2", 1)], "seconds": 0.0})
    monkeypatch.setattr(Site, "client", "10.0.0.7")
    commands = Played(answer)
    site = Site(feed, Guard(PageOptions("::1", 80, frozenset())), commands, Past(""))
    assert asyncio.run(site.act("pause", where)) == reply
    assert commands.run == [("pause", where, "--yes", "10.0.0.7")] * ran
    assert [more["page_client"] for more in asked] == ["10.0.0.7"] * (not ran)
    would = asyncio.run(site.act("pause", "orders", dry_run=True))
    assert would == {"done": ["orders/0", "orders/1"]}
