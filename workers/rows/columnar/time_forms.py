"""Days, times of the day and moments, a column at a time."""

from __future__ import annotations

import polars as pl

from workers.rows.columnar.form import Form

#: 0001-01-01 to 9999-12-31, in days since 1970.
_DAYS = -719_162, 2_932_896
_DAY_SECONDS = 86_400
_UNITS: dict[str, int] = {"millis": 1_000, "micros": 1_000_000}


def date(value: pl.Expr) -> Form:
    """2024-01-31."""
    return Form(value.cast(pl.Int32).cast(pl.Date).cast(pl.String), quote="'", doubts=(_outside(value, *_DAYS),))


def moment(value: pl.Expr, unit: str) -> Form:
    """2024-01-31 12:00:00.123, with as many digits as the unit has."""
    day = _DAY_SECONDS * _UNITS[unit]
    text = value.cast(pl.Datetime("ms" if unit == "millis" else "us")).cast(pl.String)
    return Form(text, quote="'", doubts=(_outside(value, _DAYS[0] * day, (_DAYS[1] + 1) * day - 1),))


def time_of_day(value: pl.Expr, unit: str) -> Form:
    """12:00:00.123, within a day: a TIME has more, which is rare."""
    units, digits = _UNITS[unit], 3 if unit == "millis" else 6
    text = (value * (1_000_000_000 // units)).cast(pl.Time).dt.strftime(f"%H:%M:%S%.{digits}f")
    return Form(text, quote="'", doubts=(_outside(value, 0, _DAY_SECONDS * units - 1),))


def _outside(value: pl.Expr, least: int, most: int) -> pl.Expr:
    return value.is_between(least, most).all().not_()
