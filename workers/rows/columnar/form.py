"""How the values of a column are written: in a file, and as literals of a statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from rtpipe.mysql.quoting import ESCAPES, quoted

NULL = "NULL"
_MARKS = "[" + "".join(rf"\x{ord(mark):02x}" for mark in ESCAPES) + "]"


@dataclass(frozen=True, slots=True)
class Form:
    """Expressions over the columns of a batch. What is null in `text` is NULL."""

    text: pl.Expr  #: as it stands in a file
    quote: str = ""  #: what a literal begins with; it ends with an apostrophe then
    doubts: tuple[pl.Expr, ...] = ()  #: of one value each: whether the column may store other values than these
    plain: bool = True  #: no text has a character that must be escaped
    digits: pl.Expr | None = None  #: what stands in a literal, where that is not the text

    def literal(self, *, escape: bool) -> pl.Expr:
        """What stands between the quotes of a literal."""
        text = (self.text if self.digits is None else self.digits).cast(pl.String)
        return text.str.replace_many(list(ESCAPES), list(ESCAPES.values())) if escape else text

    @property
    def has_marks(self) -> pl.Expr:
        """Whether a text must be escaped in a literal."""
        return self.text.str.contains(_MARKS).any()


@dataclass(frozen=True, slots=True)
class ColumnForm:
    """A column of the table, and its form."""

    name: str
    form: Form
    may_be_null: bool

    @property
    def hexadecimal(self) -> bool:
        """Whether the text is bytes in hexadecimal digits, of which the server makes the bytes."""
        return self.form.quote == "X'"


def load_columns(columns: Sequence[tuple[str, bool]]) -> str:
    """What a LOAD DATA says of the columns in its file, which are these; True: in hexadecimal digits."""
    places = [f"@c{at}" if hexadecimal else quoted(name) for at, (name, hexadecimal) in enumerate(columns, 1)]
    sets = [f"{quoted(name)} = UNHEX(@c{at})" for at, (name, hexadecimal) in enumerate(columns, 1) if hexadecimal]
    return f"({', '.join(places)})" + (f" SET {', '.join(sets)}" if sets else "")


def row_literals(columns: Sequence[ColumnForm], escaped: frozenset[str]) -> pl.Expr:
    """The literals of several columns with commas between them. `escaped`: columns in which a text must be escaped."""
    parts: list[pl.Expr | str] = []
    for column in columns:
        parts += [*_literal(column, escape=column.name in escaped), ","]
    joined: list[pl.Expr | str] = []
    for part in parts[:-1]:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return pl.concat_str([pl.lit(part) if isinstance(part, str) else part for part in joined])


def _literal(column: ColumnForm, *, escape: bool) -> list[pl.Expr | str]:
    form = column.form
    inside = form.literal(escape=escape)
    if not column.may_be_null:
        return [form.quote, inside, "'"] if form.quote else [inside]
    if form.quote:
        inside = pl.concat_str([pl.lit(form.quote), inside, pl.lit("'")])
    return [inside.fill_null(NULL)]
