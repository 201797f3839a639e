"""Arguments and options of the commands about schema files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_KINDS = "schema_before.json, Avro schemas, JSON Schema or Avro container files"
SAMPLE = Path("avro_schemas/schema_before.json")
Files = Annotated[list[Path] | None, typer.Argument(help=f"{_KINDS}; or folders of them.", show_default=str(SAMPLE))]
File = Annotated[Path, typer.Argument(help=f"One of {_KINDS}.")]
Logical = Annotated[
    bool, typer.Option("--logical", help="For JSON Schema: date, date-time and uuid become logical types.")
]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        help="Folder in which references of JSON Schema may point to files; a folder that you give is one.",
        exists=True,
    ),
]
Topic = Annotated[
    str | None, typer.Option("--topic", help="The topic and the table, for a file with one schema.", show_default=False)
]
