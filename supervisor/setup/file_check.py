"""What is to be said of schema files: a table for each schema, or why a file is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avro_schemas.files.json_file import SchemaFileError
from avro_schemas.files.json_schema.definitions import DefinitionsError
from avro_schemas.files.schema_files import FileSchema, SchemaFiles
from avro_schemas.files.schema_folder import files_of
from avro_schemas.naming import table_for
from avro_schemas.tables.layout import TableLayout, table_layout
from infra.tables.ddl import create_table_sql
from rtpipe.errors import RtpipeError, SchemaError, SettingsError

_HINT = "docs/schemas.md says which types have a column; --topic gives one schema another table"
_CLASH = "give each a topic, and so a table, of its own: rtpipe infra create --schemas FILE --topic NAME"


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What is to be said of one file: a table for each schema, or why it is refused."""

    file: Path
    tables: Sequence[tuple[FileSchema, TableLayout]]
    error: RtpipeError | None = None
    skipped: str = ""  #: why there is nothing to say of it


def check_files(given: Sequence[Path], *, logical: bool, root: Path | None, topic: str | None) -> list[FileVerdict]:
    """A verdict on each file, those of folders among them; files may use each other's types.

    `topic` names the topic of the one schema that there is: SettingsError if there are more.
    """
    paths = files_of(given)
    roots = [path for path in (root, *given) if path is not None and path.is_dir()]
    together = SchemaFiles(paths, logical=logical, roots=roots)
    verdicts = [_verdict(together, path, topic, alone=len(paths) == 1) for path in paths]
    if topic is not None and sum(len(verdict.tables) for verdict in verdicts) > 1:
        raise SettingsError("--topic names one topic, and there are several schemas", hint="check one schema alone")
    return _without_clashes(verdicts)


def facts_of(verdicts: Sequence[FileVerdict]) -> dict[str, Any]:
    """The verdicts for programs."""
    tables = [
        {
            "table": layout.name,
            "sql": create_table_sql(layout.table),
            "warnings": list(dict.fromkeys((*schema.warnings, *layout.warnings))),
            "file": str(verdict.file),
        }
        for verdict in verdicts
        for schema, layout in verdict.tables
    ]
    refused = [
        {"file": str(verdict.file), "error": error.name, "message": error.message, "hint": error.hint}
        for verdict in verdicts
        if (error := verdict.error)
    ]
    return {"tables": tables, "refused": refused}


def _verdict(together: SchemaFiles, path: Path, topic: str | None, *, alone: bool) -> FileVerdict:
    try:
        found = together.read(path)
    except DefinitionsError as error:
        return FileVerdict(path, [], error) if alone else FileVerdict(path, [], skipped=error.message)
    except RtpipeError as error:
        return FileVerdict(path, [], error)
    tables, problems = [], []
    for schema in found:
        try:
            table = table_for(schema.name if topic is None else topic)
            tables.append((schema, table_layout(schema.schema, table=table)))
        except SchemaError as error:
            problems.append(error.message)
    if problems:
        return FileVerdict(path, [], SchemaFileError(path, problems, hint=_HINT))
    return FileVerdict(path, tables)


def _without_clashes(verdicts: list[FileVerdict]) -> list[FileVerdict]:
    """The verdicts, in which a file is refused if one of its tables is that of another schema in a file before it."""
    taken: dict[str, FileSchema] = {}
    judged = []
    for verdict in verdicts:
        clashes = [
            f"{_called(schema)}: its table {layout.name!r} is that of {_called(other)} in {other.where}, too"
            for schema, layout in verdict.tables
            if (other := taken.setdefault(layout.name, schema)).schema != schema.schema
        ]
        error = SchemaFileError(verdict.file, clashes, hint=_CLASH) if clashes else None
        judged.append(FileVerdict(verdict.file, [], error) if error else verdict)
    return judged


def _called(found: FileSchema) -> str:
    """A schema by its kind and full name, as far as it has them."""
    schema = found.schema if isinstance(found.schema, dict) else {}
    name = ".".join(filter(None, (schema.get("namespace"), schema.get("name"))))
    return f"{schema['type']} {name}" if name else "its schema"
