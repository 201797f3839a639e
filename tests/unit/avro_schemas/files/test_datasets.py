import json
from pathlib import Path
from typing import Any

import pytest
from fastavro import parse_schema
from hypothesis import given
from hypothesis import strategies as st

from avro_schemas.files import datasets
from avro_schemas.files.avro_file import avro_path, dump_avro, load_avro
from avro_schemas.files.datasets import DatasetsError, datasets_of
from avro_schemas.files.json_file import SchemaFileError, parsed, read_start, text_of
from rtpipe.errors import ExitCode, SettingsError

WORDS = {
    "boolean": "boolean",
    "int": "int",
    "integer": "int",
    "long": "long",
    "float": "float",
    "double": "double",
    "bytes": "bytes",
    "null": "null",
    "string": "string",
    "string(64)": {"type": "string", "maxLength": 64},
    " string ( 64 ) ": {"type": "string", "maxLength": 64},
    "decimal(12,2)": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2},
    "decimal(12)": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 0},
    "date": {"type": "int", "logicalType": "date"},
    "time-millis": {"type": "int", "logicalType": "time-millis"},
    "time-micros": {"type": "long", "logicalType": "time-micros"},
    "timestamp-millis": {"type": "long", "logicalType": "timestamp-millis"},
    "timestamp-micros": {"type": "long", "logicalType": "timestamp-micros"},
    "local-timestamp-millis": {"type": "long", "logicalType": "local-timestamp-millis"},
    "local-timestamp-micros": {"type": "long", "logicalType": "local-timestamp-micros"},
    "uuid": {"type": "string", "logicalType": "uuid"},
}


def written(folder: Path, document: Any) -> Path:
    path = folder / "schema_before.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def read_datasets(path: Path) -> list[dict[str, Any]]:
    return datasets_of(path, parsed(path, text_of(path, read_start(path))))


def dataset(fields: Any, name: Any = "orders") -> list[Any]:
    return [{"name": name, "fields": fields}]


