"""A dead letter as its table keeps it, and those of one partition as a batch of messages again."""

from __future__ import annotations

import base64
import datetime as dt
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_

from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from workers.commit.dead_letters.rows import NOT_KEPT
from workers.contract.batch import Batch, Headers
from workers.contract.packed_bytes import PackedBytes
from workers.contract.partition_spec import PartitionKey

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - DATETIME columns hold UTC without a zone


@dataclass(frozen=True, slots=True, order=True)
class DeadLetterSource:
    """Where dead letters came from: a partition, as one consumer group read it, of one topic under that name."""

    key: PartitionKey
    group: str
    topic_id: str

    def where(self) -> ColumnElement[bool]:
        """Its dead letters, dropped ones too."""
        return and_(
            DEAD_LETTERS.c.topic == self.key.topic,
            DEAD_LETTERS.c["partition"] == self.key.partition,
            DEAD_LETTERS.c.consumer_group == self.group,
            DEAD_LETTERS.c.topic_id == self.topic_id,
        )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be a row, and why."""

    source: DeadLetterSource
    offset: int
    timestamp: int  #: milliseconds since 1970, -1: none
    key: bytes | None
    value: bytes | None
    headers: Headers | None
    schema_id: int | None
    error_name: str
    error_text: str
    table: str
    written_at: dt.datetime
    dropped_at: dt.datetime | None
    fetched: bool = False  #: key, value and headers were read from Kafka again

    @property
    def kept(self) -> bool:
        """Whether the table has all that Kafka gave. If not, a NULL in it may stand for anything."""
        return self.dropped_at is None and not self.error_text.endswith(NOT_KEPT)

    @property
    def whole(self) -> bool:
        """Whether key, value and headers are what Kafka gave."""
        return self.kept or self.fetched


def dead_letter_of(row: Row[Any]) -> DeadLetter:
    """A row of `rtpipe_dead_letters` with all its columns."""
    found = row._mapping  # noqa: SLF001 - its public name
    headers = found["headers"]
    moment = found["timestamp"]
    return DeadLetter(
        source=DeadLetterSource(
            PartitionKey(found["topic"], found["partition"]), found["consumer_group"], found["topic_id"]
        ),
        offset=found["offset"],
        timestamp=-1 if moment is None else (moment - _EPOCH) // dt.timedelta(milliseconds=1),
        key=found["key"],
        value=found["value"],
        headers=headers and [(name, None if text is None else base64.b64decode(text)) for name, text in headers],
        schema_id=found["schema_id"],
        error_name=found["error_name"],
        error_text=found["error_text"],
        table=found["table_name"],
        written_at=found["written_at"],
        dropped_at=found["dropped_at"],
    )


def batch_of(dead_letters: Sequence[DeadLetter]) -> Batch:
    """The messages of dead letters of one source, in the order of their offsets; one or more."""
    return Batch(
        first=dead_letters[0].offset,
        next_offset=dead_letters[-1].offset + 1,
        leader_epoch=-1,
        offsets=[dead_letter.offset for dead_letter in dead_letters],
        values=PackedBytes([dead_letter.value for dead_letter in dead_letters]),
        keys=PackedBytes([dead_letter.key for dead_letter in dead_letters]),
        timestamps=array("q", [dead_letter.timestamp for dead_letter in dead_letters]),
        headers={at: dead_letter.headers for at, dead_letter in enumerate(dead_letters) if dead_letter.headers},
    )
