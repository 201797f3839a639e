"""The topics of a run with their partitions folded, worst first; rows as facts, and the table that shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from nicegui.events import GenericEventArguments

from rtpipe.log import visible
from supervisor.page.views.parts import Column, Rows, cell
from supervisor.page.views.words import Mark, badness, caught_up, condition_mark, number, seconds, state_mark, trend
from supervisor.status.facts.partition_status import PartitionStatus

_COLUMNS = (
    Column("name", "Topic", left=True),
    Column("condition", "Data", left=True),
    Column("state", "Process", left=True, wide=True),
    Column("rate", "Rows/s"),
    Column("lag", "Lag"),
    Column("age", "Oldest", wide=True),
    Column("trend", "Trend", wide=True),
    Column("until", "Caught up in", wide=True),
    Column("limit", "Limited by", left=True, wide=True),
    Column("dead", "Dead", wide=True),
    Column("restarts", "Restarts", wide=True),
    Column("reason", "Why", wrap=True, wide=True),
)
_HOST = Column("host", "Host", left=True)


class PartitionTable:
    """`topics`: folded by topic; else one topic's partitions alone."""

    def __init__(self, empty: str, *, folding: bool, here: str = "") -> None:
        """`here`: the name of this host, where several share the partitions."""
        self._folding, self._here = folding, here
        self._hosts: Mapping[str, str] = {}
        self._turned: set[str] = set()  # topics that were folded or unfolded by hand
        self._partitions: Sequence[PartitionStatus] = ()
        columns = [*_COLUMNS[:1], _HOST, *_COLUMNS[1:]] if here else _COLUMNS
        self._rows = Rows(columns, empty, folding=folding)
        if folding:
            self._rows.table.on("fold", self._fold)

    def show(self, partitions: Sequence[PartitionStatus], hosts: Mapping[str, str]) -> None:
        """All that there are; `hosts`: by key, of those that other hosts have."""
        self._partitions, self._hosts = partitions, hosts
        if self._folding:
            rows = folded_rows(partitions, self._turned)
        else:
            rows = [partition_row(p, name=visible(p.key)) for p in sorted(partitions, key=order)]
        self._rows.show(with_hosts(rows, partitions, hosts, self._here) if self._here else rows)

    def _fold(self, event: GenericEventArguments) -> None:
        topic = str(event.args)
        if any(p.topic == topic for p in self._partitions):
            self._turned ^= {topic}
            self.show(self._partitions, self._hosts)


def with_hosts(
    rows: Sequence[dict[str, Any]], partitions: Sequence[PartitionStatus], hosts: Mapping[str, str], here: str
) -> list[dict[str, Any]]:
    """The same with the host that has the partition; of a topic, how many have some of it."""
    of_topics: dict[str, set[str]] = {}
    for p in partitions:
        of_topics.setdefault(p.topic, set()).add(hosts.get(p.key, here))

    def host_of(row: dict[str, Any]) -> str:
        if row["kind"] == "partition":
            return visible(hosts.get(row["id"], here))
        some = of_topics[row["id"]]
        return visible(*some) if len(some) == 1 else f"{len(some)} hosts"

    return [row | {"host": host_of(row)} for row in rows]


def folded_rows(partitions: Sequence[PartitionStatus], turned: set[str]) -> list[dict[str, Any]]:
    """A row for each topic, the worst first; below it its partitions, if it is in trouble or was unfolded."""
    topics: dict[str, list[PartitionStatus]] = {}
    for p in sorted(partitions, key=order):
        topics.setdefault(p.topic, []).append(p)
    rows: list[dict[str, Any]] = []
    for topic, members in topics.items():
        in_trouble = condition_mark(members[0].condition).tone == "bad"
        is_open = in_trouble != (topic in turned)
        rows.append(topic_row(topic, members, is_open=is_open))
        rows += [partition_row(p, name=partition_name(p)) for p in members] if is_open else []
    return rows


def order(p: PartitionStatus) -> tuple[tuple[int, int, int], str, int]:
    """Worst first, then by name, so that rows that are well stay where they are."""
    return badness(p), p.topic, p.partition


def topic_row(topic: str, members: Sequence[PartitionStatus], *, is_open: bool) -> dict[str, Any]:
    """The worst of its partitions, and sums; a sum with an unknown part is unknown."""
    worst = members[0]
    mark = condition_mark(worst.condition)
    many = sum(p.condition == worst.condition for p in members)
    counted = mark if mark.tone == "good" or len(members) == 1 else Mark(mark.shape, f"{many} {mark.word}", mark.tone)
    running = sum(p.state == "running" for p in members)
    states = Mark("▸", f"{running} of {len(members)}", "good" if running == len(members) else "warn")
    return {
        "id": topic,
        "kind": "topic",
        "fold": "▾" if is_open else "▸",
        "name": visible(topic),
        "address": f"/topic/{quote(topic)}",
        **cell("condition", counted),
        **cell("state", states),
        "rate": number(total([p.rows_per_second for p in members])),
        "lag": number(total([p.lag for p in members])),
        "age": seconds(max((p.lag_seconds for p in members if p.lag_seconds is not None), default=None)),
        "trend": "",
        "until": "",
        "limit": "",
        "dead": number(total([p.dead for p in members])),
        "restarts": number(total([p.restarts for p in members])),
        "reason": "" if is_open else why(worst),
    }


def partition_row(p: PartitionStatus, *, name: str) -> dict[str, Any]:
    """One partition."""
    return {
        "id": p.key,
        "kind": "partition",
        "name": name,
        "address": f"/partition/{quote(p.topic)}/{p.partition}" if p.partition >= 0 else "",
        **cell("condition", condition_mark(p.condition)),
        **cell("state", state_mark(p.state)),
        "rate": number(p.rows_per_second),
        "lag": number(p.lag),
        "age": seconds(p.lag_seconds),
        "trend": trend(p),
        "until": caught_up(p),
        "limit": p.limiting_phase,
        "dead": number(p.dead),
        "restarts": number(p.restarts),
        "reason": why(p),
    }


def partition_name(p: PartitionStatus) -> str:
    """Below its topic."""
    return f"/{p.partition}" if p.partition >= 0 else "partitions not known"


def why(p: PartitionStatus) -> str:
    """The first that there is: a reason of its state, of its condition, a warning, a death a short time ago."""
    return visible(p.reason or p.condition_reason or p.warning)


def total(values: Sequence[float | None]) -> float | None:
    """None as soon as one is."""
    return None if None in values else sum(value or 0 for value in values)
