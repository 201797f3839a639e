"""JSON Schema -> an Avro schema, by rules that docs/schemas.md has for people; the same bytes on each run.

What Avro cannot say is kept in the `doc` of the field, with a warning. Named types are made apart and put where
they are used first, so that a type may refer to itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from avro_schemas.avro.named_types import MAX_DEPTH, self_contained
from avro_schemas.files.json_schema.avro_unions import nullable, union_of
from avro_schemas.files.json_schema.fields import doc_of, field_of
from avro_schemas.files.json_schema.location import Location, located
from avro_schemas.files.json_schema.made_types import MadeTypes
from avro_schemas.files.json_schema.merge import MAX_PROPERTIES, words_of
from avro_schemas.files.json_schema.names import Names, clean, root_word, titled
from avro_schemas.files.json_schema.plain_types import ANY, enum_type, implied_types, plain_type
from avro_schemas.files.json_schema.references import Library
from avro_schemas.files.json_schema.remarks import Remarks
from avro_schemas.files.json_schema.shape import Shapes
from rtpipe.errors import SchemaError

#: Most types that one document may give: a few references can multiply without end.
MAX_TYPES = 20_000
#: What Avro has no word for.
_UNSAID = (
    *("const", "not", "if", "then", "else", "contains", "propertyNames"),
    *("dependencies", "dependentRequired", "dependentSchemas"),
)


def avro_of(document: Any, path: Path, library: Library, *, logical: bool = False) -> tuple[Any, list[str]]:
    """The Avro record for a parsed JSON Schema, and warnings; one that describes no object gives a field `value`.

    With `logical` the formats date, date-time and uuid become logical types; the producer must then convert those
    values. SchemaError for a document that is no JSON Schema, refers to what is not there, or is too
    large or too deep.
    """
    library.add(path, document)
    try:
        found = _Converter(library, logical=logical).root(document, path)
        found = found or _Converter(library, logical=logical, wrapped=True).root(document, path)
    except RecursionError as error:
        raise SchemaError("references inside references are too many to follow") from error
    if found is None:
        raise SchemaError("the document describes nothing that a record could hold")
    return found


class _Converter:
    """Converts one document; `wrapped` into a record around it, which then has the document's name."""

    def __init__(self, library: Library, *, logical: bool, wrapped: bool = False) -> None:
        self._shapes, self._logical, self._wrapped = Shapes(library), logical, wrapped
        self._made = MadeTypes()
        self._remarks = Remarks()
        self._types = 0

    def root(self, document: Any, path: Path) -> tuple[Any, list[str]] | None:
        """The record and the warnings; None if it must be wrapped, since it is no record by itself."""
        location = Location("", root_word(document, path))
        whole = self._shapes.flat(document)
        if isinstance(whole, Mapping) and words_of(whole.get("type")) == ["array"] and _is_items(whole):
            self._remarks.warn(location, "the document is an array; the table is one of its items")
            document, location = whole["items"], replace(location, word=titled(whole["items"], location.word))
        name = self._made.reserve(location.word) if self._wrapped else ""
        found = self._type(document, location)
        record = self._made.get(found) if isinstance(found, str) else None
        if self._wrapped:
            content = {"name": "value", "type": found} | doc_of("", location.notes)
            record = {"type": "record", "name": name, "fields": [content]}
        if record is None or record["type"] != "record":
            return None
        return self_contained(record, self._made.definition), self._remarks.warnings

    def _type(self, schema: Any, location: Location) -> Any:
        self._types += 1
        if self._types > MAX_TYPES:
            raise SchemaError(f"the document gives more than {MAX_TYPES:,} types")
        if location.depth > MAX_DEPTH:
            raise SchemaError(f"{location.words}: types inside types more than {MAX_DEPTH} deep")
        with located(location):
            schema = self._shapes.flat(schema)
        if isinstance(schema, bool):
            return self._any(location) if schema else "null"
        if not isinstance(schema, Mapping):
            raise SchemaError(f"{location.place}: a schema is an object, not {json.dumps(schema)[:60]}")
        if "$ref" in schema:
            return self._referred(schema, location)
        if name := self._made.known(schema):
            return nullable(name) if schema.get("nullable") is True else name
        for key in _UNSAID:
            if key in schema and not (key == "const" and "enum" in schema):
                self._remarks.keep(location, key, schema[key])
        found = self._one(schema, location)
        return nullable(found) if schema.get("nullable") is True else found

    def _one(self, schema: Mapping[str, Any], location: Location) -> Any:
        for key in ("oneOf", "anyOf"):
            if key not in schema:
                continue
            with located(location):
                branches = self._shapes.branches(schema, key)
            if branches:
                return self._branches(branches, schema, location)
            self._remarks.keep(location, key, schema[key])
        if "enum" in schema:
            return self._enum(schema, location)
        return self._by_type(schema, words_of(schema.get("type")) or implied_types(schema), location)

    def _by_type(self, schema: Mapping[str, Any], words: Sequence[str], location: Location) -> Any:
        if len(words) > 1:
            return union_of(self._type(self._shapes.of_type(schema, word), location) for word in dict.fromkeys(words))
        match words:
            case ["object"]:
                return self._object(schema, location)
            case ["array"]:
                return self._array(schema, location)
            case [word]:
                found, warning = plain_type(word, schema, logical=self._logical)
                if found is None:
                    raise SchemaError(f"{location.place}: {warning}")
                if warning:
                    self._remarks.warn(location, warning)
                return found
        return self._any(location)

    def _referred(self, schema: Mapping[str, Any], location: Location) -> Any:
        with located(location):
            target, word = self._shapes.target(schema)
        key = id(target)
        if key in location.following:
            self._remarks.warn(location, f"$ref {str(schema['$ref'])!r} contains itself without an object between")
            return self._any(location)
        inner = replace(location, word=titled(target, clean(word)), parent="", following=location.following | {key})
        return self._type(target, inner)

    def _branches(self, branches: Iterable[Any], schema: Mapping[str, Any], location: Location) -> Any:
        for key in ("oneOf", "anyOf"):
            if key in schema and not self._shapes.branches(schema, key):
                self._remarks.keep(location, key, schema[key])
        types = []
        for branch in branches:
            types.append(self._type(branch, replace(location, word=titled(branch, location.word))))
            location = replace(location, parent="")  # the next one without a name of its own gets a number
        return union_of(types)

    def _enum(self, schema: Mapping[str, Any], location: Location) -> Any:
        found = enum_type(schema["enum"])
        if found.symbols:
            name = self._made.name_for(schema, location)
            self._made.put({"type": "enum", "name": name, "symbols": found.symbols})
            return nullable(name) if found.nullable else name
        self._remarks.keep(location, "enum", schema["enum"])
        rest = self._shapes.without(schema, "enum")
        plain = self._one(rest, location) if "type" in rest else found.plain
        return nullable(plain) if found.nullable else plain

    def _object(self, schema: Mapping[str, Any], location: Location) -> Any:
        properties, more = schema.get("properties"), schema.get("additionalProperties")
        patterns = schema.get("patternProperties")
        if properties:
            for key, value in (("patternProperties", patterns), ("additionalProperties", more)):
                if isinstance(value, Mapping) and value:
                    self._remarks.keep(location, key, value)
            return self._record(schema, properties, location)
        values = [*patterns.values()] if patterns else []
        values += [more] if isinstance(more, Mapping) else []
        if values:
            inner = location.inside("values")
            return {"type": "map", "values": union_of(self._type(value, inner) for value in values)}
        return self._record(schema, {}, location) if more is False else self._any(location)

    def _record(self, schema: Mapping[str, Any], properties: Mapping[str, Any], location: Location) -> str:
        if len(properties) > MAX_PROPERTIES:
            raise SchemaError(f"{location.place}: {len(properties):,} properties; at most {MAX_PROPERTIES:,} are read")
        name = self._made.name_for(schema, location)
        wanted = {str(one) for one in schema.get("required", [])}
        fields: list[dict[str, Any]] = []
        self._made.put({"type": "record", "name": name, "fields": fields})  # so that it may be used inside itself
        own = Names(())
        for title, inner in properties.items():
            if inner is not False:
                column = own.free(clean(title), "")
                found, doc = self._property(title, inner, name, location)
                fields.append(field_of(column, found, needed=title in wanted, title=title) | doc)
        top = doc_of(schema.get("description"), location.notes if not location.words else [])
        return self._made.put({"type": "record", "name": name, **top, "fields": fields})

    def _property(self, title: str, schema: Any, parent: str, location: Location) -> tuple[Any, dict[str, str]]:
        """Type and doc of the property `title` of the record `parent`."""
        inner = replace(
            location.inside(f"field {title!r}"),
            word=titled(schema, clean(title)),
            parent=parent,
            following=frozenset(),
            notes=[],
        )
        found = self._type(schema, inner)
        return found, doc_of(schema.get("description") if isinstance(schema, Mapping) else None, inner.notes)

    def _array(self, schema: Mapping[str, Any], location: Location) -> Any:
        items, inner = schema.get("items", True), location.inside("items")
        several = schema.get("prefixItems", items)
        if isinstance(several, list):
            self._remarks.warn(location, "its items have types by their place; each item may be of any of these types")
            rest = [items] if isinstance(items, Mapping) else []
            return {"type": "array", "items": union_of(self._type(item, inner) for item in [*several, *rest])}
        return {"type": "array", "items": self._type(items, inner)}

    def _any(self, location: Location) -> Any:
        location.notes.append("JSON text")
        self._remarks.warn(location, "of any type: its value must be written as JSON text")
        return ANY


def _is_items(schema: Mapping[str, Any]) -> bool:
    return isinstance(schema.get("items"), Mapping) and "prefixItems" not in schema
