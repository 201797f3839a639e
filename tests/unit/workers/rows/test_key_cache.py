"""How keys are read by the newest layout, and when a key's schema is asked for anew."""

from __future__ import annotations

from typing import Any

import pytest

from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.row_layout import RowLayout
from avro_schemas.tables.rules import TableRules
from workers.contract.refusal import Reason, Refusal
from workers.contract.schema_answers import KeySchema, SchemaRefused
from workers.rows import refused_ids
from workers.rows.key_cache import KeyCache

RULES = TableRules(mode="upsert", key=("a",), key_format="avro", metadata=())
UNKNOWN = 9


def header(schema_id: int) -> bytes:
    return b"\0" + schema_id.to_bytes(4, "big")


def layout(rules: TableRules, kind: str = "long") -> RowLayout:
    schema = {"type": "record", "name": "t", "fields": [{"name": name, "type": kind} for name in ("a", "b")]}
    return table_layout(schema, table="t", rules=rules).rows()


class Keys:
    """A cache of keys, the layout that it reads them by, and the questions that it asks."""

    def __init__(self, rules: TableRules = RULES) -> None:
        self.layout = layout(rules)
        self.asked: list[int] = []
        self.cache = KeyCache(rules, lambda: self.layout, self.schema_of)

    def schema_of(self, schema_id: int) -> KeySchema | SchemaRefused:
        self.asked.append(schema_id)
        if schema_id == UNKNOWN:
            return SchemaRefused(schema_id, Refusal(Reason.UNKNOWN_SCHEMA, "no such id"))
        key: dict[str, Any] = {"type": "record", "name": "k", "fields": [{"name": "a", "type": "long"}]}
        return KeySchema(schema_id, key)


@pytest.fixture
def keys() -> Keys:
    return Keys()


def test_a_key_schema_is_asked_for_once(keys: Keys) -> None:
    assert keys.cache.literals(header(5) + b"\x0e") == "7"
    assert keys.cache.literals(header(5) + b"\x10") == "8"
    assert keys.asked == [5]


def test_keys_are_read_by_the_newest_layout() -> None:
    keys = Keys(TableRules(mode="upsert", key=("a",), key_format="text", metadata=()))
    assert keys.cache.literals(b"7") == "7"
    assert keys.cache.reader is keys.cache.reader
    keys.layout = layout(RULES, "string")
    assert keys.cache.literals(b"7") == "'7'"


@pytest.mark.parametrize(("key", "words"), [(None, "neither a value nor a key"), (b"x", "no schema id"), (b"", "no")])
def test_bytes_that_are_no_key_are_refused(keys: Keys, key: bytes | None, words: str) -> None:
    refusal = keys.cache.literals(key)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.KEY
    assert words in refusal.why


def test_a_refused_id_is_asked_about_again_after_ten_seconds(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(refused_ids.time, "monotonic", lambda: now)  # type: ignore[attr-defined]
    for at in (1_000.0, 1_009.9, 1_010.0):
        now = at
        refusal = keys.cache.literals(header(UNKNOWN) + b"\x0e")
        assert isinstance(refusal, Refusal)
        assert "no such id" in refusal.why
    assert keys.asked == [UNKNOWN, UNKNOWN]


def test_a_format_that_no_key_of_the_table_has_refuses_each_key() -> None:
    keys = Keys(TableRules(mode="upsert", key=("a", "b"), key_format="text", metadata=()))
    refusal = keys.cache.literals(b"x")
    assert isinstance(refusal, Refusal)
    assert "fills one column" in refusal.why


@pytest.mark.parametrize(
    ("key", "row_key", "fits"), [(b"7", "7", "text"), (header(5) + b"\x0e", "7", "avro"), (b"7", "8", "")]
)
def test_the_format_that_fits_a_row(keys: Keys, key: bytes, row_key: str, fits: str) -> None:
    assert keys.cache.format_of(key, row_key) == fits
