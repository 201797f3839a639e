"""Reads the types of an Avro record: unions resolved, named types found, what is invalid refused with its place."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from avro_schemas.avro.definition_checks import MOST_SHOWN, checked_fields, checked_size, checked_symbols
from avro_schemas.avro.field_types import PRIMITIVES, FieldType, bounded, with_logical
from avro_schemas.avro.known_types import KnownTypes
from avro_schemas.avro.named_types import MAX_DEPTH, full_name, inner_namespace
from avro_schemas.avro.names import RULE, is_type_name
from avro_schemas.avro.unions import union_type
from rtpipe.errors import SchemaError

#: Under which word the type of its parts stands.
_PARTS = {"array": "items", "map": "values"}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a type stands: in words, in which namespace, how deep."""

    words: str
    namespace: str
    depth: int = 0

    def inside(self, words: str, namespace: str | None = None) -> _Place:
        """A place one level further in."""
        return _Place(f"{self.words}, {words}", self.namespace if namespace is None else namespace, self.depth + 1)


@dataclass(frozen=True, slots=True)
class RecordSchema:
    """A record as read: each field as written beside its type, and every record in it by its full name."""

    name: str  #: full name
    fields: tuple[tuple[Mapping[str, Any], FieldType], ...]
    records: Mapping[str, FieldType]  #: this one included: what `recursive` types refer to
    recursive: bool  #: a value may be as deep as its message makes it


def read_record(schema: Any) -> RecordSchema:
    """Read a schema as parsed JSON; one that is no record counts as a record of one field, `value`.

    That field's messages have the very same bytes. SchemaError names every field that is invalid, and what is wrong.
    """
    alone = not isinstance(schema, Mapping) or schema.get("type") not in ("record", "error")
    if alone:  # under a name that no type can have, so that none is taken for it
        schema = {"type": "record", "name": "", "fields": [{"name": "value", "type": schema}]}
    name = schema.get("name")
    if not alone and not is_type_name(name):
        raise SchemaError(f"the name {name!r} of the record is none: {RULE}")
    reader, fields, problems = _FieldReader(schema), [], []
    for field in checked_fields(schema):
        try:
            fields.append((field, reader.read(field)))
        except SchemaError as error:
            problems.append(error.message)
        if len(problems) == MOST_SHOWN:
            break
    if problems:
        raise SchemaError("\n  ".join(problems))
    known = reader.end()
    return RecordSchema(reader.name, tuple(fields), known.records, known.recursive)


