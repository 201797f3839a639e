"""`rtpipe schema check`."""

from __future__ import annotations

import typer

from supervisor.commands.parts.options import Json
from supervisor.commands.parts.output_text import print_json
from supervisor.commands.schema.options import SAMPLE, Files, Logical, Root, Topic
from supervisor.commands.schema.output import show


def check(
    files: Files = None, as_json: Json = False, logical: Logical = False, topic: Topic = None, root: Root = None
) -> None:
    """Show the table that each schema gives, as the SQL that creates it.

    Files that you give together may use each other's types. All files are checked; exit code 5 if one is refused, 2 if
    one cannot be read. The message names the file, the field, and what is allowed. For a folder, all schema files in
    it and below it are read together; files that only define types for others give no table.

    Example:
      rtpipe schema check avro_schemas/schema_before.json
      rtpipe schema check order.avsc customer.avsc
      rtpipe schema check schemas/

    """
    from supervisor.setup.file_check import check_files, facts_of

    verdicts = check_files(files or [SAMPLE], logical=logical, root=root, topic=topic)
    if as_json:
        print_json(facts_of(verdicts))
    for verdict in verdicts:
        show(verdict, sql=not as_json)
    if errors := [verdict.error.exit_code for verdict in verdicts if verdict.error]:
        raise typer.Exit(min(errors))  # a file that cannot be read before one that is refused
