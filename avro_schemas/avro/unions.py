"""The branches of a union -> the one type that its values have; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from avro_schemas.avro.field_types import FieldType
from rtpipe.errors import SchemaError

#: Unions of plain numbers whose widest branch holds the values of all exactly.
_WIDEST = {frozenset({"int", "long"}): "long", frozenset({"float", "double"}): "double"}


def union_type(branches: Sequence[FieldType], words: str) -> FieldType:
    """The type of a union, which stands at `words`. SchemaError if it names a branch twice."""
    called = [branch.called for branch in branches]
    if len(set(called)) < len(called):
        raise SchemaError(f"{words}: the union [{', '.join(called)}] names a branch twice")
    values = [branch for branch in branches if branch.avro_type != "null"]
    nullable = len(values) < len(branches) or not values
    widest = _WIDEST.get(frozenset(branch.avro_type for branch in values))
    if len(values) <= 1:
        whole = values[0] if values else FieldType("null")
    elif widest and not any(branch.logical for branch in values):
        whole = FieldType(widest)
    else:
        whole = FieldType("union")
    return replace(whole, nullable=nullable, branches=tuple(branches))
