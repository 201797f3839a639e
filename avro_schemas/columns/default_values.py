"""The default of a field as the literal default of a column."""

from __future__ import annotations

from math import isfinite

from sqlalchemy.types import VARCHAR, Integer

from avro_schemas.columns.column_types import ColumnShape


def default_literal(shape: ColumnShape) -> str | float | None:
    """The default of the field, if a column can have it as a literal: plain numbers, booleans, bounded text."""
    value, of = shape.default, shape.of
    if of.logical is not None or of.nested or len(shape.path) > 1:
        return None
    if isinstance(value, bool):
        return int(value) if of.avro_type == "boolean" else None
    if of.avro_type in {"int", "long"} and isinstance(value, int) and isinstance(shape.type, Integer):
        return value
    if of.avro_type in {"float", "double"} and isinstance(value, int | float) and isfinite(value):
        return float(value)
    if of.avro_type in {"string", "enum"} and isinstance(value, str) and isinstance(shape.type, VARCHAR):
        return value if len(value) <= (shape.type.length or 0) else None
    return None
