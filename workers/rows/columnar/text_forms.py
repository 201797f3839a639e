"""Texts, bytes and enums, a column at a time; the limits of their columns are looked at here.

What text_literals.py refuses is in doubt here, so the columns must be those that it knows.
"""

from __future__ import annotations

from typing import Any

import polars as pl
from sqlalchemy.dialects.mysql import (
    BLOB,
    LONGBLOB,
    MEDIUMBLOB,
    TINYBLOB,
)
from sqlalchemy.types import BINARY, CHAR, VARBINARY, VARCHAR, TypeEngine

from workers.rows.columnar.form import Form
from workers.rows.literals.text_literals import MOST_BYTES, TEXT_TYPES

_BYTES_TYPES = (BINARY, VARBINARY, TINYBLOB, BLOB, MEDIUMBLOB, LONGBLOB)
_UUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
#: Where the parts of a UUID of 32 hexadecimal digits begin and end.
_UUID_PARTS = ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))


def text(value: pl.Expr, kind: TypeEngine[Any]) -> Form | None:
    """For values that are texts."""
    if not isinstance(kind, TEXT_TYPES):
        return None
    doubts = []
    if isinstance(kind, CHAR):
        doubts.append(value.str.ends_with(" ").any())
    if isinstance(kind, VARCHAR | CHAR):
        if not kind.length:
            return None
        doubts.append(value.str.len_chars().max() > kind.length)
    elif type(kind) in MOST_BYTES:
        doubts.append(value.str.len_bytes().max() > MOST_BYTES[type(kind)])
    return Form(value, quote="'", doubts=tuple(doubts), plain=False)


def symbol(value: pl.Expr, symbols: tuple[str, ...], kind: TypeEngine[Any]) -> Form | None:
    """An enum's symbol by its index."""
    names = pl.lit(pl.Series(symbols, dtype=pl.String))
    form = text(names.gather(value.cast(pl.UInt32)), kind)
    return form and Form(form.text, quote="'", doubts=form.doubts)


def data(value: pl.Expr, kind: TypeEngine[Any]) -> Form | None:
    """For values that are bytes."""
    if not isinstance(kind, _BYTES_TYPES):
        return None
    size, most = value.bin.size(), getattr(kind, "length", None)
    if isinstance(kind, BINARY):
        if not most:
            return None
        doubts = [(size != most).any()]
    elif isinstance(kind, VARBINARY):
        if not most:
            return None
        doubts = [size.max() > most]
    else:
        doubts = [size.max() > MOST_BYTES[type(kind)]] if type(kind) in MOST_BYTES else []
    return Form(value.bin.encode("hex"), quote="X'", doubts=tuple(doubts))


def uuid(value: pl.Expr) -> Form:
    """A UUID's text as it was sent."""
    return Form(value, quote="'", doubts=(value.str.contains(_UUID).all().not_(),))


def uuid_of_bytes(value: pl.Expr) -> Form:
    """The 36 characters of a UUID in 16 bytes."""
    digits = value.bin.encode("hex")
    return Form(pl.concat_str([digits.str.slice(at, size) for at, size in _UUID_PARTS], separator="-"), quote="'")
