"""Schemas as the registry keeps them -> one document each, with all that it refers to in other subjects."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from confluent_kafka.schema_registry import Schema

from avro_schemas.avro.named_types import Definition, definitions, self_contained
from avro_schemas.files.json_file import json_kind, json_problem
from rtpipe.errors import NotAvroError, SchemaError

#: Most characters of a schema with all that it refers to, and most schemas that it refers to, directly or not.
_LARGEST_SCHEMA, _MOST_REFERENCES = 1_000_000, 200
#: Subject, version and what refers to it -> the schema.
Fetch = Callable[[str, int, str], Schema]


class SchemaDocuments:
    """Documents of the registry at `url`; `fetch` gets what a schema refers to. SchemaError says what is wrong."""

    def __init__(self, url: str, fetch: Fetch) -> None:
        self._url = url
        self._fetch = fetch

    def parsed(self, schema: Schema, what: str) -> Any:
        """The schema as one document, what it refers to included."""
        parsed = self._document(schema, what, _LARGEST_SCHEMA)
        return self_contained(parsed, self._referred(schema, what).get) if schema.references else parsed

    def _referred(self, schema: Schema, what: str) -> dict[str, Definition]:
        """The named types of every schema that `schema` refers to, by their full names."""
        found: dict[str, Definition] = {}
        room = _LARGEST_SCHEMA - len(str(schema.schema_str))
        waiting, seen = list(schema.references or ()), set()
        while waiting:
            reference = waiting.pop(0)
            subject, number = str(reference.subject), int(reference.version or 0)
            if (subject, number) in seen:
                continue
            seen.add((subject, number))
            if len(seen) > _MOST_REFERENCES:
                raise SchemaError(f"{what} at {self._url} refers to more than {_MOST_REFERENCES} other schemas")
            referred = self._fetch(subject, number, what)
            inner = self._document(referred, f"version {number} of {subject}, to which {what} refers,", room)
            room -= len(str(referred.schema_str))
            for one in definitions(inner):
                found.setdefault(one.name, one)
            waiting += referred.references or ()
        return found

    def _document(self, schema: Schema, what: str, room: int) -> Any:
        """The JSON of one schema of at most `room` characters."""
        if schema.schema_type not in {None, "AVRO"}:
            raise NotAvroError(
                f"{what} at {self._url} is {schema.schema_type}, rtpipe reads AVRO",
                hint="let the producer write with the registry's Avro serializer",
            )
        text = str(schema.schema_str)
        if len(text) > room:
            raise SchemaError(f"{what} at {self._url} has {len(text):,} characters, {room:,} is the most")
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SchemaError(f"{what} at {self._url} is no JSON: {json_problem(error)}") from error
        if not isinstance(parsed, dict | list | str):
            raise SchemaError(f"{what} at {self._url} is {json_kind(parsed)}, no Avro schema")
        return parsed
