"""Files that use each other's types."""

from __future__ import annotations

from pathlib import Path

import pytest

from avro_schemas.files import schema_files
from tests.support.samples.avro.schema_files import read, record, refusal, written

ORDER = record("com.exam.Order", id="string")


CUSTOMER = record("com.exam.Customer", name="string", home="com.exam.Address")


ADDRESS = record("com.exam.Address", city="string")


USER = record("com.exam.User", customer="Customer", work=["null", "Address"])


def test_files_in_any_order(tmp_path: Path) -> None:
    paths = [written(tmp_path / name, one) for name, one in (("1.x", USER), ("2.x", ADDRESS), ("3.x", CUSTOMER))]
    for order in (paths, paths[::-1]):
        (found,) = read(paths[0], *order)
        customer, work = found.schema["fields"]
        assert customer["type"]["name"] == "Customer"
        assert customer["type"]["fields"][1]["type"]["name"] == "Address"
        assert work["type"] == ["null", "Address"]
    assert read(paths[1], *paths)[0].schema == ADDRESS


def test_types_that_another_file_defines_inside(tmp_path: Path) -> None:
    inside = written(tmp_path / "inside.avsc", record("Outer", a={"type": "array", "items": ADDRESS}))
    user = written(tmp_path / "user.avsc", record("com.exam.U", a="Address"))
    assert read(user, inside)[0].schema["fields"][0]["type"]["fields"] == ADDRESS["fields"]


@pytest.mark.parametrize(
    ("customer", "address"), [("Customer.avsc", "com.exam.Address.avsc"), ("com.exam.Customer.avsc", "Address.avsc")]
)
def test_files_beside_it_are_found_by_name(tmp_path: Path, customer: str, address: str) -> None:
    user = written(tmp_path / "user.json", USER)
    assert "unknown type 'Customer'" in str(refusal(user))
    written(tmp_path / customer, CUSTOMER)
    assert "unknown type 'com.exam.Address'" in str(refusal(user))
    written(tmp_path / address, ADDRESS)
    assert len(read(user)) == 1


def test_a_file_beside_it_of_the_name_but_without_the_type(tmp_path: Path) -> None:
    user = written(tmp_path / "user.avsc", record("U", a="Address"))
    written(tmp_path / "Address.avsc", ADDRESS)
    assert "unknown type 'Address'" in str(refusal(user))
    written(tmp_path / "Address.avsc", '{"type"')
    assert "Address.avsc: not JSON" in str(refusal(user))


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", "", " ", "a\0b", "n" * 500])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    written(tmp_path / "secret.avsc", record("secret", a="int"))
    folder = tmp_path / "folder"
    folder.mkdir()
    assert f"unknown type {name!r}" in str(refusal(written(folder / "u.avsc", record("U", a=name))))


def test_two_definitions_of_one_name(tmp_path: Path) -> None:
    user = written(tmp_path / "user.avsc", record("com.exam.U", a="Address"))
    one, other = written(tmp_path / "1.avsc", ADDRESS), written(tmp_path / "2.avsc", ADDRESS)
    assert len(read(user, one, other)) == 1
    written(other, record("com.exam.Address", street="string"))
    assert f"the type 'com.exam.Address' is defined in {one} and otherwise in {other}" in str(refusal(user, one, other))
    assert len(read(one, user, other)) == 1


def test_a_type_that_comes_by_two_ways_is_defined_once(tmp_path: Path) -> None:
    """The customer brings the address along; then the file that defines it inside comes."""
    office = record("com.exam.Office", at=ADDRESS)
    user = written(tmp_path / "user.avsc", record("com.exam.U", a="Address", b="Office", c="Customer"))
    found = read(user, written(tmp_path / "o.avsc", office), written(tmp_path / "c.avsc", CUSTOMER))[0].schema
    assert found["fields"][1]["type"]["fields"][0]["type"] == "com.exam.Address"


def test_a_broken_file_beside_the_others_does_no_harm_to_them(tmp_path: Path) -> None:
    broken = written(tmp_path / "broken.avsc", "{")
    assert len(read(written(tmp_path / "order.avsc", ORDER), broken)) == 1


def test_each_schema_of_many_may_not_take_in_all_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_files, "MAX_TAKEN_IN", 100)
    wide = record("Wide", **{f"f{number}": f"r{number}" for number in range(10)})
    path = written(tmp_path / "many.avsc", [*(record(f"r{number}") for number in range(10)), wide])
    assert len(read(path)) == 11
    schemas = [
        *(record(f"r{number}") for number in range(10)),
        *({**wide, "name": f"w{number}"} for number in range(20)),
    ]
    assert "use each other's types more than 100 times" in str(refusal(written(path, schemas)))
