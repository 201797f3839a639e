"""What a writer keeps of the schemas that it has met, and when it asks anew."""

from __future__ import annotations

from typing import Any

import pytest

from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.rules import TableRules
from tests.support.samples.specs import default_spec
from workers.contract.partition_spec import PartitionKey
from workers.contract.refusal import Reason, Refusal
from workers.contract.schema_answers import KeySchema, SchemaLayout, SchemaRefused
from workers.rows import refused_ids
from workers.rows.row_encoder import RowEncoder
from workers.rows.schema_cache import SchemaCache

RULES = TableRules(mode="upsert", key=("a",), key_format="avro", metadata=())
OTHER, UNKNOWN = 3, 9


def header(schema_id: int) -> bytes:
    return b"\0" + schema_id.to_bytes(4, "big")


def schema(*names: str) -> dict[str, Any]:
    return {"type": "record", "name": "t", "fields": [{"name": name, "type": "long"} for name in names]}


class Schemas:
    """Ids up to 2 have the fields a and b, OTHER has c, too; UNKNOWN is refused."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, bool]] = []

    def rows(self, schema_id: int, *, again: bool = False, also: tuple[int, ...] = ()) -> SchemaLayout | SchemaRefused:
        assert isinstance(also, tuple)
        self.asked.append((schema_id, again))
        if schema_id == UNKNOWN:
            return SchemaRefused(schema_id, Refusal(Reason.UNKNOWN_SCHEMA, "no such id"))
        found = schema("a", "b", "c") if schema_id == OTHER else schema("a", "b")
        return SchemaLayout(schema_id, found, table_layout(found, table="t", rules=RULES).rows())

    def newest(self, *, again: bool = False) -> SchemaLayout:
        answer = self.rows(0, again=again)
        assert isinstance(answer, SchemaLayout)
        return answer

    def key(self, schema_id: int) -> KeySchema | SchemaRefused:
        raise AssertionError(f"no key is read here: {schema_id}")


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(refused_ids.time, "monotonic", found.monotonic)  # type: ignore[attr-defined]
    return found


@pytest.fixture
def schemas() -> Schemas:
    return Schemas()


@pytest.fixture
def cache(schemas: Schemas) -> SchemaCache:
    return SchemaCache(default_spec(PartitionKey("t", 0), rules=RULES), schemas)


def test_each_schema_is_asked_for_once(cache: SchemaCache, schemas: Schemas) -> None:
    assert isinstance(cache.encoder(header(1)), RowEncoder)
    assert cache.encoder(header(1)) is cache.encoder(header(1))
    cache.encoder(header(2))
    assert schemas.asked == [(1, False), (2, False)]


def test_a_refused_id_is_asked_about_again_after_ten_seconds(
    cache: SchemaCache, schemas: Schemas, clock: Clock
) -> None:
    for at in (0.0, 9.9, 10.0, 19.9):
        clock.now = 1_000 + at
        refusal = cache.encoder(header(UNKNOWN))
        assert isinstance(refusal, Refusal)
        assert refusal.reason is Reason.UNKNOWN_SCHEMA
    assert len(schemas.asked) == 2


def test_bytes_without_an_id_are_refused_without_a_question(cache: SchemaCache, schemas: Schemas) -> None:
    for first in (b"", b"\0\0\0", b"{json"):
        refusal = cache.encoder(first)
        assert isinstance(refusal, Refusal)
        assert refusal.reason is Reason.WIRE_FORMAT
    assert schemas.asked == []


def test_new_ids_are_those_that_must_be_asked_about(cache: SchemaCache, clock: Clock) -> None:
    headers = [header(1), b"{json", header(2), b"\0\0", header(UNKNOWN)]
    assert cache.new_ids(headers) == (1, 2, UNKNOWN)
    cache.encoder(header(1))
    cache.encoder(header(UNKNOWN))
    assert cache.new_ids(headers) == (2,)
    clock.now += 10
    assert cache.new_ids(headers) == (2, UNKNOWN)


def test_what_is_forgotten_is_asked_for_anew_and_the_supervisor_looks_again(
    cache: SchemaCache, schemas: Schemas
) -> None:
    cache.encoder(header(1))
    cache.forget()
    cache.encoder(header(1))
    cache.encoder(header(2))
    assert schemas.asked == [(1, False), (1, True), (2, False)]


def test_a_schema_with_a_new_column_replaces_the_encoders_before_it(cache: SchemaCache, schemas: Schemas) -> None:
    """Updates by the older schema must reset the column that is not theirs."""
    first = cache.encoder(header(1))
    cache.encoder(header(OTHER))
    assert cache.encoder(header(1)) is not first
    assert [number for number, _ in schemas.asked] == [1, OTHER, 1]


def test_the_newest_layout_is_asked_for_only_before_any_other(cache: SchemaCache, schemas: Schemas) -> None:
    assert [column.name for column in cache.newest_layout().columns] == ["a", "b"]
    assert cache.newest_layout() is cache.newest_layout()
    assert schemas.asked == [(0, False)]
    cache.encoder(header(OTHER))
    assert [column.name for column in cache.newest_layout().columns] == ["a", "b", "c"]
    cache.forget()
    cache.newest_layout()
    assert schemas.asked == [(0, False), (OTHER, False), (0, True)]


def test_the_refused_ids_that_are_kept_are_bounded(cache: SchemaCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused_ids, "_REFUSED_KEPT", 1)
    asked: list[int] = []

    def refuse(schema_id: int, **_: Any) -> SchemaRefused:
        asked.append(schema_id)
        return SchemaRefused(schema_id, Refusal(Reason.UNKNOWN_SCHEMA, "no"))

    monkeypatch.setattr(cache, "_schemas", type("All", (), {"rows": staticmethod(refuse)}))
    for number in (7, 8, 8, 7):
        cache.encoder(header(number))
    assert asked == [7, 8, 7]
