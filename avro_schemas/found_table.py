"""A table as the server describes it; infra/ddl.py asks for it, evolution.py and verify judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column, its type in the form that both servers share: `int`, `varchar(64)`, `json`."""

    type: str
    nullable: bool
    charset: str | None = None
    collation: str | None = None
    default: str | None = None  #: as SQL writes it; None: there is none, or it is NULL
    extra: str = ""  #: auto_increment, generated, on update, in lower case
    comment: str = ""

    @property
    def fills_itself(self) -> bool:
        """Whether a row may leave it out."""
        return self.nullable or self.default is not None or "auto_increment" in self.extra or self.generated

    @property
    def generated(self) -> bool:
        """Whether the server computes it, so that nobody may write it."""
        return " generated" in f" {self.extra}".replace("default_generated", "")


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A base table: its columns in their order and its primary key; about how many rows there are."""

    columns: Mapping[str, FoundColumn] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    rows: int = 0

    def name_of(self, column: str) -> str | None:
        """How a column of this name is written here, upper and lower case aside; None if there is none."""
        if column in self.columns:
            return column
        return next((name for name in self.columns if name.lower() == column.lower()), None)
