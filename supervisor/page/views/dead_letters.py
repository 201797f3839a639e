"""Dead letters by topic and reason, with what each reason means and what to do; for the operator, their messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from nicegui import ui

from rtpipe.log import visible
from supervisor.page.views.frame import Site, frame
from supervisor.page.views.messages.letter_card import LetterCard
from supervisor.page.views.parts import Column, Rows
from supervisor.page.views.words import number
from supervisor.status.facts.partition_status import PartitionStatus
from workers.contract.refusal import Reason

_COLUMNS = (
    Column("topic", "Topic", left=True),
    Column("reason", "Reason", left=True),
    Column("count", "Count"),
    Column("partitions", "Partitions", left=True, wide=True),
    Column("meaning", "What it means, and what to do", wrap=True),
)


def dead_letters_page(site: Site) -> None:
    """At `/dead-letters`."""
    with frame(site, "/dead-letters", "Dead letters") as page:
        with ui.element("section").classes("card"):
            ui.label("Messages that could not become rows, since the supervisor started").classes("title")
            table = Rows(_COLUMNS, "None since the supervisor started.")
            if not site.may_act():
                ui.label(
                    "Whoever signs in with the operator's token sees and retries their messages here. On the command "
                    "line: rtpipe dead-letters list, and once the cause is repaired: rtpipe dead-letters retry"
                ).classes("hint")
        if site.may_act():
            LetterCard(site)
        page.updates.append(lambda: table.show(letter_rows(site.feed.status.partitions if site.feed.status else ())))


def letter_rows(partitions: Sequence[PartitionStatus]) -> list[dict[str, Any]]:
    """By topic and reason, the most first."""
    counts: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], list[int]] = {}
    for p in partitions:
        for reason, count in p.figures.reasons.items():
            counts[p.topic, reason] += count
            where.setdefault((p.topic, reason), []).append(p.partition)
    return [
        {
            "id": f"{topic} {reason}",
            "topic": visible(topic),
            "address": f"/topic/{topic}",
            "reason": visible(reason),
            "count": number(count),
            "partitions": ", ".join(map(str, sorted(where[topic, reason]))),
            "meaning": advice(reason),
        }
        for (topic, reason), count in counts.most_common()
    ]


def advice(name: str) -> str:
    """Of a reason that this version knows."""
    found = next((reason for reason in Reason if reason.value == name), None)
    return f"{found.meaning} {found.advice}".replace("`", "") if found else ""
