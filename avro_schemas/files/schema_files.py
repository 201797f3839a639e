"""Files of any kind -> the Avro schemas in them, each self-contained and valid.

A file may hold an Avro schema, an array of them, JSON Schema, the datasets of a `schema_before.json`, or rows with
their schema (an Avro container file); file_kinds.py tells them apart. Files given together may use each other's
named types; what none of them defines is looked for beside the file, as `Name.avsc` or `full.name.avsc`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avro_schemas.avro.named_types import NAMED, Definition, definitions, self_contained
from avro_schemas.avro.names import forbidden_names
from avro_schemas.avro.spec_check import spec_problems
from avro_schemas.avro.type_reader import read_record
from avro_schemas.files import container_header, yaml_file
from avro_schemas.files import file_kinds as schema_kinds
from avro_schemas.files.datasets import datasets_of
from avro_schemas.files.file_kinds import FileKind
from avro_schemas.files.json_file import SchemaFileError, is_file, parsed, read_start, repeated_keys, text_of
from avro_schemas.files.json_schema.conversion import avro_of
from avro_schemas.files.json_schema.definitions import DefinitionsError, definitions_alone
from avro_schemas.files.json_schema.references import Library
from rtpipe.errors import RtpipeError, SchemaError

#: Most files that are read for names and references beside those that were given.
MAX_FILES_BESIDE = 1_000
#: Most names that are looked for elsewhere: each of many schemas may need each of the others.
MAX_TAKEN_IN = 50_000
#: Names for which a file is looked for: none can lead out of the folder.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
#: Most schemas of a file that are refused before the others are let be.
_MOST_PROBLEMS = 50
_HINT = "docs/schemas.md says what a schema file may hold"


@dataclass(frozen=True, slots=True)
class FileSchema:
    """One schema of a file."""

    schema: Any  #: Avro, as parsed JSON, self-contained and valid
    name: str  #: of its topic, unless somebody gives another: its own, or else that of the file
    where: str  #: the file, and which schema of it where it has several
    kind: FileKind | None  #: what the file holds; None for a container file
    warnings: tuple[str, ...]  #: what of the file was ignored or is doubtful


@dataclass(frozen=True, slots=True)
class _Document:
    path: Path
    kind: FileKind | None
    content: Any  #: the parsed JSON; of a container file its schema


class SchemaFiles:
    """Files read together; with `logical` the formats of dates, times and uuids in JSON Schema are logical types.

    The references of JSON Schema may lead to files in or below the folders of these, and below the `roots`.
    """

    def __init__(self, paths: Sequence[Path], *, logical: bool = False, roots: Sequence[Path] = ()) -> None:
        self._roots = tuple(roots)
        self._paths = tuple(dict.fromkeys(paths))
        self._logical = logical
        self._library: Library | None = None
        self._given: dict[str, list[tuple[Path, Definition]]] | None = None
        self._taken_in = 0
        self._documents: dict[Path, _Document | RtpipeError] = {}
        self._defined: dict[Path, dict[str, Definition]] = {}

    def read(self, path: Path) -> list[FileSchema]:
        """The schemas of one of the files, in its order, at least one.

        SettingsError if it cannot be read, SchemaFileError with all that is wrong in it.
        """
        document = self._document(path)
        if document.kind is FileKind.DATASETS:
            return [_found(schema, document, str(path), ()) for schema in datasets_of(path, document.content)]
        if document.kind is FileKind.JSON_SCHEMA:
            return [self._converted(document)]
        warnings = [
            f"the key {key!r} is there twice; only the last one counts" for key in repeated_keys(document.content)
        ]
        tables = _tables(document)
        found, problems = [], []
        for number, schema in enumerate(tables, 1):
            part = f"schema {number} ({schema.get('name')})" if len(tables) > 1 else ""
            where = f"{path}: {part}" if part else str(path)
            try:
                found.append(self._valid(document, schema, where, warnings))
            except SchemaError as error:
                problems.append(f"{part}: {error.message}" if part else error.message)
            if len(problems) == _MOST_PROBLEMS:
                break
        names = Counter(one.name for one in found)
        problems += [f"the name {name!r} is there twice" for name, times in names.items() if times > 1]
        if problems:
            raise SchemaFileError(path, problems, hint=_HINT)
        return found

    def _valid(self, document: _Document, schema: Any, where: str, warnings: Sequence[str]) -> FileSchema:
        whole = self_contained(schema, lambda name: self._find(name, document))
        return _found(whole, document, where, warnings)

    def _converted(self, document: _Document) -> FileSchema:
        if names := definitions_alone(document.content):
            raise DefinitionsError(document.path, names)
        if self._library is None:
            given = {path: one.content for path in self._paths if (one := self._of_kind(path, FileKind.JSON_SCHEMA))}
            self._library = Library(given, self._json_beside, self._roots)
        try:
            schema, warnings = avro_of(document.content, document.path, self._library, logical=self._logical)
            return _found(schema, document, str(document.path), warnings)
        except SchemaError as error:
            raise SchemaFileError(document.path, [error.message], hint=error.hint or _HINT) from error

    def _document(self, path: Path) -> _Document:
        """The document of a file, read once; the errors of `read`."""
        if path not in self._documents:
            try:
                self._documents[path] = _load(path)
            except RtpipeError as error:
                self._documents[path] = error
        found = self._documents[path]
        if isinstance(found, RtpipeError):
            raise found
        return found

    def _of_kind(self, path: Path, kind: FileKind) -> _Document | None:
        """The document of a file that may be of use to another one; None if it is of another kind, or broken."""
        try:
            document = self._document(path)
        except RtpipeError:  # told when its own turn comes
            return None
        return document if document.kind is kind else None

    def _json_beside(self, path: Path) -> Any:
        self._count_beside()
        return self._document(path).content

    def _find(self, name: str, document: _Document) -> Definition | None:
        """The definition of a full name: of the same file, of the others given, of one beside it."""
        self._taken_in += 1
        if self._taken_in > MAX_TAKEN_IN:
            raise SchemaError(f"the files use each other's types more than {MAX_TAKEN_IN:,} times")
        if name in (own := self._definitions(document.path)):
            return own[name]
        if found := self._given_names().get(name):
            (first, definition), *others = found
            for path, other in others:
                if (other.schema, other.outer) != (definition.schema, definition.outer):
                    raise SchemaError(f"the type {name!r} is defined in {first} and otherwise in {path}")
            return definition
        return next(self._beside(name, document.path.parent), None)

    def _given_names(self) -> dict[str, list[tuple[Path, Definition]]]:
        """Full name -> where it is defined in the files that were given, and how."""
        if self._given is None:
            self._given = {}
            for path in self._paths:
                for name, found in self._definitions(path).items() if self._of_kind(path, FileKind.AVRO) else ():
                    self._given.setdefault(name, []).append((path, found))
        return self._given

    def _beside(self, name: str, folder: Path) -> Iterator[Definition]:
        if not _NAME.fullmatch(name):
            return
        for stem in dict.fromkeys((name, name.rpartition(".")[2])):
            path = folder / f"{stem}.avsc"
            if path not in self._documents and not is_file(path):
                continue
            self._count_beside()
            self._document(path)  # a file that is there and broken is worth an error
            if name in (names := self._definitions(path)):
                yield names[name]

    def _definitions(self, path: Path) -> dict[str, Definition]:
        """Full name -> definition; the first one where a file, an array of schemas, has several."""
        if path not in self._defined:
            names: dict[str, Definition] = {}
            for found in definitions(self._document(path).content):
                names.setdefault(found.name, found)
            self._defined[path] = names
        return self._defined[path]

    def _count_beside(self) -> None:
        if len(self._documents) > len(self._paths) + MAX_FILES_BESIDE:
            raise SchemaError(f"it needs more than {MAX_FILES_BESIDE:,} files beside it")


def _load(path: Path) -> _Document:
    raw = read_start(path)
    if raw.startswith(container_header.MAGIC):
        return _Document(path, None, parsed(path, container_header.schema_text(path, raw)))
    if found := schema_kinds.of_bytes(raw):
        raise _no_schema(path, found)
    text = text_of(path, raw)
    try:
        document = parsed(path, text)
    except SchemaFileError:
        if found := schema_kinds.of_text(text):
            raise _no_schema(path, found) from None
        if not schema_kinds.is_yaml(text):
            raise
        document = parsed(path, yaml_file.json_text(path, text))
    kind = schema_kinds.kind_of(document)
    if kind is None:
        raise _no_schema(path, schema_kinds.described(document))
    return _Document(path, kind, document)


def _no_schema(path: Path, found: str) -> SchemaFileError:
    return SchemaFileError(path, [f"no schema file: it is {found}"], hint=schema_kinds.ALLOWED)


def _tables(document: _Document) -> list[Any]:
    """The schemas of which each is a table: the records of an array of definitions, else all as one."""
    content = document.content
    if document.kind is None or not isinstance(content, list):
        return [content]
    kinds = [one.get("type") if isinstance(one, dict) else None for one in content]
    records = [one for one, kind in zip(content, kinds, strict=True) if kind in ("record", "error")]
    return records if records and all(kind in NAMED for kind in kinds) else [content]


def _found(schema: Any, document: _Document, where: str, warnings: Sequence[str]) -> FileSchema:
    """`schema` if it is valid; SchemaError says what is not."""
    read_record(schema)
    problems, doubts = spec_problems(schema)
    if problems:
        raise SchemaError("\n  ".join(problems))
    return FileSchema(
        schema, _topic(schema, document.path), where, document.kind, (*warnings, *doubts, *forbidden_names(schema))
    )


def _topic(schema: Any, path: Path) -> str:
    """The plain name of a record, an enum or a fixed; else of the file, with `_` for what no topic may have."""
    if isinstance(schema, dict) and schema.get("type") in NAMED:
        return str(schema["name"]).rpartition(".")[2]
    return re.sub(r"[^A-Za-z0-9_-]", "_", path.name.partition(".")[0]) or "value"
