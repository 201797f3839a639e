"""`rtpipe schema convert`."""

from __future__ import annotations

from typing import Any

from supervisor.commands.schema.options import SAMPLE, File, Logical, Root
from supervisor.commands.schema.output import show_warnings


def convert(file: File = SAMPLE, logical: Logical = False, root: Root = None) -> None:
    """Write the Avro schemas of a schema_before.json to schema_avro.json beside it; print those of any other file.

    Example:
      rtpipe schema convert avro_schemas/schema_before.json
      rtpipe schema convert order.schema.json > order.avsc

    """
    from avro_schemas.files.avro_file import avro_text, dump_avro
    from avro_schemas.files.file_kinds import FileKind
    from avro_schemas.files.schema_files import SchemaFiles

    found = SchemaFiles([file], logical=logical, roots=[root] if root else []).read(file)
    schemas: list[Any] = [schema.schema for schema in found]
    if found[0].kind is FileKind.DATASETS:
        print(f"{dump_avro(schemas, file)}: {len(schemas)} schemas")
        return
    show_warnings(found)
    print(avro_text(schemas if len(schemas) > 1 else schemas[0]), end="")
