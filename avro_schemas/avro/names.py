"""Names that Avro forbids, and what rtpipe does with them.

One rule for all: letters A-Z and a-z, digits and `_`, no digit first; a namespace is such names with dots between, or
empty. type_reader.py refuses a type or a symbol that breaks it, as every library of Avro does. Field names,
namespaces and aliases that break it are read, because some registries have them and a table does not need them; but
with a warning, because most registries and many readers refuse them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from avro_schemas.avro.named_types import NAMED
from avro_schemas.naming import is_plain

RULE = "letters A-Z and a-z, digits and _, no digit first"
#: Most warnings about the names of a schema.
_MOST = 20


def is_type_name(name: Any) -> bool:
    """Whether a type may be called so; what stands before the last dot is its namespace, which is not judged."""
    return isinstance(name, str) and is_plain(name.rpartition(".")[2])


def forbidden_names(schema: Any) -> list[str]:
    """A warning for each field name, namespace and alias that Avro forbids, with its place in a valid schema."""
    found = list(_names(schema, ""))
    return [*found[:_MOST], *([f"and {len(found) - _MOST:,} more names that Avro forbids"] if found[_MOST:] else [])]


def _names(schema: Any, words: str) -> Iterator[str]:
    if isinstance(schema, list):
        for number, branch in enumerate(schema, 1):
            yield from _names(branch, f"{words}branch {number}, ")
    if not isinstance(schema, Mapping):
        return
    kind = schema.get("type")
    if kind in NAMED:
        yield from _of_type(schema, words)
        inner = f"{words}{kind} {schema['name']}, " if words else ""
        for field in schema["fields"] if kind in ("record", "error") else ():
            yield from _of_field(field, inner)
    elif kind in ("array", "map"):
        part = "items" if kind == "array" else "values"
        yield from _names(schema[part], f"{words}{part}, ")


def _of_type(schema: Mapping[str, Any], words: str) -> Iterator[str]:
    name, namespace = schema["name"], schema.get("namespace")
    whose = f"{words}{schema['type']} {name}"
    if "." in name:
        namespace = name.rpartition(".")[0]
    if isinstance(namespace, str) and not _is_namespace(namespace):
        yield f"{whose}: Avro forbids the namespace {namespace!r}; many readers refuse it ({RULE}, between dots)"
    yield from (
        f"{whose}: Avro forbids the alias {alias!r} ({RULE}, between dots)"
        for alias in _aliases(schema)
        if not alias or not _is_namespace(alias)
    )


def _of_field(field: Mapping[str, Any], words: str) -> Iterator[str]:
    whose = f"{words}field {field['name']!r}"
    if not is_plain(field["name"]):
        yield f"{whose}: Avro forbids the name; most registries refuse it ({RULE})"
    yield from (
        f"{whose}: Avro forbids the alias {alias!r} ({RULE})" for alias in _aliases(field) if not is_plain(alias)
    )
    yield from _names(field["type"], f"{whose}, ")


def _aliases(holder: Mapping[str, Any]) -> list[str]:
    aliases = holder.get("aliases")
    return [alias for alias in aliases if isinstance(alias, str)] if isinstance(aliases, list) else []


def _is_namespace(namespace: str) -> bool:
    return not namespace or all(map(is_plain, namespace.split(".")))
