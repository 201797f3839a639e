"""The statements of every batch on kafka_offsets are complete, and say in their WHERE whom they expect."""

from __future__ import annotations

import re

import pytest

from avro_schemas.tables.own_tables.journal import JOURNAL
from workers.commit.offsets.offset_statements import ADVANCE, CORRECT, KEEP

WHERE = {"of_topic", "of_partition", "of_group", "of_epoch", "at_offset"}


@pytest.mark.parametrize(
    ("statement", "values"),
    [(ADVANCE, {"to_offset", "to_leader_epoch", "more_rows", "more_dead"}), (CORRECT, {"more_rows", "more_dead"})],
)
def test_each_value_is_a_parameter_and_the_row_is_told_by_key_epoch_and_offset(
    statement: str, values: set[str]
) -> None:
    change, _, where = statement.partition(" WHERE ")
    assert set(re.findall(r"%\((\w+)\)s", change)) == values
    assert set(re.findall(r"%\((\w+)\)s", where)) == WHERE
    assert where.count(" AND ") == len(WHERE) - 1
    assert "%" not in re.sub(r"%\(\w+\)s", "", statement)


def test_the_journal_gets_each_column_but_the_number_that_the_server_gives() -> None:
    columns, _, values = KEEP.partition(" VALUES ")
    assert re.findall(r"`(\w+)`", columns) == list(JOURNAL.columns.keys())[1:]
    own = {"of_kind", "of_messages", "by_owner"}
    advance = {"to_offset", "more_rows", "more_dead"} | WHERE
    assert set(re.findall(r"%\((\w+)\)s", values)) == advance | own
