"""Where each field of a schema lands in a table that is there, and what must change for it; pure.

A field lands in the column of its name; if what is in that column means something else, in `name_v2`, `name_v3`; if the
column is gone and a newer version calls the field by another name, in the column of that name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.default_values import default_literal
from avro_schemas.columns.fit import judge
from avro_schemas.columns.found_table import FoundColumn, FoundTable
from avro_schemas.columns.json_depth import bounded
from avro_schemas.columns.key_columns import key_problem
from avro_schemas.columns.type_text import type_words
from avro_schemas.columns.user_column import user_column
from avro_schemas.columns.user_limits import cannot_tell, way_of
from avro_schemas.columns.verdict import Cost, Fit, Verdict
from avro_schemas.naming import MAX_IDENTIFIER
from avro_schemas.tables.changes import AddColumn, Change, MakeNullable, Refused, Widen
from avro_schemas.tables.layout import MAX_COLUMN_COMMENT, TableLayout
from avro_schemas.tables.lineage import Lineage
from avro_schemas.tables.overflow import columns_in_table, single
from avro_schemas.tables.ownership import is_persons
from avro_schemas.tables.rules import TableRules


@dataclass(frozen=True, slots=True)
class Landing:
    """What becomes of one field."""

    shape: ColumnShape | None  #: with the name and type of its column; None: it is refused
    changes: tuple[Change, ...] = ()
    refused: Refused | None = None
    former: tuple[str, ...] = ()  #: columns that hold a former meaning of the field


class FieldLandings:
    """Of one schema and one table. `lineage` is asked only where this schema alone does not tell."""

    def __init__(
        self, layout: TableLayout, table: FoundTable, rules: TableRules, lineage: Callable[[], Lineage]
    ) -> None:
        self._layout = layout
        self._table = table
        self._rules = rules
        self._known = lineage
        self._own = {shape.name.lower() for shape in single(layout.columns)}

    def all(self) -> list[Landing]:
        """A landing for each column that the schema would have here."""
        shapes = columns_in_table(self._layout.columns, self._table, self._rules, self._is_there)
        return [_bounded(self._landing(shape), self._table.json_depth) for shape in shapes]

    def _is_there(self, shape: ColumnShape) -> bool:
        return self._table.name_of(next(self._names(shape))) is not None

    def _landing(self, shape: ColumnShape) -> Landing:
        """In the first column of its names that holds the same meaning, or in a new one."""
        if shape.name in self._layout.key:
            return self._key_column(shape)
        former, names = list[str](), self._names(shape)
        while True:  # of names there is no end
            name = next(names)
            there = self._table.name_of(name)
            if there is None:
                return replace(self._added(shape, name, again=bool(former)), former=tuple(former))
            verdict = judge(shape, self._table.columns[there], chosen=shape.field in self._rules.columns)
            if not self._holds_another_meaning(shape, there, verdict):
                return replace(self._in_column(shape, there, verdict), former=tuple(former))
            former.append(there)

    def _holds_another_meaning(self, shape: ColumnShape, there: str, verdict: Verdict) -> bool:
        generated = self._table.columns[there].generated
        return verdict.fit is Fit.APART and not generated and not self._is_user_column(shape, there, verdict)

    def _is_user_column(self, shape: ColumnShape, there: str, verdict: Verdict) -> bool:
        """Whether a person gave the column its type, as far as that matters to the field's values."""
        asked = shape.of.nested and shape.field in self._rules.columns  # text instead of JSON, on request
        unsure = (verdict.fit is not Fit.HOLDS or verdict.wider is not None) and not asked
        return verdict.fit is Fit.THEIRS or (
            unsure and not _is_of_a_version(shape, self._table.columns[there], self._known().layouts)
        )

    def _in_column(self, shape: ColumnShape, there: str, verdict: Verdict) -> Landing:
        """In a column that is there, as far as it takes the field's values."""
        found = self._table.columns[there]
        if found.generated:
            return _refused(self._table, shape, there)
        if self._is_user_column(shape, there, verdict):
            return self._in_user_column(shape, there)
        if verdict.fit is Fit.REFUSED:
            return _refused(self._table, shape, there)
        landed = replace(shape, name=there, type=shape.type if verdict.type is None else verdict.type)
        if verdict.wider is None:
            return self._nullable(landed)
        reason = f"field {shape.field} is {shape.of.words}"
        persons = is_persons(there, self._table, self._known().layouts, self._rules)
        widen = Widen(there, reason, verdict.cost, found.type, verdict.wider, persons)
        return self._nullable(replace(landed, narrow=str(widen)), widen)

    def _in_user_column(self, shape: ColumnShape, name: str) -> Landing:
        """Each value is looked at, if rtpipe can tell what becomes of it there."""
        user = user_column(self._table.columns[name])
        lossy = bool({shape.field, shape.name, name} & set(self._rules.lossy))
        if way_of(shape, user) is None and not lossy:
            return _refused(self._table, shape, name, cannot_tell(shape, name, user, self._layout.name))
        return self._nullable(replace(shape, name=name, user_column=user, lossy=lossy))

    def _names(self, shape: ColumnShape) -> Iterator[str]:
        """The columns that may be the field's: its own, or its new name's; then `_v2` and so on."""
        name = shape.name
        if self._table.name_of(name) is None:
            newer = self._known().aliases.get(shape.field, "")
            name = newer if self._table.name_of(newer) and newer.lower() not in self._own else name
        yield name
        number = 2
        while True:
            ending = f"_v{number}"
            candidate = name[: MAX_IDENTIFIER - len(ending)] + ending
            if candidate.lower() not in self._own:
                yield candidate
            number += 1

    def _key_column(self, shape: ColumnShape) -> Landing:
        there = self._table.name_of(shape.name)
        if there is None:
            return Landing(None, refused=Refused(shape.field, shape.name, "the key column is not in the table", False))
        found = self._table.columns[there]
        verdict = judge(shape, found)
        holds, wants = verdict.fit is Fit.HOLDS, type_words(shape.type)
        ours = verdict.fit in {Fit.NARROW, Fit.APART, Fit.REFUSED} and _is_of_a_version(
            shape, self._table.columns[there], self._known().layouts
        )
        if ours and found.type != wants:
            reason = f"key column {there} is {found.type}, the schema asks for {wants}; key columns never change"
        else:
            reason = key_problem(shape, there, self._table, self._layout.name, holds=holds)
        if reason:
            return Landing(None, refused=Refused(shape.field, there, reason, False))
        if not holds:
            return Landing(replace(shape, name=there, user_column=user_column(found)))
        return Landing(replace(shape, name=there, type=shape.type if verdict.type is None else verdict.type))

    def _added(self, shape: ColumnShape, name: str, *, again: bool) -> Landing:
        """In a new column. `again`: the column of the field's own name holds something else."""
        reason = f"{len(shape.parts):,} fields have no column" if shape.parts else f"field {shape.field} is new"
        if again:
            reason = f"field {shape.field} is {shape.of.words} now, and what {shape.name} holds means something else"
        renames = next((old for old, new in self._known().aliases.items() if new == shape.field), "")
        has = self._table.name_of(renames) if renames and not again and renames.lower() not in self._own else None
        default = None if again else default_literal(shape)  # rows that are there have another value in the first one
        words = [f"Avro field {shape.field}" if again else "", shape.comment or ""]
        comment = ": ".join(filter(None, words))[:MAX_COLUMN_COMMENT] or None
        added = AddColumn(name, reason, Cost.INSTANT, shape.type, default, comment, has or "")
        return Landing(replace(shape, name=name, nullable=True), (added,))

    def _nullable(self, shape: ColumnShape, *changes: Change) -> Landing:
        """In this column after `changes`, which takes NULL if the field may be null."""
        found = self._table.columns[shape.name]
        if found.nullable or not shape.nullable:
            return Landing(replace(shape, nullable=shape.nullable or found.nullable), changes)
        if shape.name in self._table.key:
            why = "it may be null, and its column is part of the primary key"
            return replace(_refused(self._table, shape, shape.name, why), shape=shape, changes=changes)
        reason = f"field {shape.field} may be null"
        persons = is_persons(shape.name, self._table, self._known().layouts, self._rules)
        change = MakeNullable(shape.name, reason, Cost.IN_PLACE, persons)
        landed = replace(shape, nullable=False, required=str(change)) if persons else shape
        return Landing(landed, (*changes, change))


def _bounded(landing: Landing, json_depth: int) -> Landing:
    return landing if landing.shape is None else replace(landing, shape=bounded(landing.shape, json_depth))


def _refused(table: FoundTable, shape: ColumnShape, column: str, reason: str = "") -> Landing:
    found = table.columns[column]
    why = reason or f"{shape.of.words} does not go into column {column} {found.type}"
    return Landing(None, refused=Refused(shape.field, column, why, found.fills_itself))


def _is_of_a_version(shape: ColumnShape, found: FoundColumn, layouts: Sequence[TableLayout]) -> bool:
    """Whether a version of the schema gave the column its type. One that a person changed stays as it is: what it
    would change is a bad value. Where no version is known, the column counts as one of theirs.
    """
    mine = [one for layout in layouts for one in single(layout.columns) if one.field == shape.field]
    return not layouts or any(type_words(one.type) == found.type for one in mine)
