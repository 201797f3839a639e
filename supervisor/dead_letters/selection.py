"""Which dead letters a command is about: the options that all of them share, as one object."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_

from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from rtpipe.errors import SettingsError
from supervisor.settings.option_values import moment, topic_and_partition, words

_LONGEST_NUMBER = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Dead letters that meet all of these conditions; none given: all that were not dropped."""

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
        columns = DEAD_LETTERS.c
        found: list[ColumnElement[bool]] = [
            columns.dropped_at.is_not(None) if self.dropped else columns.dropped_at.is_(None)
        ]
        if self.topics:
            partitions = [
                columns.topic == topic
                if partition is None
                else and_(columns.topic == topic, columns["partition"] == partition)
                for topic, partition in self.topics
            ]
            found.append(or_(*partitions))
        if self.errors:
            found.append(columns.error_name.in_(self.errors))
        if self.offsets:
            found.append(or_(*(columns.offset.between(first, last) for first, last in self.offsets)))
        if self.since:
            found.append(columns.written_at >= self.since)
        return and_(*found)


def selection(
    topics: Sequence[str] | None = None,
    errors: Sequence[str] | None = None,
    offsets: Sequence[str] | None = None,
    since: str = "",
    *,
    dropped: bool = False,
) -> Selection:
    """What the options say; each may be repeated or hold several, separated by commas. Raises SettingsError.

    None and "": nothing is said, and so nothing is left out.
    """
    chosen = Selection(
        topics=tuple(topic_and_partition(text) for text in words(topics or ())),
        errors=tuple(_error(text) for text in words(errors or ())),
        offsets=tuple(_range(text) for text in words(offsets or ())),
        since=moment("--since", since).replace(tzinfo=None) if since else None,
        dropped=dropped,
    )
    if chosen.offsets and not chosen.topics:
        raise SettingsError("--offset without a topic", hint="for example: --topics dataset1/0 --offset 17,20-25")
    return chosen


def _error(text: str) -> str:
    if not re.fullmatch(r"E_[A-Z_]{1,62}", text):
        raise SettingsError(f"--error {text!r} is no name of an error", hint="for example: --error E_VALUE")
    return text


def _range(text: str) -> tuple[int, int]:
    found = re.fullmatch(rf"([0-9]{{1,{_LONGEST_NUMBER}}})(?:-([0-9]{{1,{_LONGEST_NUMBER}}}))?", text)
    if not found or int(found[2] or found[1]) < int(found[1]):
        raise SettingsError(f"--offset {text!r} is no offset and no range", hint="for example: --offset 17,20-25")
    return int(found[1]), int(found[2] or found[1])
