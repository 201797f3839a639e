"""What the commands about schema files print: SQL on stdout, warnings and refusals on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from supervisor.commands.parts.errors import complain

if TYPE_CHECKING:
    from avro_schemas.files.schema_files import FileSchema
    from supervisor.setup.file_check import FileVerdict


def show(verdict: FileVerdict, *, sql: bool) -> None:
    """What is to be said of one file; `sql`: with its tables."""
    from infra.tables.ddl import create_table_sql

    if verdict.error:
        complain(verdict.error)
    if verdict.skipped:
        typer.echo(f"warning: {verdict.skipped}", err=True)
    for schema, layout in verdict.tables:
        if sql:
            show_warnings([schema], layout.warnings)
            print(f"-- {schema.where}\n{create_table_sql(layout.table).strip()};\n", flush=True)


def show_warnings(schemas: Sequence[FileSchema], more: Sequence[str] = ()) -> None:
    """The warnings of each schema and `more`, each once."""
    for schema in schemas:
        for warning in dict.fromkeys((*schema.warnings, *more)):
            typer.echo(f"warning: {schema.where}: {warning}", err=True)
