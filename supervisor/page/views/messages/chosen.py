"""Which dead letters the operator has chosen, as options of `rtpipe dead-letters`, and in words; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rtpipe.log import visible
from supervisor.page.views.words import number

#: How long ago they were written at most: the option, and its words.
SINCE = {"": "any time", "15m": "the last 15 minutes", "1h": "the last hour", "24h": "the last day", "7d": "a week"}
ANY = ""
#: Of topic and reason, as many are named in a summary.
_KINDS = 6


@dataclass(frozen=True, slots=True)
class Chosen:
    """Dead letters that meet all of these; "" leaves nothing out."""

    where: tuple[str, ...]  #: TOPIC or TOPIC/PARTITION each
    error: str = ANY
    since: str = ANY
    offset: int | None = None  #: of one

    @property
    def options(self) -> tuple[str, ...]:
        """For `rtpipe dead-letters list` and `retry`."""
        given = {"--topics": ",".join(self.where), "--error": self.error, "--since": self.since}
        offset = () if self.offset is None else ("--offset", str(self.offset))
        return (*(word for name, value in given.items() if value for word in (name, value)), *offset)

    @property
    def in_words(self) -> str:
        """`of orders with E_VALUE, written in the last hour`."""
        if self.offset is not None:
            return f"{visible(self.where[0])} offset {self.offset}"
        said = [f"of {visible(self.where[0])}" if len(self.where) == 1 else "of all topics"]
        said += [f"with {self.error}" if self.error else ""]
        said += [f"written in {SINCE[self.since]}" if self.since else ""]
        return " ".join(filter(None, said))


def total_of(answer: Mapping[str, Any]) -> int:
    """How many an answer of `rtpipe dead-letters list --json` counts."""
    return sum(int(one["count"]) for one in answer["summary"])


def summary_of(answer: Mapping[str, Any], shown: int) -> str:
    """`34 dead letters: orders E_VALUE 30, payments E_DECODE 4. The newest 20 are shown.`."""
    total = total_of(answer)
    if not total:
        return "There are no dead letters like that."
    most = sorted(answer["summary"], key=lambda one: -one["count"])
    kinds = ", ".join(f"{visible(one['topic'])} {one['error_name']} {number(one['count'])}" for one in most[:_KINDS])
    more = f", and {len(most) - _KINDS} other kinds" if len(most) > _KINDS else ""
    part = f" The newest {number(shown)} are shown." if shown < total else ""
    return f"{number(total)} dead letter{'s' if total > 1 else ''}: {kinds}{more}.{part}"
