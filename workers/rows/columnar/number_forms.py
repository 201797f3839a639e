"""Numbers, decimals and booleans, a column at a time."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
from sqlalchemy.types import DECIMAL, TypeEngine

from avro_schemas.avro.field_types import FieldType
from workers.rows.columnar.form import Form

#: Bytes and digits of the largest number that polars computes with.
_BYTES, _DIGITS = 16, 38


def whole(value: pl.Expr) -> Form:
    """Numbers as they are."""
    return Form(value)


def flag(value: pl.Expr) -> Form:
    """A boolean, whose byte 1 is the number -1."""
    return Form(-value)


def floating(value: pl.Expr, *, null_nonfinite: bool) -> Form:
    """The shortest digits that are read as the same double. A zero below zero would be a DECIMAL's in a literal."""
    number = value.cast(pl.Float64)
    doubts: tuple[pl.Expr, ...] = ()
    if null_nonfinite:
        number = pl.when(number.is_finite()).then(number)
    else:
        doubts = (number.is_finite().all().not_(),)
    digits = number.cast(pl.String)
    return Form(number, doubts=doubts, digits=pl.when(digits == "-0.0").then(pl.lit("-0e0")).otherwise(digits))


def decimal(value: pl.Expr, of: FieldType, kind: TypeEngine[Any]) -> Form | None:
    """From the unscaled number's bytes, highest first; up to 38 digits."""
    if of.scale > _DIGITS:
        return None
    size = value.bin.size()
    doubts = [(size > _BYTES).any(), (size == 0).any()]
    below = value.bin.get(0, null_on_oob=True) >= 0x80  # noqa: PLR2004 - the highest bit
    filled = pl.when(below).then(pl.lit(b"\xff" * _BYTES)).otherwise(pl.lit(bytes(_BYTES))) + value
    unscaled = filled.bin.tail(_BYTES).bin.reinterpret(dtype=pl.Int128, endianness="big")
    most = 10 ** min(of.precision, _DIGITS) - 1
    doubts.append(unscaled.is_between(pl.lit(-most, pl.Int128), pl.lit(most, pl.Int128)).all().not_())
    one = pl.lit(Decimal((0, (1,), -of.scale))).cast(pl.Decimal(_DIGITS, of.scale))
    text = (unscaled.cast(pl.Decimal(_DIGITS, 0)) * one).cast(pl.String)
    return Form(text, quote="" if isinstance(kind, DECIMAL) else "'", doubts=tuple(doubts))
