"""Whether a row may be newer than a dead letter of its key; and a row that is there already."""

from __future__ import annotations

from typing import Any

import pytest

from avro_schemas.tables.rules import TableRules
from tests.support.samples.dead_letters import SOURCE, dead_letter
from tests.support.samples.specs import default_spec
from workers.commit.encoding.encoded_batch import EncodedBatch
from workers.commit.encoding.row_statements import Rows
from workers.commit.encoding.tombstones import Tombstones
from workers.retry.dead_letter import batch_of
from workers.retry.row_age import RowAge

SPEC = default_spec(SOURCE.key)


def encoded(*, by_position: bool = False, deletes: bool = False) -> EncodedBatch:
    """One message, that writes a row or deletes one."""
    tombstones = Tombstones({0: "('a')"}) if deletes else Tombstones()
    part = Rows("", ["1"], [0], keys=["('a')"], by_position=by_position)
    return EncodedBatch(SPEC, batch_of([dead_letter(7)]), [] if deletes else [part], tombstones=tombstones)


def reasons(rules: TableRules, rows: list[tuple[int, ...]], batch: EncodedBatch, *, force: bool = False) -> str:
    """Why the dead letter at offset 7 of partition 3 is kept, where the query finds these rows."""
    spec = default_spec(SOURCE.key, rules=rules)
    return RowAge(spec, force=force).reasons([dead_letter(7)], batch, lambda _: rows).get(0, "")


def by_key(tombstones: Any = "dead_letter", *, placed: bool = True) -> TableRules:
    metadata = ("_kafka_partition", "_kafka_offset") if placed else ()
    return TableRules(mode="upsert", key=("a",), tombstones=tombstones, metadata=metadata)


@pytest.mark.parametrize(
    ("rules", "rows", "deletes", "said"),
    [
        (by_key(placed=False), [], False, "nobody knows"),
        (by_key(), [], False, ""),
        (by_key(), [(0, 3, 6, 0)], False, ""),
        (by_key(), [(0, 3, 7, 0)], False, ""),
        (by_key(), [(0, 3, 8, 0)], False, "newer, of offset 8"),
        (by_key(), [(0, 2, 6, 0)], False, "partition 2"),
        (by_key("delete"), [], False, "may have deleted"),
        (by_key("delete"), [], True, ""),
        (by_key("delete"), [(0, 3, 8, 0)], True, "newer"),
        (by_key("soft_delete"), [], False, ""),
        (by_key("soft_delete"), [(0, 3, 6, 1)], False, "marked as deleted"),
        (by_key("soft_delete"), [(0, 3, 6, 1)], True, ""),
    ],
)
def test_when_a_key_may_have_newer_state(rules: TableRules, rows: list[Any], deletes: bool, said: str) -> None:
    why = reasons(rules, rows, encoded(deletes=deletes))
    assert said in why
    assert bool(why) is bool(said)
    assert reasons(rules, rows, encoded(deletes=deletes), force=True) == ""


def test_a_row_that_is_there_already() -> None:
    assert "already" in reasons(TableRules(), [(7,)], encoded(by_position=True), force=True)
    assert reasons(TableRules(), [], encoded(by_position=True)) == ""
    assert reasons(TableRules(), [(7,)], encoded()) == ""
