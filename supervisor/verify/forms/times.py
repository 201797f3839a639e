"""Days and times as the server writes them -> numbers; what does not parse stays text, and so equals nothing."""

from __future__ import annotations

import datetime
import re
from typing import Any

EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 -- DATETIME has no zone; both sides mean UTC
_MICROSECOND = datetime.timedelta(microseconds=1)
_TIME = re.compile(r"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?")


def days(text: Any) -> int | str:
    """Days since 1970."""
    try:
        return (datetime.datetime.fromisoformat(text) - EPOCH).days
    except ValueError:
        return str(text)


def moment(text: Any) -> int | str:
    """Microseconds since 1970, also of a day."""
    try:
        return (datetime.datetime.fromisoformat(text) - EPOCH) // _MICROSECOND
    except ValueError:
        return str(text)


def time_of_day(text: Any) -> int | str:
    """Microseconds since midnight."""
    match = _TIME.fullmatch(text)
    if match is None:
        return str(text)
    sign, hours, minutes, seconds, fraction = match.groups()
    total = (int(hours) * 3_600 + int(minutes) * 60 + int(seconds)) * 1_000_000 + int((fraction or "").ljust(6, "0"))
    return -total if sign else total
