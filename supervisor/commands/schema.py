"""`rtpipe schema`: from a schema file to Avro, and to the table that it gives."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtpipe.errors import RtpipeError, SettingsError
from supervisor.commands.errors import complain
from supervisor.commands.options import Json

if TYPE_CHECKING:
    from avro_schemas.files.schema_files import FileSchema, SchemaFiles
    from avro_schemas.tables.layout import TableLayout

app = typer.Typer(help="Schema files: convert them to Avro, see what tables they give.", no_args_is_help=True)

_KINDS = "schema_before.json, Avro schemas, JSON Schema or Avro container files"
_HINT = "docs/schemas.md says which types have a column; --topic gives one schema another table"
_CLASH = "give each a topic, and so a table, of its own: rtpipe infra create --schemas FILE --topic NAME"
_DEFAULT = Path("avro_schemas/schema_before.json")
Files = Annotated[list[Path] | None, typer.Argument(help=f"{_KINDS}; or folders of them.", show_default=str(_DEFAULT))]
File = Annotated[Path, typer.Argument(help=f"One of {_KINDS}.")]
Logical = Annotated[
    bool, typer.Option("--logical", help="Of JSON Schema: date, date-time and uuid become logical types.")
]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root", help="Folder below which references of JSON Schema may lead; a folder of files is one.", exists=True
    ),
]
Topic = Annotated[
    str | None, typer.Option("--topic", help="The topic, and so the table, of the one schema.", show_default=False)
]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is to be said of one file: a table for each schema, or why it is refused."""

    file: Path
    tables: list[tuple[FileSchema, TableLayout]]
    error: RtpipeError | None = None
    skipped: str = ""  #: why there is nothing to say of it


@app.command()
def convert(file: File = _DEFAULT, logical: Logical = False, root: Root = None) -> None:
    """Write the Avro schemas of a schema_before.json to schema_avro.json beside it; print those of any other file.

    Example:
      rtpipe schema convert avro_schemas/schema_before.json

      rtpipe schema convert order.schema.json > order.avsc

    """
    from avro_schemas.files.avro_file import avro_text, dump_avro
    from avro_schemas.files.file_kinds import Kind
    from avro_schemas.files.schema_files import SchemaFiles

    found = SchemaFiles([file], logical=logical, roots=[root] if root else []).read(file)
    schemas: list[Any] = [one.schema for one in found]
    if found[0].kind is Kind.DATASETS:
        print(f"{dump_avro(schemas, file)}: {len(schemas)} schemas")
        return
    _show_warnings(found)
    print(avro_text(schemas if len(schemas) > 1 else schemas[0]), end="")


@app.command()
def check(
    files: Files = None, as_json: Json = False, logical: Logical = False, topic: Topic = None, root: Root = None
) -> None:
    """Show the table that each schema gives, as the SQL that creates it.

    Files given together may use each other's types. All of them are looked at; exit code 5 if one is refused, 2 if one
    cannot be read. The message names the file, the field, and what is allowed. Of a folder all schema files in and
    below it are read, together; those that only define types for the others are passed over.

    Example:
      rtpipe schema check avro_schemas/schema_before.json

      rtpipe schema check order.avsc customer.avsc

      rtpipe schema check schemas/

    """
    from avro_schemas.files.schema_files import SchemaFiles
    from avro_schemas.files.schema_folder import files_of

    given = files or [_DEFAULT]
    paths = files_of(given)
    roots = [path for path in (root, *given) if path is not None and path.is_dir()]
    together = SchemaFiles(paths, logical=logical, roots=roots)
    verdicts = [_verdict(together, path, topic, alone=len(paths) == 1) for path in paths]
    if topic is not None and sum(len(one.tables) for one in verdicts) > 1:
        raise SettingsError("--topic names one topic, and there are several schemas", hint="check one schema alone")
    verdicts = _without_clashes(verdicts)
    if as_json:
        print(json.dumps(_as_json(verdicts), indent=2))
    for verdict in verdicts:
        _show(verdict, sql=not as_json)
    errors = [verdict.error.exit_code for verdict in verdicts if verdict.error]
    if errors:
        raise typer.Exit(min(errors))  # a file that cannot be read before one that is refused


def _verdict(together: SchemaFiles, path: Path, topic: str | None, *, alone: bool) -> _Verdict:
    from avro_schemas.files.json_file import SchemaFileError
    from avro_schemas.files.json_schema.definitions import DefinitionsError
    from avro_schemas.naming import table_for
    from avro_schemas.tables.layout import table_layout
    from rtpipe.errors import SchemaError

    try:
        found = together.read(path)
    except DefinitionsError as error:
        return _Verdict(path, [], error) if alone else _Verdict(path, [], skipped=error.message)
    except RtpipeError as error:
        return _Verdict(path, [], error)
    tables, problems = [], []
    for one in found:
        try:
            tables.append((one, table_layout(one.schema, table=table_for(one.name if topic is None else topic))))
        except SchemaError as error:
            problems.append(error.message)
    if problems:
        return _Verdict(path, [], SchemaFileError(path, problems, hint=_HINT))
    return _Verdict(path, tables)


def _without_clashes(verdicts: list[_Verdict]) -> list[_Verdict]:
    """The verdicts, in which a file is refused if one of its tables is that of another schema in a file before it."""
    from avro_schemas.files.json_file import SchemaFileError

    taken: dict[str, FileSchema] = {}
    judged = []
    for verdict in verdicts:
        clashes = [
            f"{_called(one)}: its table {layout.name!r} is that of {_called(other)} in {other.where}, too"
            for one, layout in verdict.tables
            if (other := taken.setdefault(layout.name, one)).schema != one.schema
        ]
        error = SchemaFileError(verdict.file, clashes, hint=_CLASH) if clashes else None
        judged.append(_Verdict(verdict.file, [], error) if error else verdict)
    return judged


def _called(found: FileSchema) -> str:
    """A schema by its kind and full name, as far as it has them."""
    schema = found.schema if isinstance(found.schema, dict) else {}
    name = ".".join(filter(None, (schema.get("namespace"), schema.get("name"))))
    return f"{schema['type']} {name}" if name else "its schema"


def _as_json(verdicts: list[_Verdict]) -> dict[str, Any]:
    from infra.tables.ddl import create_table_sql

    tables = [
        {
            "table": layout.name,
            "sql": create_table_sql(layout.table),
            "warnings": list(dict.fromkeys((*found.warnings, *layout.warnings))),
            "file": str(verdict.file),
        }
        for verdict in verdicts
        for found, layout in verdict.tables
    ]
    refused = [
        {"file": str(one.file), "error": one.error.name, "message": one.error.message, "hint": one.error.hint}
        for one in verdicts
        if one.error
    ]
    return {"schema_version": 1, "tables": tables, "refused": refused}


def _show(verdict: _Verdict, *, sql: bool) -> None:
    from infra.tables.ddl import create_table_sql

    if verdict.error:
        complain(verdict.error)
    if verdict.skipped:
        typer.echo(f"warning: {verdict.skipped}", err=True)
    for found, layout in verdict.tables:
        if sql:
            _show_warnings([found], layout.warnings)
            print(f"-- {found.where}\n{create_table_sql(layout.table).strip()};\n", flush=True)


def _show_warnings(found: list[FileSchema], more: tuple[str, ...] = ()) -> None:
    for schema in found:
        for warning in dict.fromkeys((*schema.warnings, *more)):
            typer.echo(f"warning: {schema.where}: {warning}", err=True)