class _FieldReader:
    """Reads the fields of one record in order, so that a named type may be used again by its name."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._namespace = inner_namespace(record, "")
        self.name = full_name(record["name"], self._namespace)
        self._known = KnownTypes(self.name)
        self._fields: list[tuple[str, FieldType]] = []
        self._warnings: list[str] = []

    def end(self) -> KnownTypes:
        """Every named type of the record, itself included: no field comes any more."""
        self._known.end(self.name, FieldType("record", name=self.name, fields=tuple(self._fields)))
        return self._known

    def read(self, field: Mapping[str, Any]) -> FieldType:
        """The type of `field`, which has a `name` and a `type`. SchemaError says what is invalid, and where."""
        words = f"field {field['name']!r}"
        self._warnings = []
        found = self._field(field, _Place(words, self._namespace))
        self._fields.append((field["name"], found))
        return replace(found, warnings=tuple(self._warnings))

    def _field(self, field: Mapping[str, Any], place: _Place) -> FieldType:
        found = self._type(field["type"], place)
        if "logicalType" in field and isinstance(field["type"], str):
            right = f'"type": {{"type": "{field["type"]}", "logicalType": "{field["logicalType"]}"}}'
            self._warn(f"{place.words}: a logicalType beside the type means nothing; it must be {right}")
        return found if found.size else bounded(found, field, place.words, self._warn)

    def _warn(self, warning: str) -> None:
        self._warnings.append(warning)

    def _type(self, schema: Any, place: _Place) -> FieldType:
        if place.depth > MAX_DEPTH:
            raise SchemaError(f"{place.words}: types inside types more than {MAX_DEPTH} deep")
        if isinstance(schema, list):
            return self._union(schema, place)
        found = self._single(schema, place)
        return replace(found, nullable=found.avro_type == "null")

    def _union(self, schema: list[Any], place: _Place) -> FieldType:
        if any(isinstance(branch, list) for branch in schema):
            raise SchemaError(f"{place.words}: a union may not stand directly inside a union")
        branches = [self._single(branch, place.inside(f"branch {number}")) for number, branch in enumerate(schema, 1)]
        return union_type(branches, place.words)

    def _single(self, schema: Any, place: _Place) -> FieldType:
        if isinstance(schema, str):
            return self._word(schema, place)
        inner = schema.get("type") if isinstance(schema, Mapping) else None
        if not isinstance(inner, str):
            said = f"{place.words}: a type is a name, an object whose `type` is a name, or a union, not "
            raise SchemaError(said + reprlib.repr(schema))
        if inner in _COMPLEX:
            return _COMPLEX[inner](self, schema, place)
        found = bounded(self._word(inner, place), schema, place.words, self._warn)
        return with_logical(found, schema, place.words, self._warn)

    def _word(self, word: str, place: _Place) -> FieldType:
        if word in PRIMITIVES:
            return FieldType(word)
        if found := self._known.find(word, place.namespace):
            return found
        known = ", ".join([*PRIMITIVES, *_COMPLEX, *self._known.names[:MOST_SHOWN]])
        raise SchemaError(f"{place.words}: unknown type {word!r}; known here are {known}")

    def _define(self, schema: Mapping[str, Any], place: _Place) -> tuple[str, _Place]:
        """The full name of a fixed, enum or record, which is new from here on, and the place inside it."""
        name, kind = schema.get("name"), schema["type"]
        if not isinstance(name, str) or not is_type_name(name):
            raise SchemaError(f"{place.words}: the name {name!r} of this {kind} is none: {RULE}")
        namespace = inner_namespace(schema, place.namespace)
        full = full_name(name, namespace)
        self._known.begin(full, place.words)
        return full, _Place(f"{place.words}, {kind} {name}", namespace, place.depth)

    def _fixed(self, schema: Mapping[str, Any], place: _Place) -> FieldType:
        full, place = self._define(schema, place)
        found = FieldType("fixed", size=checked_size(schema, place.words), name=full)
        return self._known.end(full, with_logical(found, schema, place.words, self._warn))

    def _enum(self, schema: Mapping[str, Any], place: _Place) -> FieldType:
        full, place = self._define(schema, place)
        return self._known.end(full, FieldType("enum", name=full, symbols=checked_symbols(schema, place.words)))

    def _parts(self, schema: Mapping[str, Any], place: _Place) -> FieldType:
        kind, key = schema["type"], _PARTS[schema["type"]]
        if key not in schema:
            raise SchemaError(f"{place.words}: this {kind} needs `{key}`, the type of its {key}")
        return FieldType(kind, items=self._type(schema[key], place.inside(key)))

    def _record(self, schema: Mapping[str, Any], place: _Place) -> FieldType:
        full, place = self._define(schema, place)
        fields = [
            (field["name"], self._field(field, place.inside(f"field {field['name']!r}")))
            for field in checked_fields(schema, f"{place.words}: ")
        ]
        return self._known.end(full, FieldType("record", name=full, fields=tuple(fields)))


_COMPLEX: dict[str, Callable[[_FieldReader, Mapping[str, Any], _Place], FieldType]] = {
    "fixed": _FieldReader._fixed,  # noqa: SLF001 - a table of this module's own methods
    "enum": _FieldReader._enum,  # noqa: SLF001
    "array": _FieldReader._parts,  # noqa: SLF001
    "map": _FieldReader._parts,  # noqa: SLF001
    "record": _FieldReader._record,  # noqa: SLF001
    "error": _FieldReader._record,  # noqa: SLF001
}
