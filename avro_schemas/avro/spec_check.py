"""What the Avro specification forbids in a schema beyond what makes it unreadable: defaults, aliases, sort orders.

For files that people write. Schemas of a registry are not checked like this: a check that is stricter than the registry
would halt a partition because of a default that no table uses.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from avro_schemas.avro.field_types import PRIMITIVES
from avro_schemas.avro.named_types import NAMED, full_name, inner_namespace

_ORDERS = ("ascending", "descending", "ignore")
_LIMITS = {"int": 1 << 31, "long": 1 << 63}
_PLAIN: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "double": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    **dict.fromkeys(("string", "bytes", "enum", "fixed"), lambda value: isinstance(value, str)),
}


def spec_problems(schema: Any) -> tuple[list[str], list[str]]:
    """What is forbidden in a schema that read_record takes, and what is only doubtful; each with its place."""
    checker = _Checker()
    checker.walk(schema, "", "")
    return checker.problems, checker.warnings


class _Checker:
    def __init__(self) -> None:
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self._named: dict[str, tuple[Mapping[str, Any], str]] = {}  # full name -> definition, namespace around it
        self._fits: dict[tuple[int, int], bool] = {}  # of types and values that the schema keeps alive

    def walk(self, schema: Any, namespace: str, words: str) -> None:
        """Check a type and all inside it; `words` is where it stands, "" at the top."""
        if isinstance(schema, list):
            for number, branch in enumerate(schema, 1):
                self.walk(branch, namespace, f"{words}, branch {number}")
        if not isinstance(schema, Mapping):
            return
        kind = schema["type"]
        if kind in NAMED:
            outer, namespace = namespace, inner_namespace(schema, namespace)
            self._named[full_name(schema["name"], namespace)] = (schema, outer)
            words = f"{words}, {kind} {schema['name']}" if words else ""
            self._aliases(schema, words)
            for field in schema["fields"] if kind in {"record", "error"} else ():
                self._field(field, namespace, f"{words}, field {field['name']!r}")
        elif kind in {"array", "map"}:
            part = "items" if kind == "array" else "values"
            self.walk(schema[part], namespace, f"{words}, {part}")

    def _field(self, field: Mapping[str, Any], namespace: str, words: str) -> None:
        self._aliases(field, words)
        self.walk(field["type"], namespace, words)
        if "order" in field and field["order"] not in _ORDERS:
            self._refuse(words, f"the order {field['order']!r} is none of {', '.join(_ORDERS)}")
        if "default" not in field:
            return
        value, kind = field["default"], field["type"]
        if not self._valid(kind, namespace, value):
            self._refuse(words, f"the default {reprlib.repr(value)} does not fit {_called(kind)}")
            return
        if isinstance(kind, list):
            number = next(at for at, branch in enumerate(kind, 1) if self._valid(branch, namespace, value))
            if number > 1:
                self._warn(words, f"the default fits branch {number} of the union; Avro before 1.12 wants the first")
            kind = kind[number - 1]
        if doubt := self._doubt(kind, namespace, value):
            self._warn(words, doubt)

    def _aliases(self, holder: Mapping[str, Any], words: str) -> None:
        aliases = holder.get("aliases", [])
        if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
            self._refuse(words, f"`aliases` is an array of names, not {reprlib.repr(aliases)}")

    def _valid(self, schema: Any, namespace: str, value: Any) -> bool:
        """Whether `value` is a default of the type. Asked for once: in nested unions the ways to fit multiply."""
        key = (id(schema), id(value))
        if not isinstance(schema, str) and key in self._fits:
            return self._fits[key]
        found = self._judged(schema, namespace, value)
        if not isinstance(schema, str):
            self._fits[key] = found
        return found

    def _judged(self, schema: Any, namespace: str, value: Any) -> bool:
        if isinstance(schema, list):
            return any(self._valid(branch, namespace, value) for branch in schema)
        schema, namespace = self._defined(schema, namespace)
        kind = schema["type"]
        if kind in _PLAIN:
            return _PLAIN[kind](value)
        if limit := _LIMITS.get(kind):
            return isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit
        if kind == "array":
            return isinstance(value, list) and all(self._valid(schema["items"], namespace, one) for one in value)
        if kind == "map":
            inner = value.values() if isinstance(value, dict) else ()
            return isinstance(value, dict) and all(self._valid(schema["values"], namespace, one) for one in inner)
        namespace = inner_namespace(schema, namespace)
        return isinstance(value, dict) and all(self._has(field, namespace, value) for field in schema["fields"])

    def _has(self, field: Mapping[str, Any], namespace: str, value: Mapping[str, Any]) -> bool:
        """A field that the value leaves out has its own default, which is judged where it stands."""
        if field["name"] not in value:
            return "default" in field
        return self._valid(field["type"], namespace, value[field["name"]])

    def _defined(self, schema: Any, namespace: str) -> tuple[Mapping[str, Any], str]:
        """The object that defines a type which is no union, and the namespace around it."""
        word = schema if isinstance(schema, str) else schema["type"]
        if word in PRIMITIVES:
            return {"type": word}, namespace
        if isinstance(schema, Mapping) and word in {*NAMED, "array", "map"}:
            return schema, namespace
        full = full_name(word, namespace)
        return self._named[full if full in self._named else word]

    def _doubt(self, schema: Any, namespace: str, value: Any) -> str | None:
        """What is wrong with a text that Avro takes for a default, and only misses when it is used."""
        if not isinstance(value, str):
            return None
        schema, _ = self._defined(schema, namespace)
        kind = schema["type"]
        if kind == "enum" and value not in schema["symbols"]:
            return f"the default {value!r} is none of the symbols"
        if kind == "fixed" and len(value) != schema["size"]:
            return f"the default has {len(value)} bytes, and the type {schema['size']}"
        if kind in {"bytes", "fixed"} and any(ord(letter) > 255 for letter in value):  # noqa: PLR2004 - a byte
            return "the default has characters above \\u00ff, which stand for no byte"
        return None

    def _refuse(self, words: str, problem: str) -> None:
        self.problems.append(_placed(words, problem))

    def _warn(self, words: str, problem: str) -> None:
        self.warnings.append(_placed(words, problem))


def _placed(words: str, problem: str) -> str:
    words = words.removeprefix(", ")
    return f"{words}: {problem}" if words else problem


def _called(schema: Any) -> str:
    if isinstance(schema, list):
        return "any branch of the union"
    if isinstance(schema, str):
        return f"the type {schema}"
    return f"the type {schema['type']} {schema.get('name', '')}".rstrip()
