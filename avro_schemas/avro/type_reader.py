"""Reads the types of an Avro record: unions resolved, named types found, what is invalid refused with its place."""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from avro_schemas.avro.field_types import PRIMITIVES, FieldType, bounded, with_logical
from avro_schemas.avro.named_types import MAX_DEPTH, full_name, inner_namespace
from avro_schemas.avro.names import RULE, is_type_name
from avro_schemas.naming import is_plain
from rtpipe.errors import SchemaError

#: How many names and how many problems an error tells: a schema may have a hundred thousand of either.
_SHOWN = 50
#: Unions of plain numbers whose widest branch holds the values of all exactly.
_WIDEST = {frozenset({"int", "long"}): "long", frozenset({"float", "double"}): "double"}


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
    for field in _checked_fields(schema):
        try:
            fields.append((field, reader.read(field)))
        except SchemaError as error:
            problems.append(error.message)
        if len(problems) == _SHOWN:
            break
    if problems:
        raise SchemaError("\n  ".join(problems))
    return RecordSchema(reader.name, tuple(fields), reader.records, reader.recursive)


class _FieldReader:
    """Reads the fields of one record in order, so that a named type may be used again by its name."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._namespace = inner_namespace(record, "")
        self.name = full_name(record["name"], self._namespace)
        self._named: dict[str, FieldType | None] = {self.name: None} if self.name else {}  # None: still being read
        self._fields: list[tuple[str, FieldType]] = []
        self._warnings: list[str] = []
        self.recursive = False

    @property
    def records(self) -> dict[str, FieldType]:
        """Every record read so far by its full name, this one included."""
        named = {name: found for name, found in self._named.items() if found is not None}
        named[self.name] = FieldType("record", name=self.name, fields=tuple(self._fields))
        return {name: found for name, found in named.items() if found.avro_type == "record"}

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
        found = tuple(self._branch(branch, place, number) for number, branch in enumerate(schema, 1))
        words = [branch.called for branch in found]
        if len(set(words)) < len(words):
            raise SchemaError(f"{place.words}: the union [{', '.join(words)}] names a branch twice")
        values = [branch for branch in found if branch.avro_type != "null"]
        nullable = len(values) < len(found) or not values
        widest = _WIDEST.get(frozenset(branch.avro_type for branch in values))
        if len(values) <= 1:
            whole = values[0] if values else FieldType("null")
        elif widest and not any(branch.logical for branch in values):
            whole = FieldType(widest)
        else:
            whole = FieldType("union")
        return replace(whole, nullable=nullable, branches=found)

    def _branch(self, schema: Any, place: _Place, number: int) -> FieldType:
        return self._single(schema, place.inside(f"branch {number}"))

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
        full = full_name(word, place.namespace)
        if full not in self._named:  # as Avro for Java does: one that is not in this namespace may be in none
            full = word
        if full not in self._named:
            known = ", ".join([*PRIMITIVES, *_COMPLEX, *sorted(filter(None, self._named))[:_SHOWN]])
            raise SchemaError(f"{place.words}: unknown type {word!r}; known here are {known}")
        if found := self._named[full]:
            return found
        self.recursive = True
        return FieldType("recursive", name=full)

    def _define(self, schema: Mapping[str, Any], place: _Place) -> tuple[str, _Place]:
        """The full name of a fixed, enum or record, which is new from here on, and the place inside it."""
        name, kind = schema.get("name"), schema["type"]
        if not isinstance(name, str) or not is_type_name(name):
            raise SchemaError(f"{place.words}: the name {name!r} of this {kind} is none: {RULE}")
        namespace = inner_namespace(schema, place.namespace)
        full = full_name(name, namespace)
        if full in self._named or full in PRIMITIVES:
            raise SchemaError(f"{place.words}: the name {full!r} is taken already")
        self._named[full] = None
        return full, _Place(f"{place.words}, {kind} {name}", namespace, place.depth)

    def _fixed(self, schema: Mapping[str, Any], place: _Place) -> FieldType:
        full, place = self._define(schema, place)
        size = schema.get("size")
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise SchemaError(f"{place.words}: a fixed needs a `size` in bytes, not {size!r}")
        found = with_logical(FieldType("fixed", size=size, name=full), schema, place.words, self._warn)
        self._named[full] = found
        return found

    def _enum(self, schema: Mapping[str, Any], place: _Place) -> FieldType:
        full, place = self._define(schema, place)
        symbols = schema.get("symbols")
        if not isinstance(symbols, list):
            raise SchemaError(f"{place.words}: an enum needs an array `symbols`, not {symbols!r}")
        for symbol in symbols:
            if not isinstance(symbol, str) or not is_plain(symbol):
                raise SchemaError(f"{place.words}: {symbol!r} is no symbol: {RULE}")
        if len(set(symbols)) < len(symbols):
            twice = next(symbol for symbol, times in Counter(symbols).items() if times > 1)
            raise SchemaError(f"{place.words}: the symbol {twice!r} is there twice")
        if "default" in schema and schema["default"] not in symbols:
            raise SchemaError(f"{place.words}: the default {schema['default']!r} is none of the symbols")
        found = FieldType("enum", name=full, symbols=tuple(symbols))
        self._named[full] = found
        return found

    def _array(self, schema: Mapping[str, Any], place: _Place) -> FieldType:
        return FieldType("array", items=self._part(schema, "items", place))

    def _map(self, schema: Mapping[str, Any], place: _Place) -> FieldType:
        return FieldType("map", items=self._part(schema, "values", place))

    def _part(self, schema: Mapping[str, Any], key: str, place: _Place) -> FieldType:
        if key not in schema:
            raise SchemaError(f"{place.words}: this {schema['type']} needs `{key}`, the type of its {key}")
        return self._type(schema[key], place.inside(key))

    def _record(self, schema: Mapping[str, Any], place: _Place) -> FieldType:
        full, place = self._define(schema, place)
        fields = [
            (field["name"], self._field(field, place.inside(f"field {field['name']!r}")))
            for field in _checked_fields(schema, f"{place.words}: ")
        ]
        found = FieldType("record", name=full, fields=tuple(fields))
        self._named[full] = found
        return found


_COMPLEX: dict[str, Callable[[_FieldReader, Mapping[str, Any], _Place], FieldType]] = {
    "fixed": _FieldReader._fixed,  # noqa: SLF001 - a table of this module's own methods
    "enum": _FieldReader._enum,  # noqa: SLF001
    "array": _FieldReader._array,  # noqa: SLF001
    "map": _FieldReader._map,  # noqa: SLF001
    "record": _FieldReader._record,  # noqa: SLF001
    "error": _FieldReader._record,  # noqa: SLF001
}


def _checked_fields(record: Mapping[str, Any], where: str = "") -> list[Mapping[str, Any]]:
    """The fields of a record, each an object with a name and a type, no name twice; SchemaError names all problems."""
    fields = record.get("fields")
    if not isinstance(fields, list):
        raise SchemaError(f"{where}the record needs an array `fields`")
    problems, seen = [], set()
    for number, field in enumerate(fields, 1):
        name = field.get("name") if isinstance(field, Mapping) else None
        if not isinstance(name, str) or not name:
            problems.append(f"{where}field {number} has no name")
        elif name in seen:
            problems.append(f"{where}field {name!r} is there twice")
        elif "type" not in field:
            problems.append(f"{where}field {name!r} has no type")
        seen.add(str(name))
    if problems:
        raise SchemaError("\n  ".join(problems[:_SHOWN]))
    return fields
