"""What is in a file, decided by its content alone: `.avro`, for example, may be a schema or rows."""

from __future__ import annotations

import difflib
import enum
import json
import re
from collections.abc import Mapping
from typing import Any

from avro_schemas.avro.field_types import PRIMITIVES
from avro_schemas.avro.named_types import NAMED
from avro_schemas.files.container_header import MAGIC
from avro_schemas.files.json_file import json_kind

#: Keys of which one says that an object is JSON Schema, unless its `type` is one that only Avro has.
_JSON_SCHEMA_KEYS = frozenset(
    {"$schema", "$id", "$ref", "$defs", "definitions", "properties", "patternProperties", "additionalProperties"}
    | {"allOf", "anyOf", "oneOf", "prefixItems"}
)
_JSON_SCHEMA_TYPES = frozenset({"object", "integer", "number"})
_AVRO_TYPES = frozenset({*NAMED, "map"})
#: What stands beside a `type` in Avro; a row of a column `type` has other columns.
_BESIDE_TYPE = frozenset(
    {"type", "name", "namespace", "doc", "aliases", "fields", "symbols", "size", "items", "values", "default"}
    | {"order", "logicalType", "precision", "scale", "maxLength"}
)
#: How other files begin, and what they are then called.
_BEGINNINGS = (
    (b"\x1f\x8b", "a gzip file; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd file; unpack it first"),
    (b"PK\x03\x04", "a zip file; unpack it first"),
    (b"PAR1", "a Parquet file"),
    (b"\xff\xfe", "UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text; save it as UTF-8"),
    (MAGIC[:3], "an Avro container file of a version that is not 1"),
)
#: What other texts look like, where they are no JSON.
_TEXTS = (
    (re.compile(r"\s*(@\w+\(|/\*|//|namespace\b|protocol\b)"), "Avro IDL, it seems; make .avsc files of it first"),
    (re.compile(r"\s*<"), "XML"),
    (re.compile(r"\s*(syntax|message)\b"), "Protocol Buffers"),
)
_YAML = re.compile(r"(\s*#.*\n)*\s*(---|[$\w]+\s*:(\s|$))")
#: What a file may contain, for the error about a file with something else.
ALLOWED = (
    "a schema file holds an Avro schema, an array of them, JSON Schema, or the datasets of a schema_before.json; "
    "or it is an Avro container file"
)


class FileKind(enum.Enum):
    """What a JSON document is."""

    DATASETS = "datasets"  #: `schema_before.json`
    AVRO = "an Avro schema"
    JSON_SCHEMA = "JSON Schema"


def kind_of(document: Any) -> FileKind | None:
    """The kind of a parsed document, or None for one that is no schema."""
    if isinstance(document, str):
        return FileKind.AVRO
    if isinstance(document, list):
        return _kind_of_list(document)
    if not isinstance(document, Mapping):
        return None
    kind = document.get("type")
    if isinstance(kind, str) and kind in _AVRO_TYPES:
        return FileKind.AVRO
    if _JSON_SCHEMA_KEYS & document.keys() or (isinstance(kind, str) and kind in _JSON_SCHEMA_TYPES):
        return FileKind.JSON_SCHEMA
    return FileKind.AVRO if "type" in document and not _is_row(document) else None


def described(document: Any) -> str:
    """What a document without a kind is, in words."""
    if isinstance(document, Mapping):
        keys = ", ".join(map(repr, list(document)[:4])) or "no keys"
        if "protocol" in document:
            return "an Avro protocol; give the records in its `types`, as an array"
        if isinstance(document.get("schema"), str):
            return "an answer of a registry; give what is in its `schema`"
        if "fields" in document:
            return f"a JSON object that is no schema: it has {keys}, and no `type`; datasets stand in an array"
        return f"a JSON object that is no schema, a row perhaps: it has {keys}, and no type that a schema has"
    if isinstance(document, list) and document:
        return f"JSON rows: an array of {len(document):,}, the first of which is {json_kind(document[0])}, no schema"
    return "an empty array: it has no schema" if isinstance(document, list) else f"{json_kind(document)}, no schema"


def of_bytes(raw: bytes) -> str | None:
    """What a file is that cannot be a schema, by how it begins; None if it may be one."""
    for beginning, name in _BEGINNINGS:
        if raw.startswith(beginning):
            return name
    return "empty" if not raw.strip() else "binary data" if b"\0" in raw else None


def is_yaml(text: str) -> bool:
    """Whether a text that is no JSON looks like YAML."""
    return _YAML.match(text) is not None


def of_text(text: str) -> str | None:
    """What a text is that is no JSON document; None if it may be one with a mistake in it."""
    lines = text.strip().split("\n", 2)
    try:
        if len(lines) > 1 and json.loads(lines[0]) is not None and json.loads(lines[1]) is not None:
            return "JSON rows, one a line"
    except (ValueError, RecursionError):
        pass
    return next((name for pattern, name in _TEXTS if pattern.match(text)), None)


def _kind_of_list(document: list[Any]) -> FileKind | None:
    """Branches of Avro's union have a `type` or are words; datasets have `name` and `fields`, and no `type`."""
    objects = [one for one in document if isinstance(one, Mapping)]
    if objects and not any("type" in one for one in objects):
        return FileKind.DATASETS if any(map(_is_dataset, objects)) else None
    if objects == document and all(map(_is_row, objects)):
        return None
    schemas = [one for one in document if isinstance(one, str) or (isinstance(one, Mapping) and "type" in one)]
    return FileKind.AVRO if schemas and len(schemas) == len(document) else None


def _is_dataset(one: Mapping[str, Any]) -> bool:
    """Whether it was meant as a dataset, perhaps misspelt. A row with a column `name` has other columns, too."""
    others = one.keys() - {"name"}
    return not others or bool(difflib.get_close_matches("fields", map(str, others), cutoff=0.85))


def _is_row(one: Mapping[str, Any]) -> bool:
    """Whether it has a `type` that Avro does not know, and what no schema has beside it."""
    kind = one.get("type")
    plain = isinstance(kind, str) and kind not in {*PRIMITIVES, *_AVRO_TYPES, "array"}
    return plain and bool(one.keys() - _BESIDE_TYPE)
