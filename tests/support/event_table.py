"""The table of events in docs/operations.md, and whether a record of the log is as it says."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import cache

from tests.support.pages import DOCS

#: What every line may have: docs/operations.md says so above the table.
COMMON = {"event", "partition", "topic"}
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@dataclass(frozen=True, slots=True)
class DocumentedEvent:
    """One event as a reader finds it."""

    levels: frozenset[str]
    fields: frozenset[str]  #: words in backquotes in its meaning: its fields are among them


def event_rows() -> list[list[str]]:
    """The cells of each row: names, levels, meaning."""
    section = (DOCS / "operations.md").read_text().partition("## Logs")[2].partition("\n## ")[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| `")]


@cache
def documented_events() -> dict[str, DocumentedEvent]:
    """By name. A row of several events has a level for each, in order, or one for all."""
    found = {}
    for names, levels, *meaning in event_rows():
        all_names, all_levels = re.findall(r"`(\w+)`", names), [word.strip() for word in levels.split(",")]
        fields = frozenset(re.findall(r"`(\w+)`", " ".join(meaning)))
        for index, name in enumerate(all_names):
            of_this = all_levels if len(all_names) == 1 or len(all_levels) == 1 else [all_levels[index]]
            found[name] = DocumentedEvent(frozenset(of_this), fields)
    return found


def problem_of(record: logging.LogRecord) -> str:
    """What in the record is not as documented; "" if nothing, or if it is no event."""
    name = vars(record).get("event")
    if name is None or not record.name.startswith("rtpipe."):
        return ""
    known = documented_events().get(name)
    if known is None:
        return f"event {name} is not in the table"
    level = record.levelname.lower()
    if level not in known.levels:
        return f"event {name} has level {level}, and the table says {', '.join(sorted(known.levels))}"
    fields = set(vars(record)) - _STANDARD - COMMON - known.fields
    return f"event {name} has {', '.join(sorted(fields))}, which its row does not name" if fields else ""
