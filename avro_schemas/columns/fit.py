"""Whether an existing column takes the values of a field, by both types: as it is, when it is wider, or not at all.

A column of a type that rtpipe never makes (`int unsigned`, `timestamp`, `bit`, text in latin1) is a user column:
user_limits.py says which values it takes unchanged.
"""

from __future__ import annotations

from sqlalchemy.dialects.mysql import TINYINT

from avro_schemas.columns.column_types import NANOS_COMMENT, ColumnShape
from avro_schemas.columns.fit_rules import RULES, beyond_ascii, family
from avro_schemas.columns.found_table import FoundColumn
from avro_schemas.columns.type_text import found_type, type_words
from avro_schemas.columns.verdict import Fit, Verdict

#: Families between which the same number, or the same bytes, mean something else.
_COUNTS, _BYTES = {"integer", "date", "time", "datetime"}, {"decimal", "binary", "fixed"}


def judge(shape: ColumnShape, found: FoundColumn, *, chosen: bool = False) -> Verdict:
    """How `found` takes the values of `shape`. `chosen`: the settings name the column's type."""
    there = found_type(found.type, found.charset, found.collation)
    if shape.of.avro_type == "null":
        return Verdict(Fit.HOLDS, there)  # nothing but NULL goes into it
    if there is None or found.charset not in {None, "utf8mb4", "ascii"}:
        return Verdict(Fit.THEIRS)
    if family(there) == "integer" and _counts_nanos(shape.comment) is not _counts_nanos(found.comment):
        return Verdict(Fit.APART, there)
    if type_words(shape.type) == type_words(there) and not beyond_ascii(shape, found):
        return Verdict(Fit.HOLDS, there)
    wanted, has = family(shape.type), family(there)
    if (wanted, has) in RULES:
        verdict = RULES[wanted, has](shape, found, there)
    else:
        same_bytes = "decimal" in {wanted, has} <= _BYTES
        was_null = has == "integer" and isinstance(there, TINYINT)
        apart = {wanted, has} <= _COUNTS or same_bytes or was_null
        verdict = Verdict(Fit.APART if apart else Fit.REFUSED, there)
    if chosen and wanted == has and verdict.fit is Fit.APART:
        return Verdict(Fit.NARROW, there, shape.type)
    return verdict


def _counts_nanos(comment: str | None) -> bool:
    """The unit of a number that only the comment of its column says, because the type BIGINT does not."""
    return NANOS_COMMENT in (comment or "")
