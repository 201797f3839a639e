"""Which form the values of a column have, chosen once for a schema; none where that is for the general encoder to say.

The choice is the one of sql_literals.py, and so is what is stored.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import polars as pl
from sqlalchemy.dialects.mysql import DATETIME, DOUBLE, FLOAT, TIME
from sqlalchemy.types import CHAR, DATE, DECIMAL, VARCHAR, Integer, TypeEngine

from avro_schemas.columns.column_types import ColumnShape
from workers.rows.columnar.form import ColumnForm, Form
from workers.rows.columnar.number_forms import decimal, flag, floating, whole
from workers.rows.columnar.text_forms import data, symbol, text, uuid, uuid_of_bytes
from workers.rows.columnar.time_forms import date, moment, time_of_day
from workers.rows.columnar.wire_fields import WireField
from workers.rows.literals.text_literals import TEXT_TYPES


def column_form(column: ColumnShape, field: WireField | None, *, nonfinite: str) -> ColumnForm | None:
    """None: it cannot be proven here that the column stores what it should."""
    of = column.of
    if of.avro_type == "null" and not of.branches:
        return ColumnForm(column.name, Form(pl.lit(None, pl.String)), may_be_null=True)
    if field is None or column.user_column is not None or column.narrow or column.lossy or of.nested:
        return None
    null_nonfinite = nonfinite == "null" and column.nullable and not column.required
    form = _form(pl.col(field.name), column, null_nonfinite=null_nonfinite)
    if form is None:
        return None
    may_be_null = field.null is not None or (null_nonfinite and of.avro_type in {"float", "double"})
    if may_be_null and (column.required or not column.nullable):
        form = dataclasses.replace(form, doubts=(pl.col(field.name).is_null().any(), *form.doubts))
        may_be_null = False
    return ColumnForm(column.name, form, may_be_null)


def _form(value: pl.Expr, column: ColumnShape, *, null_nonfinite: bool) -> Form | None:
    of, kind = column.of, column.type
    if of.logical == "decimal":
        return decimal(value, of, kind) if isinstance(kind, (DECIMAL, *TEXT_TYPES)) else None
    if of.logical == "uuid":
        return _uuid(value, of.avro_type, kind)
    if of.logical == "big-decimal":
        return None
    if of.avro_type in {"int", "long"}:
        return whole(value) if isinstance(kind, Integer) else _time(value, of.logical or "", kind)
    match of.avro_type:
        case "boolean":
            return flag(value) if isinstance(kind, Integer) else None
        case "float" | "double":
            return floating(value, null_nonfinite=null_nonfinite) if isinstance(kind, FLOAT | DOUBLE) else None
        case "enum":
            return symbol(value, of.symbols, kind)
        case "string":
            return text(value, kind)
    return data(value, kind)


def _uuid(value: pl.Expr, avro_type: str, kind: TypeEngine[Any]) -> Form | None:
    if avro_type == "string":
        return uuid(value) if isinstance(kind, CHAR | VARCHAR) else None
    return uuid_of_bytes(value) if isinstance(kind, CHAR | VARCHAR) else data(value, kind)


def _time(value: pl.Expr, logical: str, kind: TypeEngine[Any]) -> Form | None:
    """The column has as many digits as the unit, or more; fewer would be rounded."""
    what, _, unit = logical.rpartition("-")
    if logical == "date":
        return date(value) if isinstance(kind, DATE) else None
    if unit == "nanos" and what.endswith("timestamp"):
        value, unit = value // 1_000, "micros"  # cut, since that was asked for
    digits = {"millis": 3, "micros": 6}.get(unit)
    if digits is None or digits > int(getattr(kind, "fsp", None) or 0):
        return None
    if what.endswith("timestamp"):
        return moment(value, unit) if isinstance(kind, DATETIME) else None
    return time_of_day(value, unit) if isinstance(kind, TIME) else None
