"""`schema_before.json`, the short form that people write -> Avro record schemas; avro_file.py writes them down.

    [{"name": "dataset1", "fields": {"key_field1": "string(64)", "amount": "decimal(12,2)?"}}]

Each object becomes one record, one topic and one table of its name, so the strictest rule of the three is the rule.
The words for a field's type, each with a `?` behind it where the field may be null:

    boolean, int (or integer), long, float, double, bytes, null (without `?`)
    string                  any length
    string(64)              at most 64 characters, kept as the property `maxLength`
    decimal(12,2)           12 digits, 2 of them after the point; decimal(12) has none there
    date, uuid
    time-millis, time-micros, timestamp-millis, timestamp-micros
    local-timestamp-millis, local-timestamp-micros
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from avro_schemas.files.json_file import JsonObject, SchemaFileError, json_kind
from avro_schemas.naming import MAX_IDENTIFIER, collision_key, is_plain, own_table_problem

NAMESPACE = "com.exam"
#: The datasets that come with rtpipe.
DEFAULT_FILE = Path(__file__).parents[1] / "schema_before.json"
#: Most fields of a dataset.
MAX_FIELDS = 1_000
#: Most characters that a bounded string may have: a VARCHAR holds no more.
MAX_STRING = 16_383
#: Most digits of a decimal: more than any column of numbers has.
MAX_DECIMAL = 1_000

_PRIMITIVES = {name: name for name in ("boolean", "int", "long", "float", "double", "string", "bytes", "null")}
_SIMPLE: dict[str, Any] = {
    **_PRIMITIVES,
    "integer": "int",
    "date": {"type": "int", "logicalType": "date"},
    "time-millis": {"type": "int", "logicalType": "time-millis"},
    "time-micros": {"type": "long", "logicalType": "time-micros"},
    "timestamp-millis": {"type": "long", "logicalType": "timestamp-millis"},
    "timestamp-micros": {"type": "long", "logicalType": "timestamp-micros"},
    "local-timestamp-millis": {"type": "long", "logicalType": "local-timestamp-millis"},
    "local-timestamp-micros": {"type": "long", "logicalType": "local-timestamp-micros"},
    "uuid": {"type": "string", "logicalType": "uuid"},
}
_TYPES = f"{', '.join(_SIMPLE)}, string(n), decimal(p,s), each with a ? where the field may be null"
_ALLOWED_NAME = f"allowed are 1 to {MAX_IDENTIFIER} letters A-Z a-z, digits and _, no digit first"
_WORD = re.compile(r"(string|decimal)\s*\(\s*(\d{1,9})\s*(?:,\s*(\d{1,9})\s*)?\)")
_KEYS = ("name", "fields")
#: What a problem with a type says: the list of types then follows once, after all problems.
_TYPE = "the type "


class DatasetsError(SchemaFileError):
    """A `schema_before.json` is refused; the types that are allowed follow once, where one was wrong."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        allowed = f"\n  types that are allowed: {_TYPES}" if any(_TYPE in problem for problem in problems) else ""
        super().__init__(path, problems, allowed=allowed)


class _TypeProblem(Exception):  # noqa: N818 - never leaves this module
    """What is wrong with a type word and what is allowed."""


def datasets_of(path: Path, document: Any) -> list[dict[str, Any]]:
    """The Avro record schemas of a `schema_before.json`, whose parsed content is `document`, in its order.

    DatasetsError has everything that is wrong in it.
    """
    if not isinstance(document, list) or not document:
        raise DatasetsError(path, [f"it must be an array of datasets, at least one, not {json_kind(document)}"])
    records = [_record(dataset, number) for number, dataset in enumerate(document, 1)]
    names = [dataset.get("name") for dataset in document if isinstance(dataset, JsonObject)]
    problems = [problem for _, wrong in records for problem in wrong]
    problems += _clashes("", "dataset", [name for name in names if isinstance(name, str)])
    if problems:
        raise DatasetsError(path, problems)
    return [schema for schema, _ in records]