def problems(folder: Path, document: Any) -> tuple[str, ...]:
    path = written(folder, document)
    with pytest.raises(SchemaFileError) as caught:
        read_datasets(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code is ExitCode.SCHEMA_REFUSED
    assert all(problem in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


def test_the_datasets_that_come_with_rtpipe() -> None:
    schemas = read_datasets(datasets.DEFAULT_FILE)
    assert [schema["name"] for schema in schemas] == ["dataset1", "dataset2", "dataset3"]
    assert schemas[0] == {
        "type": "record",
        "name": "dataset1",
        "namespace": "com.exam",
        "fields": [
            {"name": "key_field1", "type": "string"},
            {"name": "timestamp_field1", "type": "long"},
            {"name": "double_field1", "type": "double"},
            {"name": "string_field1", "type": "string"},
        ],
    }


@pytest.mark.parametrize(("word", "avro"), WORDS.items())
def test_every_type_word(word: str, avro: Any, tmp_path: Path) -> None:
    (schema,) = read_datasets(written(tmp_path, dataset({"x": word})))
    assert schema["fields"] == [{"name": "x", "type": avro}]
    parse_schema(schema)


@pytest.mark.parametrize(("word", "avro"), [(word, avro) for word, avro in WORDS.items() if word != "null"])
def test_a_question_mark_makes_a_nullable_union(word: str, avro: Any, tmp_path: Path) -> None:
    (schema,) = read_datasets(written(tmp_path, dataset({"x": f"{word}?"})))
    assert schema["fields"] == [{"name": "x", "type": ["null", avro], "default": None}]
    parse_schema(schema)


def test_the_order_of_datasets_and_fields_is_kept(tmp_path: Path) -> None:
    schemas = read_datasets(written(tmp_path, dataset({"z": "int", "a": "int"}, "b") + dataset({"q": "int"}, "a")))
    assert [schema["name"] for schema in schemas] == ["b", "a"]
    assert [field["name"] for field in schemas[0]["fields"]] == ["z", "a"]


def test_a_byte_order_mark_is_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "schema_before.json"
    path.write_text(json.dumps(dataset({"x": "int"})), encoding="utf-8-sig")
    assert len(read_datasets(path)) == 1


def test_not_json_names_line_and_column(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, '[\n  {"name": "a",}\n]')
    assert "line 2, column 16" in problem


def test_not_utf8_names_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "schema_before.json"
    path.write_bytes(b'["\xff"]')
    with pytest.raises(SchemaFileError, match="byte 2 is 0xff"):
        read_datasets(path)


@pytest.mark.parametrize("text", ["", "[" * 100_000, "[1" + "0" * 5000 + "]"])
def test_what_no_reader_can_read(text: str, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, text)
    assert "JSON" in problem


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, " " * 1_000_001)
    assert "1,000,000" in problem


@pytest.mark.parametrize("document", [{}, [], "7", '"a"', "null", "true"])
def test_it_must_be_an_array_of_something(document: Any, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, document)
    assert "must be an array" in problem


@pytest.mark.parametrize("document", [[3], [None], ["a"], [[]]])
def test_a_dataset_must_be_an_object(document: Any, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, document)
    assert problem.startswith("dataset 1: must be")


def test_a_missing_name(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, [{"fields": {"x": "int"}}])
    assert "dataset 1: the name is missing" in problem
    assert "allowed are" in problem


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a b", "a-b", "a.b", "1a", "é", "a" * 65, "a`b", "a\n", None, 5, {}, []]
)
def test_names_that_no_topic_table_or_record_may_have(name: Any, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, dataset({"x": "int"}, name))
    assert repr(name) in problem
    assert "allowed are 1 to 64 letters" in problem


@pytest.mark.parametrize("name", ["kafka_offsets", "Kafka_Offsets", "rtpipe_dead_letters"])
def test_rtpipes_own_tables(name: str, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, dataset({"x": "int"}, name))
    assert f"dataset '{name}'" in problem
    assert "rtpipe's own" in problem


@pytest.mark.parametrize("fields", [None, [], {}, "x", 5])
def test_fields_must_be_an_object_of_something(fields: Any, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, dataset(fields))
    assert "dataset 'orders': `fields` is" in problem


def test_missing_fields(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, [{"name": "orders"}])
    assert "`fields` is missing" in problem


def test_an_unknown_key_with_the_one_that_was_meant(tmp_path: Path) -> None:
    document = [{"name": "orders", "fields": {"x": "int"}, "feilds": 1, "zzz": 2}]
    one, two = problems(tmp_path, document)
    assert "'feilds' (did you mean 'fields'?)" in one
    assert "'zzz' (known: name, fields)" in two


@pytest.mark.parametrize(
    "word",
    [
        *["", "?", "strng", "String", "int??", "int(4)", "null?", "record", "timestamp", "x" * 1000],
        *["string()", "string(0)", "string(16384)", "string(2,3)", "string(-1)", "string(x)"],
        *["decimal", "decimal()", "decimal(0)", "decimal(2,3)", "decimal(1001)"],
        *[None, 5, True, {"type": "int"}, ["null", "int"]],
    ],
)
def test_types_that_do_not_exist(word: Any, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, dataset({"x": word}))
    assert problem.startswith("dataset 'orders', field 'x': the type ")


def test_the_allowed_types_are_listed_once(tmp_path: Path) -> None:
    path = written(tmp_path, dataset({"x": "strng", "y": "longg"}))
    with pytest.raises(DatasetsError) as caught:
        read_datasets(path)
    assert str(caught.value).count("timestamp-micros") == 2  # with local-timestamp-micros
    assert "did you mean 'string'?" in str(caught.value)


@pytest.mark.parametrize("field", ["", "a b", "a.b", "1a", "é", "a" * 65, "a`b"])
def test_names_that_no_field_may_have(field: str, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, dataset({field: "int"}))
    assert f"dataset 'orders', field {field!r}:" in problem


def test_duplicate_datasets(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, dataset({"x": "int"}) * 3)
    assert problem == "dataset 'orders': is there twice"


def test_datasets_that_differ_only_in_case(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, dataset({"x": "int"}) + dataset({"x": "int"}, "Orders"))
    assert "'Orders': too like 'orders'" in problem


def test_duplicate_fields_that_json_itself_would_hide(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, '[{"name": "orders", "fields": {"x": "int", "x": "long"}}]')
    assert problem == "dataset 'orders', field 'x': is there twice"


def test_duplicate_keys_of_a_dataset(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, '[{"name": "a", "name": "orders", "fields": {"x": "int"}}]')
    assert "the key 'name' is there twice" in problem


def test_fields_that_differ_only_in_case(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, dataset({"x": "int", "X": "int"}))
    assert "field 'X': too like 'x'" in problem


def test_too_many_fields(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, dataset({f"f{number}": "int" for number in range(1001)}))
    assert "1,001 fields; at most 1,000" in problem


def test_all_problems_of_a_file_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, [*dataset({"x": "strng", "1": "int"}, "a.b"), {"fields": {}}, 3])
    assert len(found) == 6


def test_a_missing_file_is_a_matter_of_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.json: No such file"):
        read_datasets(tmp_path / "none.json")
    with pytest.raises(SettingsError, match="directory"):
        read_datasets(tmp_path)


def test_dumped_beside_the_input_and_loaded_again(tmp_path: Path) -> None:
    path = written(tmp_path, dataset({"x": "string(5)?"}))
    schemas = read_datasets(path)
    target = dump_avro(schemas, path)
    assert target == tmp_path / "schema_avro.json" == avro_path(path)
    assert load_avro(target) == schemas
    assert sorted(file.name for file in tmp_path.iterdir()) == ["schema_avro.json", "schema_before.json"]


def test_the_input_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "schema_avro.json"
    path.write_text(json.dumps(dataset({"x": "int"})))
    with pytest.raises(SettingsError, match="replace their own input"):
        dump_avro(read_datasets(path), path)
    assert len(read_datasets(path)) == 1


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere/schema_avro\.json: cannot be written: No such file"):
        dump_avro([], tmp_path / "nowhere" / "schema_before.json")


@pytest.mark.parametrize("document", [{}, [], [3], [{"type": "enum"}], [{"type": "record", "name": "a"}]])
def test_what_load_avro_does_not_take(document: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetsError, match="Avro record"):
        load_avro(written(tmp_path, document))


def test_load_avro_says_who_writes_the_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_avro(tmp_path / "schema_avro.json")
    assert "rtpipe infra create" in caught.value.hint


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([*WORDS, "name", "fields"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "fields", "x", ""]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(document=JSON)
def test_any_json_is_converted_or_refused(document: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = written(tmp_path_factory.getbasetemp(), document if not isinstance(document, str) else json.dumps(document))
    try:
        schemas = read_datasets(path)
    except DatasetsError:
        return
    for schema in schemas:
        parse_schema(schema)
