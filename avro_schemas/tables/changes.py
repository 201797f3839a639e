"""What may have to change in a table before it takes rows of a schema: plain and frozen, without SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy.types import TypeEngine

from avro_schemas.columns.type_text import type_words
from avro_schemas.columns.verdict import Cost


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of one column."""

    column: str
    reason: str
    cost: Cost

    def __str__(self) -> str:
        return f"{self.column}: {self.reason}"


@dataclass(frozen=True, slots=True)
class AddColumn(_Change):
    """A new column, which takes NULL: the rows that are there have nothing for it."""

    type: TypeEngine[Any]
    default: str | float | None = None
    comment: str | None = None
    renames: str = ""  #: a column that by the schema's aliases was this one

    def __str__(self) -> str:
        return f"add column {self.column} {type_words(self.type)} ({self.reason})"


@dataclass(frozen=True, slots=True)
class MakeNullable(_Change):
    """The column takes NULL from now on."""

    persons: bool = False  #: NOT NULL is a person's choice, so only a person may end it

    def __str__(self) -> str:
        return f"let column {self.column} be NULL ({self.reason})"


@dataclass(frozen=True, slots=True)
class Widen(_Change):
    """The column gets a type that holds all it has, and more."""

    old: str  #: type, as the server writes it
    type: TypeEngine[Any] = field(compare=False)
    persons: bool = False  #: the type is a person's choice, so only a person may change it

    def __str__(self) -> str:
        return f"widen column {self.column} from {self.old} to {type_words(self.type)} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Rename(_Change):
    """The column gets the name that the schema's newest version gives its field."""

    new: str

    def __str__(self) -> str:
        return f"rename column {self.column} to {self.new} ({self.reason})"


@dataclass(frozen=True, slots=True)
class DropColumn(_Change):
    """The column goes, with all that is in it."""

    def __str__(self) -> str:
        return f"drop column {self.column} ({self.reason})"


#: All that there is to change in a table.
Change: TypeAlias = AddColumn | MakeNullable | Widen | Rename | DropColumn


def is_left_to_people(change: Change) -> bool:
    """Whether rtpipe makes the change on a person's word alone."""
    return isinstance(change, MakeNullable | Widen) and change.persons


@dataclass(frozen=True, slots=True)
class Refused:
    """A field that no column takes, and none is made for."""

    field: str
    column: str
    reason: str
    droppable: bool = True  #: the column may go without the field's value

    def __str__(self) -> str:
        return f"field {self.field}: {self.reason}"