def _record(dataset: Any, number: int) -> tuple[dict[str, Any], list[str]]:
    """The record schema of one dataset, and what is wrong with it: the schema is then unusable."""
    if not isinstance(dataset, JsonObject):
        return {}, [f'dataset {number}: must be {{"name": ..., "fields": {{...}}}}, not {json_kind(dataset)}']
    name, fields = dataset.get("name"), dataset.get("fields")
    where = f"dataset {name!r}" if isinstance(name, str) and name else f"dataset {number}"
    problems = [f"{where}: the key {key!r} is there twice" for key in dataset.repeated]
    problems += [f"{where}: unknown key {key!r}{_suggest(key, _KEYS)}" for key in dataset if key not in _KEYS]
    if "name" not in dataset:
        problems.append(f"{where}: the name is missing; {_ALLOWED_NAME}")
    else:
        problems += [f"{where}: {problem}" for problem in _name_problems(name)]
        if isinstance(name, str) and (problem := own_table_problem(name)):
            problems.append(f"{where}: no dataset may have this name, {problem}")
    if not isinstance(fields, JsonObject) or not fields:
        found = "missing" if "fields" not in dataset else "empty" if fields == {} else json_kind(fields)
        problems.append(f"{where}: `fields` is {found}; it must be an object of at least one field name and its type")
        fields = JsonObject([])
    if len(fields) > MAX_FIELDS:
        problems.append(f"{where}: {len(fields):,} fields; at most {MAX_FIELDS:,} are allowed")
    problems += [f"{where}, field {field!r}: is there twice" for field in fields.repeated]
    problems += _clashes(f"{where}, ", "field", list(fields))
    made = [_field(field, word, f"{where}, field {field!r}") for field, word in fields.items()]
    problems += [problem for _, wrong in made for problem in wrong]
    schema = {"type": "record", "name": name, "namespace": NAMESPACE, "fields": [field for field, _ in made]}
    return schema, problems


def _field(name: str, word: Any, where: str) -> tuple[dict[str, Any], list[str]]:
    """The field of a record schema, and what is wrong with it."""
    problems = [f"{where}: {problem}" for problem in _name_problems(name)]
    try:
        avro = _avro_type(word)
    except _TypeProblem as error:
        return {}, [*problems, f"{where}: {error}"]
    if isinstance(avro, list):
        return {"name": name, "type": avro, "default": None}, problems
    return {"name": name, "type": avro}, problems


def _avro_type(word: Any) -> Any:
    """The Avro type for a type word; _TypeProblem says what is wrong with it and what is allowed."""
    if not isinstance(word, str):
        raise _TypeProblem(f'{_TYPE}must be a word such as "string", not {json_kind(word)}')
    base = word.strip()
    nullable = base.endswith("?")
    base = base.removesuffix("?").rstrip()
    avro = _SIMPLE[base] if base in _SIMPLE else _sized(base, word)
    if nullable and avro == "null":
        raise _TypeProblem(f"{_TYPE}{word!r} says twice that it may be null")
    return ["null", avro] if nullable else avro


def _sized(base: str, word: str) -> dict[str, Any]:
    parts = _WORD.fullmatch(base)
    if not parts:
        raise _TypeProblem(f"{_TYPE}{word!r} is unknown{_suggest(base, tuple(_SIMPLE))}")
    first, second = int(parts[2]), int(parts[3] or 0)
    if parts[1] == "string":
        if parts[3] is not None or not 1 <= first <= MAX_STRING:
            raise _TypeProblem(f"{_TYPE}{word!r}: string(n) holds at most n characters, n from 1 to {MAX_STRING}")
        return {"type": "string", "maxLength": first}
    if not 1 <= first <= MAX_DECIMAL or second > first:
        raise _TypeProblem(
            f"{_TYPE}{word!r}: decimal(p,s) has p digits (1 to {MAX_DECIMAL}), s of them after the point"
        )
    return {"type": "bytes", "logicalType": "decimal", "precision": first, "scale": second}


def _name_problems(name: Any) -> list[str]:
    if isinstance(name, str) and is_plain(name) and len(name) <= MAX_IDENTIFIER:
        return []
    length = f" ({len(name)} characters)" if isinstance(name, str) and len(name) > MAX_IDENTIFIER else ""
    return [f"{name!r}{length} cannot be a name; {_ALLOWED_NAME}"]


def _clashes(where: str, what: str, names: Sequence[str]) -> list[str]:
    """Names that one topic, table or column cannot tell apart; JSON's own doubles are reported by their object."""
    seen: dict[str, str] = {}
    problems = []
    for name, times in Counter(names).items():
        key = name.lower() if what == "field" else collision_key(name)
        other = seen.setdefault(key, name)
        if times > 1:
            problems.append(f"{where}{what} {name!r}: is there twice")
        if other != name:
            problems.append(f"{where}{what} {name!r}: too like {other!r}; MySQL may not tell such names apart")
    return problems


def _suggest(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word.lower(), known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else f" (known: {', '.join(known)})" if known == _KEYS else ""
