"""The answers to a writer that met a schema id: frozen and plain, since they cross two process boundaries.

SchemaLayout   rows of this schema go so, into a table that takes them by now
KeySchema      keys of this id are read so
SchemaRefused  each message of this id is a dead letter
SchemaHalt     the partition stops until a person mends something
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:  # the consumer, which passes answers on, never needs the memory of a layout
    from avro_schemas.tables.row_layout import RowLayout
    from workers.contract.refusal import Refusal
    from workers.contract.reports import Ended


@dataclass(frozen=True, slots=True)
class SchemaLayout:
    """The schema as parsed JSON, and the layout of its rows."""

    schema_id: int  #: 0 for a schema that is not registered: that of a table's key columns
    schema: Any
    layout: RowLayout


@dataclass(frozen=True, slots=True)
class KeySchema:
    """The schema of keys, as parsed JSON."""

    schema_id: int
    schema: Any


@dataclass(frozen=True, slots=True)
class SchemaRefused:
    """Why no message of this id can be a row."""

    schema_id: int
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class SchemaHalt:
    """Why the partition cannot go on."""

    schema_id: int
    end: Ended


SchemaAnswer: TypeAlias = SchemaLayout | KeySchema | SchemaRefused | SchemaHalt
#: About what was asked first, then about the other ids of the question.
SchemaAnswers: TypeAlias = tuple[SchemaAnswer, ...]


@dataclass(frozen=True, slots=True)
class Sealed:
    """Answers on their way to the writer, as bytes: the consumer passes them on unread."""

    content: bytes

    @classmethod
    def of(cls, answers: SchemaAnswers) -> Sealed:
        """The answers as bytes."""
        return cls(pickle.dumps(answers, pickle.HIGHEST_PROTOCOL))

    def open(self) -> SchemaAnswers:
        """The answers."""
        answers: SchemaAnswers = pickle.loads(self.content)  # noqa: S301 - our own supervisor sealed it
        return answers
