"""What crosses between the supervisor and its member of the group: one JSON object a line, each way."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workers.contract.partition_spec import PartitionKey

Protocol = Literal["auto", "consumer", "classic"]


class Word(enum.Enum):
    """What the member says."""

    JOINING = "joining"  #: it asks to join; `seconds`: of its session, `text`: the group's protocol
    CONTACT = "contact"  #: the group's coordinator has answered
    ASSIGNED = "assigned"  #: these partitions are ours from now on
    REVOKED = "revoked"  #: these are to be given up: it waits until the supervisor says that they are
    LOST = "lost"  #: these may be another's by now; `text`: why
    TROUBLE = "trouble"  #: it goes on, but a person should know `text`
    REPLACED = "replaced"  #: another member has our instance id, and this one is out


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the member."""

    word: Word
    at: float  #: monotonic seconds, which all processes of a host count alike
    keys: tuple[PartitionKey, ...] = ()
    text: str = ""
    seconds: float = 0.0

    def line(self) -> str:
        """Without its end."""
        return json.dumps(dataclasses.asdict(self) | {"word": self.word.value, "keys": _pairs(self.keys)})

    @classmethod
    def from_line(cls, line: str) -> Said:
        """The inverse of `line`."""
        said = json.loads(line)
        return cls(Word(said.pop("word")), keys=_keys(said.pop("keys")), **said)


@dataclass(frozen=True, slots=True)
class MemberStart:
    """What the member is told first; it may hold a password."""

    kafka: dict[str, str]
    kafka_file: str  #: where some of them came from, to be read again; "": from nowhere
    group: str
    instance_id: str
    topics: Sequence[str]
    session_seconds: int
    give_up_seconds: float  #: that the supervisor takes at most to give up a partition
    protocol: Protocol
    log_format: str
    log_level: str

    def line(self) -> bytes:
        """With its end."""
        return json.dumps(dataclasses.asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> MemberStart:
        """The inverse of `line`."""
        return cls(**json.loads(line))


@dataclass(frozen=True, slots=True)
class Told:
    """What the supervisor says later."""

    given_up: tuple[PartitionKey, ...] = ()  #: these are free for others
    topics: tuple[str, ...] | None = None  #: all that this host shares from now on; None: as before

    def line(self) -> bytes:
        """With its end."""
        return json.dumps({"given_up": _pairs(self.given_up), "topics": self.topics}).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Told:
        """The inverse of `line`."""
        told = json.loads(line)
        return cls(_keys(told["given_up"]), None if told["topics"] is None else tuple(told["topics"]))


def _pairs(keys: Iterable[PartitionKey]) -> list[tuple[str, int]]:
    return [(key.topic, key.partition) for key in keys]


def _keys(pairs: Any) -> tuple[PartitionKey, ...]:
    return tuple(PartitionKey(topic, partition) for topic, partition in pairs)
