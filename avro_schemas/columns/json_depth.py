"""How deep the values of a type are as JSON, and how deep a server's JSON may be.

MySQL takes 100 arrays and objects inside one another. MariaDB's JSON_VALID, which its JSON columns are checked by, ends
at 31. So the server is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import inf

from sqlalchemy.types import JSON

from avro_schemas.avro.field_types import FieldType
from avro_schemas.columns.column_types import ColumnShape

#: What a person can do about it.
WAY_OUT = 'mysql = "LONGTEXT" for it under `columns` in rtpipe.toml keeps JSON of any depth'


def depth_warnings(columns: Iterable[ColumnShape], most: int) -> list[str]:
    """Warnings about columns whose values can be, or always are, deeper than the server's JSON."""
    told = []
    for shape in columns:
        if not isinstance(shape.type, JSON) or shape.narrow:  # which will become text
            continue
        least, deepest = depths(shape)
        if least > most:
            told.append(f"{shape.field}: each value is {least} deep, and JSON of this server ends at {most}; {WAY_OUT}")
        elif deepest > most:
            how = "as deep as a message makes it" if deepest == inf else f"up to {deepest:.0f} deep"
            told.append(
                f"{shape.field}: may be {how}; what is deeper than {most}, where JSON of this server ends, becomes a"
                f" dead letter; {WAY_OUT}"
            )
    return told


def bounded(shape: ColumnShape, most: int) -> ColumnShape:
    """The same column with the server's limit, if it is JSON."""
    return replace(shape, json_depth=most) if isinstance(shape.type, JSON) else shape


def depths(shape: ColumnShape) -> tuple[int, float]:
    """Fewest and most arrays and objects inside one another that a value of the column has."""
    known: dict[int, tuple[int, float]] = {}
    if shape.parts:
        return _within([_depths(part.of, known) for part in shape.parts])
    return _depths(shape.of, known)


def _depths(of: FieldType, known: dict[int, tuple[int, float]]) -> tuple[int, float]:
    if id(of) not in known:  # a record may be used a billion times
        least, most = _not_null(of, known)
        known[id(of)] = (0 if of.nullable else least, most)
    return known[id(of)]


def _not_null(of: FieldType, known: dict[int, tuple[int, float]]) -> tuple[int, float]:
    if of.logical:
        return (1, 1) if of.logical == "duration" else (0, 0)
    match of.avro_type:
        case "recursive":
            return 1, inf
        case "array" | "map":
            return 1, 1 + _depths(of.inner, known)[1]  # it may be empty
        case "record":
            return _within([_depths(inner, known) for _, inner in of.fields])
        case "union":
            branches = [_depths(branch, known) for branch in of.branches if branch.avro_type != "null"]
            return 1 + min(least for least, _ in branches), 1 + max(most for _, most in branches)
    return 0, 0


def _within(parts: list[tuple[int, float]]) -> tuple[int, float]:
    return 1 + max((least for least, _ in parts), default=0), 1 + max((most for _, most in parts), default=0)
