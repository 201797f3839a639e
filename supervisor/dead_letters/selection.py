"""Which dead letters a command is about: the options that all of them share, as one object."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_

from avro_schemas.tables.own_tables.dead_letters import LETTERS
from rtpipe.errors import SettingsError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST_NUMBER = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Letters that are all of this; nothing given: every letter. Those that were dropped are no letters any more."""

    topics: tuple[tuple[str, int | None], ...] = ()  #: topic and partition, None: all of its partitions
    errors: tuple[str, ...] = ()
    offsets: tuple[tuple[int, int], ...] = ()  #: first and last
    since: dt.datetime | None = None  #: UTC, without a zone
    dropped: bool = False  #: instead, those that were dropped

    @property
    def narrow(self) -> bool:
        """Whether anything is left out."""
        return bool(self.topics or self.errors or self.offsets or self.since)

    def where(self) -> ColumnElement[bool]:
        """The condition on `rtpipe_dead_letters`."""
        letters = LETTERS.c
        found: list[ColumnElement[bool]] = [
            letters.dropped_at.is_not(None) if self.dropped else letters.dropped_at.is_(None)
        ]
        if self.topics:
            places = [
                letters.topic == topic
                if partition is None
                else and_(letters.topic == topic, letters["partition"] == partition)
                for topic, partition in self.topics
            ]
            found.append(or_(*places))
        if self.errors:
            found.append(letters.error_name.in_(self.errors))
        if self.offsets:
            found.append(or_(*(letters.offset.between(first, last) for first, last in self.offsets)))
        if self.since:
            found.append(letters.written_at >= self.since)
        return and_(*found)


def selection(
    topics: Sequence[str] = (),
    errors: Sequence[str] = (),
    offsets: Sequence[str] = (),
    since: str = "",
    *,
    dropped: bool = False,
) -> Selection:
    """What the options say; each may be repeated or hold several, split by commas. Raises SettingsError."""
    chosen = Selection(
        topics=tuple(_place(text) for text in _words(topics)),
        errors=tuple(_error(text) for text in _words(errors)),
        offsets=tuple(_range(text) for text in _words(offsets)),
        since=_moment(since) if since else None,
        dropped=dropped,
    )
    if chosen.offsets and not chosen.topics:
        raise SettingsError("--offset without a topic", hint="for example: --topics dataset1/0 --offset 17,20-25")
    return chosen


def _words(given: Sequence[str]) -> list[str]:
    return [word.strip() for text in given for word in text.split(",") if word.strip()]


def _place(text: str) -> tuple[str, int | None]:
    topic, slash, partition = text.partition("/")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", topic) or (slash and not re.fullmatch(r"[0-9]{1,9}", partition)):
        raise SettingsError(
            f"{text!r} is neither TOPIC nor TOPIC/PARTITION", hint="for example: dataset1 or dataset1/0"
        )
    return topic, int(partition) if slash else None


def _error(text: str) -> str:
    if not re.fullmatch(r"E_[A-Z_]{1,62}", text):
        raise SettingsError(f"--error {text!r} is no name of an error", hint="for example: --error E_VALUE")
    return text


def _range(text: str) -> tuple[int, int]:
    found = re.fullmatch(rf"([0-9]{{1,{_LONGEST_NUMBER}}})(?:-([0-9]{{1,{_LONGEST_NUMBER}}}))?", text)
    if not found or int(found[2] or found[1]) < int(found[1]):
        raise SettingsError(f"--offset {text!r} is no offset and no range", hint="for example: --offset 17,20-25")
    return int(found[1]), int(found[2] or found[1])


def _moment(text: str) -> dt.datetime:
    """`90s`, `30m`, `2h`, `7d` ago, or a date and time by ISO 8601, which is UTC unless it says otherwise."""
    try:
        if found := re.fullmatch(r"([0-9]{1,9})([smhd])", text):
            return dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(**{_UNITS[found[2]]: int(found[1])})
        moment = dt.datetime.fromisoformat(text)
        return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        raise SettingsError(
            f"--since {text!r} is no duration and no time", hint="for example: --since 2h, --since 2026-05-01T10:00"
        ) from None
