"""The newest events of supervisor and workers, for `rtpipe logs`, the page and the history."""

from __future__ import annotations

import itertools
import logging
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from rtpipe.clock import timestamp
from workers.contract.logged import Logged, logged

#: Events that are kept.
_KEPT = 2_000
#: Figures that are logged again and again: nothing has happened, and whoever looks back would find little else.
_NO_NEWS = frozenset({"summary"})


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the log that has a name."""

    number: int  #: counted by the supervisor from 1
    at: str  #: RFC 3339, UTC
    level: str
    event: str
    partition: str  #: `orders/0`; "" where it is about more than one
    text: str
    more: Mapping[str, Any]  #: its other fields

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Event:
        """The inverse of `asdict`, also of another version: what it does not say is empty, what is new is left out."""
        empty: dict[str, Any] = {"number": 0, "more": {}}
        return cls(**{field.name: said.get(field.name, empty.get(field.name, "")) for field in fields(cls)})

    def is_about(self, topic: str, partition: int | None) -> bool:
        """Whether it is about the topic, or one partition of it."""
        if partition is None:
            return self.partition.rpartition("/")[0] == topic or self.more.get("topic") == topic
        return self.partition == f"{topic}/{partition}"


class EventRing(logging.Handler):
    """A handler of the log; also of what workers tell."""

    def __init__(self) -> None:
        super().__init__()
        self.run = secrets.token_hex(4)  #: names the supervisor whose events these are, since numbers start anew
        self._numbers = itertools.count(1)
        self._events: deque[Event] = deque(maxlen=_KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, if it has a name."""
        if (event := logged(record)) is not None:
            self.add(event)

    def add(self, said: Logged) -> None:
        """Keep it, if something has happened: from our own log, or from a worker."""
        if said.event in _NO_NEWS:
            return
        number, at = next(self._numbers), timestamp(said.wall)
        self._events.append(Event(number, at, said.level, said.event, said.partition, said.text, said.more))

    def after(self, number: int) -> list[Event]:
        """Events that are newer than this one, oldest first."""
        newer = list(itertools.takewhile(lambda event: event.number > number, reversed(self._events)))
        return newer[::-1]
