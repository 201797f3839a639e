"""The verdict on every file that others wrote: schemas, JSON Schema, rows, and what is neither."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import fastavro
import pytest

from avro_schemas.files.json_file import SchemaFileError
from avro_schemas.files.schema_files import SchemaFiles
from avro_schemas.naming import table_for
from avro_schemas.tables.layout import table_layout
from rtpipe.errors import ExitCode
from tests.support.samples.avro import foreign_avro

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.no_skip
#: Files that are refused, each with a part of what is said; all others have tables.
REFUSED = {
    "apache/schema-tests.txt": "not JSON: line 1, column 1",
    "apache/test_message.bin": "binary data",
    "apache/weather.json": "JSON rows, one a line",
    "apache-invalid/enum_nonarray_symbols.avsc": "an enum needs an array `symbols`",
    "apache-invalid/fixed_without_size.avsc": "the name 'Missing size' of this fixed",
    "apache-invalid/illegal_type.avsc": "unknown type 'panther'",
    "apache-invalid/invalid_avro_id.avsc": "the name '2d2' of this enum",
    "apache-invalid/record_with_field_missing_name.avsc": "field 1 has no name",
    "apache-invalid/record_with_field_missing_type.avsc": "field 'Sponsor' has no type",
    "avro-util/EnumWithInvalidValue.avsc": "'INVALID VALUE' is no symbol",
    "avro-util/RecordWithInvalidFieldDefaultValue.avsc": "the default 'definitely not a boolean' does not fit",
    "avro-util/TestInvalidJsonRecord.avsc": "not JSON: line 10",
    "goavro-corrupt/bad-header.avro": "a version that is not 1",
    "jsonrows/array_of_objects.json": "JSON rows",
    "jsonrows/arrays_simple.json": "JSON rows",
    "jsonrows/jsonl_records.jsonl": "JSON rows, one a line",
    "jsonrows/mixed_arrays.json": "JSON rows",
    "jsonrows/nested_objects.json": "JSON rows",
    "jsonrows/nullable_field.json": "JSON rows",
    "jsonrows/single_object.json": "a JSON object that is no schema",
    "jsonrows/string_edge_cases.json": "JSON rows",
    "jsonschema-openlineage/ErrorMessageRunFacet.json": "'https://openlineage.io/spec/2-0-2/OpenLineage.json",
    "jsonschema-openlineage/NominalTimeRunFacet.json": "'https://openlineage.io/spec/2-0-2/OpenLineage.json",
}
#: Files that give several tables.
SEVERAL = {
    "avrotize/enumfield.avsc": ["MyRecord", "MyRecord2"],
    "avrotize/enumfield-ordinals.avsc": ["MyRecord", "MyRecord2"],
}


def test_the_verdict_on_every_file(record_property: Callable[[str, object], None]) -> None:
    foreign_avro.require()
    refused, accepted = set(), 0
    for path in sorted(foreign_avro.FOLDER.glob("*/*")):
        name = str(path.relative_to(foreign_avro.FOLDER))
        if name in REFUSED:
            with pytest.raises(SchemaFileError) as caught:
                SchemaFiles([path]).read(path)
            assert caught.value.exit_code is ExitCode.SCHEMA_REFUSED
            assert REFUSED[name] in str(caught.value)
            refused.add(name)
            continue
        found = SchemaFiles([path]).read(path)
        for one in found:
            assert table_layout(one.schema, table=table_for(one.name)).columns or "EmptyFieldList" in name
            fastavro.parse_schema(json.loads(json.dumps(one.schema)))
        if len(found) > 1:
            assert [one.name for one in found] == SEVERAL[name]
        accepted += 1
    assert refused == REFUSED.keys()
    assert accepted > 150
    record_property("files checked", f"schema files of others: {accepted} accepted, {len(refused)} refused")


def test_each_schema_of_a_list_that_others_test_with(record_property: Callable[[str, object], None]) -> None:
    """Schemas in a text of their own format, all valid by the specification: `<<INPUT` and a schema."""
    foreign_avro.require()
    text = (foreign_avro.FOLDER / "apache" / "schema-tests.txt").read_text()
    lines = [line for line in text.splitlines() if not line.startswith(("#", "//"))]
    parts = "\n".join(lines).split("<<INPUT")[1:]
    schemas = [json.loads(part.partition("<<canonical")[0].removesuffix("\n").removesuffix("INPUT")) for part in parts]
    for schema in schemas:
        table_layout(schema, table="t")
    record_property("files checked", f"schemas of others' list: {len(schemas)}")
    assert len(schemas) > 30
