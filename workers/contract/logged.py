"""A line of the log that has a name, as it goes from process to process."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

#: What a record says beside its fields of `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "event", "partition"}


@dataclass(frozen=True, slots=True)
class Logged:
    """An event of the log."""

    wall: float  #: seconds since 1970
    level: str
    event: str
    partition: str  #: `orders/0`; "" where it is about more than one
    text: str
    more: Mapping[str, int | float | str]  #: its other fields


def logged(record: logging.LogRecord) -> Logged | None:
    """The event that the record is; None for one without a name."""
    event = getattr(record, "event", None)
    if event is None:
        return None
    more = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    return Logged(
        wall=record.created,
        level=record.levelname.lower(),
        event=str(event),
        partition=str(getattr(record, "partition", "")),
        text=record.getMessage(),
        more={name: value if isinstance(value, int | float | str) else str(value) for name, value in more.items()},
    )
