"""One message as `rtpipe peek` shows it, and what the database has of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Message

from avro_schemas.avro.wire_format import WireFormatError, schema_id_of
from supervisor.dead_letters.message_text import DeadLetterReader
from workers.contract.batch import Headers
from workers.contract.partition_spec import PartitionKey
from workers.intake.message_columns import headers_of


class RowState(enum.StrEnum):
    """What the database has of a message, in the words that are shown."""

    ROW = "row"
    NOT_YET = "no row yet"
    DEAD_LETTER = "dead letter"
    NO_ROW = "no row"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Beside:
    """What is beside a message: its row, or why there is none to show."""

    state: RowState
    text: str = ""
    row: Mapping[str, Any] | None = None  #: column -> value


@dataclass(frozen=True, slots=True)
class Peeked:
    """A message, its value as its schema reads it."""

    key: PartitionKey
    offset: int
    timestamp: int  #: milliseconds since 1970, -1: none
    schema_id: int | None
    raw_key: bytes | None
    raw_value: bytes | None
    headers: Headers | None
    value: Any  #: by field; None for a tombstone, and for what cannot be decoded
    problem: str  #: why it cannot be decoded


def peeked(message: Message, reader: DeadLetterReader) -> Peeked:
    """A message of Kafka's client."""
    value: Any = message.value()
    decoded, problem = (None, "") if value is None else reader.decoded(value)
    key: Any = message.key()
    return Peeked(
        PartitionKey(str(message.topic()), int(message.partition() or 0)),
        int(message.offset() or 0),
        message.timestamp()[1],
        _schema_id(value),
        key,
        value,
        headers_of([message]).get(0),
        decoded,
        problem,
    )


def _schema_id(value: bytes | None) -> int | None:
    try:
        return None if value is None else schema_id_of(value)
    except WireFormatError:
        return None
