"""`rtpipe schema`: from a schema file to Avro, and to the table that it gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from supervisor.cli_options import Json

app = typer.Typer(help="Schema files: convert them to Avro, see what tables they give.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="schema_before.json, schema_avro.json or an .avsc file.")]
_DEFAULT = Path("avro_schemas/schema_before.json")


@app.command()
def convert(file: File = _DEFAULT) -> None:
    """Write the Avro schemas of a schema file to schema_avro.json beside it.

    Example:

      rtpipe schema convert avro_schemas/schema_before.json
    """
    from avro_schemas.datasets import dump_avro, read_datasets

    schemas = read_datasets(file)
    print(f"{dump_avro(schemas, file)}: {len(schemas)} schemas")


@app.command()
def check(file: File = _DEFAULT, as_json: Json = False) -> None:
    """Show the table that each schema gives, as the SQL that creates it.

    Exit code 5 if a schema is refused; the message names the field and what is allowed.

    Example:

      rtpipe schema check avro_schemas/schema_before.json
    """
    from avro_schemas.datasets import read_schemas
    from avro_schemas.naming import table_for
    from avro_schemas.table_layout import table_layout
    from infra.ddl import create_table_sql

    layouts = [table_layout(schema, table=table_for(schema["name"])) for schema in read_schemas(file)]
    if as_json:
        tables = [{"table": one.name, "sql": create_table_sql(one.table), "warnings": one.warnings} for one in layouts]
        print(json.dumps({"schema_version": 1, "tables": tables}, indent=2))
        return
    for layout in layouts:
        for warning in layout.warnings:
            typer.echo(f"warning: {layout.name}: {warning}", err=True)
        print(f"{create_table_sql(layout.table).strip()};\n")
