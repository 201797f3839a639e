"""Numbers for a column that people made: each as the column stores it without a change, or not at all."""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import copysign, floor, isfinite
from typing import Any

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.user_column import UserColumn
from avro_schemas.columns.user_limits import counts, values_of

_YEARS = (1901, 2155)
#: Digits of the longest DECIMAL, and of a number that has more than any column takes.
_MOST_DIGITS = 90


def numbers(column: ColumnShape, user: UserColumn) -> Callable[[Any], str]:
    """The literal of one number for INT, DECIMAL, FLOAT and their kin."""
    read = int if counts(column, user) else _READERS[values_of(column)](column)
    put = {"integer": _integer, "decimal": _decimal, "float": _float}[user.kind](user)
    return lambda value: put(read(value))


def years() -> Callable[[Any], str]:
    """A YEAR takes 1 to 99 for one of this century or the last."""
    first, last = _YEARS

    def literal(value: int) -> str:
        if value and not first <= value <= last:
            raise ValueError(f"a number that is no year of the column: 0 and {first} to {last} are")
        return str(int(value))

    return literal


def bits(user: UserColumn) -> Callable[[Any], str]:
    """A whole number for a BIT(n)."""
    most = 1 << (user.length or 1)

    def literal(value: int) -> str:
        if not 0 <= value < most:
            raise ValueError(f"a number that is not within the column's {user.words}")
        return str(int(value))

    return literal


def _of_float(_: ColumnShape) -> Callable[[float], float]:
    def read(value: float) -> float:
        if not isfinite(value):
            raise ValueError("NaN or infinity, which MySQL cannot store")
        return value

    return read


def _of_decimal(column: ColumnShape) -> Callable[[bytes], Decimal]:
    """The unscaled integer's bytes as the number that they mean."""
    scale, most = column.of.scale, 10**column.of.precision

    def read(raw: bytes) -> Decimal:
        unscaled = int.from_bytes(raw, "big", signed=True)
        if abs(unscaled) >= most:
            raise ValueError(f"more than {column.of.precision} digits")
        if column.of.precision > _MOST_DIGITS and abs(unscaled) >= 10**_MOST_DIGITS:
            raise ValueError("more digits than the column has")
        return Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -scale))

    return read


_READERS: dict[str, Callable[[ColumnShape], Callable[[Any], Any]]] = {
    "integer": lambda _: int,
    "float": _of_float,
    "decimal": _of_decimal,
}


def _integer(user: UserColumn) -> Callable[[Any], str]:
    low, high = user.bounds

    def literal(value: float | Decimal) -> str:
        if value != int(value):
            raise ValueError(f"a fraction, which {user.words} rounds")
        if not low <= value <= high:
            raise ValueError(f"a number that is not within {user.words}")
        return str(int(value))

    return literal


def _decimal(user: UserColumn) -> Callable[[Any], str]:
    precision, scale = user.decimal
    most = 10 ** (precision - scale)

    def literal(value: float | Decimal) -> str:
        exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        sign, digits, exponent = exact.as_tuple()
        if not isinstance(exponent, int):
            raise ValueError("NaN or infinity, which MySQL cannot store")  # noqa: TRY004 - of the value, no type is wrong
        surplus = -exponent - scale
        if surplus > 0 and any(digits[-surplus:]):
            raise ValueError(f"more than {scale} decimal places, which {user.words} rounds")
        if abs(exact) >= most:
            raise ValueError(f"more than {precision - scale} digits before the point of {user.words}")
        if sign and user.unsigned and exact:
            raise ValueError(f"a number below 0, for {user.words}")
        return format(abs(exact) if user.unsigned else exact, "f")

    return literal


def _float(user: UserColumn) -> Callable[[Any], str]:
    """By the number that is stored. A decimal fraction is kept by a DOUBLE that is read as the same digits."""
    single = user.name == "float"

    def literal(value: float | Decimal) -> str:
        stored = _nearest(value, user)
        if single and struct.unpack("<f", struct.pack("<f", stored))[0] != stored:
            raise ValueError(f"a number that {user.words} does not hold exactly")
        if isinstance(value, Decimal) and not single:
            same = Decimal(repr(stored)) == value
        else:
            same = Fraction(stored) == Fraction(value)
        if not same or _shown(stored, user) != stored:
            raise ValueError(f"a number that {user.words} does not hold exactly")
        if user.unsigned and stored < 0:
            raise ValueError(f"a number below 0, for {user.words}")
        return "-0e0" if stored == 0 and copysign(1, stored) < 0 and not user.unsigned else repr(stored + 0.0)

    return literal


def _nearest(value: float | Decimal, user: UserColumn) -> float:
    most = float.fromhex("0x1.fffffep+127") if user.name == "float" else float.fromhex("0x1.fffffffffffffp+1023")
    if abs(Fraction(value)) > most:
        raise ValueError(f"a number beyond {user.words}")
    return float(value)


def _shown(stored: float, user: UserColumn) -> float:
    """What a FLOAT(m,d) or DOUBLE(m,d) makes of a number, as both servers compute it."""
    if user.precision is None:
        return stored
    whole, scale = user.precision
    if abs(stored) >= 10 ** (whole - scale):
        raise ValueError(f"more than {whole - scale} digits before the point of {user.words}")
    below = floor(stored)
    factor = 10.0**scale
    return below + round((stored - below) * factor) / factor
