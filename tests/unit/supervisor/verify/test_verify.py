"""`rtpipe verify` from end to end, on a topic of real Avro bytes and the texts of a table: every kind of difference."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from avro_schemas.registry.errors import SchemaNotFoundError
from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.rules import TableRules
from rtpipe.errors import ExitCode, SettingsError
from supervisor.kafka.topic_reader import TopicMessage
from supervisor.verify.outcome.report import DifferenceKind, TopicReport
from supervisor.verify.outcome.view import as_json
from supervisor.verify.verify import VerifyOrder
from tests.support.samples.found_tables import table_of
from tests.support.samples.verified_topic import SCHEMA, FakeRows, FakeTopic, Verified, message, tombstone, value

ONE, TWO = message(0, 1, "ann"), message(1, 2, None)
ROWS: list[list[str | None]] = [["1", "ann"], ["2", None]]


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> Verified:
    return Verified(monkeypatch)


def kinds(report: TopicReport) -> dict[str, int]:
    return {str(kind): count for kind, count in report.counts.items() if count}


def texts(report: TopicReport) -> str:
    return "\n".join(difference.text for difference in report.differences)


class TestInsertMode:
    def test_equal(self, verified: Verified) -> None:
        report = verified.report([ONE, TWO], ROWS)
        assert (report.ok, report.messages_read, report.rows_in_table, report.notes) == (True, 2, 2, ())
        assert {each.stage for each in verified.progress} == {"messages", "rows"}
        assert max(each.done for each in verified.progress) == 2

    def test_a_lost_row_is_named_with_its_values(self, verified: Verified) -> None:
        report = verified.report([ONE, TWO], ROWS[:1], rows_total=2)
        assert kinds(report) == {"missing": 1}
        assert "orders/0 offset 1: the row is missing: id=2, name=None" in texts(report)

    def test_a_doubled_row_names_its_message(self, verified: Verified) -> None:
        report = verified.report([ONE, TWO], [*ROWS, ROWS[0]], rows_total=2)
        assert kinds(report) == {"extra": 1}
        assert "orders/0 offset 0" in texts(report)

    def test_a_row_of_no_message(self, verified: Verified) -> None:
        report = verified.report([ONE], [ROWS[0], ["9", "eve"]], rows_total=1)
        assert kinds(report) == {"extra": 1}
        assert "no message of orders explains: id=9, name='eve'" in texts(report)

    def test_an_altered_row_names_column_and_both_values(self, verified: Verified) -> None:
        report = verified.report([ONE, TWO], [["1", "eve"], ROWS[1]])
        assert kinds(report) == {"altered": 1}
        [found] = report.differences
        assert (found.offset, found.column) == (0, "name")
        assert (found.expected, found.found) == ({"name": "ann"}, {"name": "eve"})

    def test_with_positions_a_wholly_altered_row_is_altered_and_not_lost(self, verified: Verified) -> None:
        report = verified.report([ONE, TWO], [["0", "0", "7", "eve"], ["0", "1", "2", None]], position=True)
        assert kinds(report) == {"altered": 1}

    def test_a_message_that_nobody_can_decode(self, verified: Verified) -> None:
        broken = TopicMessage(0, 1, b"\0\0\0\0\1", b"k")
        report = verified.report([ONE, broken, TopicMessage(0, 2, b"x", b"k"), tombstone(3, b"k")], ROWS[:1])
        assert kinds(report) == {"unreadable": 3}
        assert "offset 1 cannot be decoded" in texts(report)
        assert "offset 3 cannot be decoded: it has no value (a tombstone)" in texts(report)

    def test_the_schema_of_another_subject_decodes_nothing(self, verified: Verified) -> None:
        verified.registry.schemas[2], verified.registry.subjects[2] = SCHEMA, ["other-value"]
        report = verified.report([TopicMessage(0, 0, value(2, id=1, name="ann"), b"1")], [])
        assert kinds(report) == {"unreadable": 1}
        assert "other-value" in texts(report)

    def test_ignored_tombstones_need_no_row(self, verified: Verified) -> None:
        assert verified.report([ONE, tombstone(1, b"k")], ROWS[:1], rules=TableRules(tombstones="ignore")).ok

    def test_a_message_of_an_older_schema_lacks_the_new_column(self, verified: Verified) -> None:
        old = {**SCHEMA, "fields": SCHEMA["fields"][:1]}
        verified.registry.schemas[2], verified.registry.subjects[2] = old, ["orders-value"]
        verified.registry.versions_of["orders-value"] = [2, 1]
        report = verified.report([TopicMessage(0, 0, value(2, old, id=5), b"5")], [["5", None]])
        assert report.ok
        assert report.messages_read == 1


class TestDeadLetters:
    BROKEN = TopicMessage(0, 1, b"broken", b"k")

    def test_a_dead_letter_stands_for_its_row(self, verified: Verified) -> None:
        kept = {(0, 1): hashlib.sha256(b"broken").digest()}
        report = verified.report([ONE, self.BROKEN], ROWS[:1], dead=1, kept=kept)
        assert (report.ok, report.dead_letters, report.messages_read) == (True, 1, 2)

    def test_one_that_was_too_large_to_keep_is_believed(self, verified: Verified) -> None:
        assert verified.report([ONE, self.BROKEN], ROWS[:1], dead=1, kept={(0, 1): None}).ok

    def test_one_that_is_not_its_message_is_altered(self, verified: Verified) -> None:
        report = verified.report([ONE, self.BROKEN], ROWS[:1], dead=1, kept={(0, 1): b"another"})
        assert kinds(report) == {"altered": 1}
        assert "orders/0 offset 1: its dead letter has another value than the message" in texts(report)

    def test_a_count_without_a_dead_letter_is_no_excuse(self, verified: Verified) -> None:
        assert kinds(verified.report([ONE, self.BROKEN], ROWS[:1], dead=1)) == {"unreadable": 1}

    def test_without_their_table_the_count_is_believed(self, verified: Verified) -> None:
        assert verified.report([ONE, self.BROKEN], ROWS[:1], dead=1, kept=None).ok

    def test_the_exit_code_counts_them_on_request(self, verified: Verified) -> None:
        topic, rows = FakeTopic([], [{0: (0, 1)}]), FakeRows([], {0: (1, 0, 1)})
        report = verified.all_of(topic, rows, values=False)
        assert report.exit_code(fail_on_dead_letters=False) is ExitCode.DONE
        assert report.exit_code(fail_on_dead_letters=True) is ExitCode.DEAD_LETTERS
        assert as_json(report)["dead_letters"] == 1


class TestOffsetsAndCounts:
    def counted(self, verified: Verified, marks: Any, stored: Any, rows: int) -> dict[str, int]:
        marks = marks if isinstance(marks, list) else [marks]
        topic, table = FakeTopic([], marks), FakeRows([["1", None]] * rows, stored)
        report = verified.all_of(topic, table, values=False)
        assert report.topics[0].messages_read is None
        assert verified.registry.asked == []
        assert report.exit_code(fail_on_dead_letters=False) is (ExitCode.DONE if report.ok else ExitCode.DIFFERENT)
        return kinds(report.topics[0])

    def test_all_agree(self, verified: Verified) -> None:
        assert self.counted(verified, {0: (0, 3), 1: (0, 0)}, {0: (3, 2, 1)}, 2) == {}

    def test_a_partition_behind_its_end_and_one_never_consumed(self, verified: Verified) -> None:
        assert self.counted(verified, {0: (0, 3), 1: (0, 4)}, {0: (2, 2, 0)}, 2) == {"not_consumed": 2}

    def test_an_offset_beyond_the_end_and_a_partition_that_is_gone(self, verified: Verified) -> None:
        assert self.counted(verified, {0: (0, 3)}, {0: (9, 1, 0), 5: (4, 0, 0)}, 1) == {"beyond_end": 2}

    def test_more_rows_counted_than_there_were_offsets(self, verified: Verified) -> None:
        assert self.counted(verified, {0: (0, 3)}, {0: (3, 3, 1)}, 3) == {"overcounted": 1}

    def test_rows_that_were_not_counted(self, verified: Verified) -> None:
        assert self.counted(verified, {0: (0, 3)}, {0: (3, 3, 0)}, 4) == {"row_count": 1}

    def test_a_pipeline_at_work_may_be_beyond_the_first_watermark(self, verified: Verified) -> None:
        assert self.counted(verified, [{0: (0, 3)}, {0: (0, 8)}], {0: (6, 6, 0)}, 6) == {}


class TestDeletedMessages:
    def test_rows_of_messages_that_kafka_has_deleted_are_no_difference(self, verified: Verified) -> None:
        report = verified.report([message(5, 2, None)], [["1", "ann"], ["2", None]], low=5)
        assert report.ok
        assert "partition 0 begins at offset 5" in report.notes[0]

    def test_more_rows_than_were_counted_are(self, verified: Verified) -> None:
        report = verified.report([message(5, 2, None)], [["1", "ann"], ["2", None]], low=5, rows_total=1)
        assert kinds(report) == {"extra": 1}

    def test_positions_tell_which_rows_are_older(self, verified: Verified) -> None:
        rows: list[list[str | None]] = [["0", "4", "1", "ann"], ["0", "5", "2", None], ["0", "6", "3", None]]
        report = verified.report([message(5, 2, None)], rows, low=5, position=True)
        assert kinds(report) == {"extra": 1}
        assert "offset 6" in texts(report)


class TestUpsertMode:
    def rules(self, tombstones: Any = "delete") -> TableRules:
        return TableRules(mode="upsert", key=("id",), key_format="long", tombstones=tombstones)

    def report(self, verified: Verified, messages: list[TopicMessage], rows: Any, rules: TableRules) -> TopicReport:
        verified.found = table_of(table_layout(SCHEMA, table="orders", rules=rules))
        return verified.report(messages, rows, rules=rules)

    @staticmethod
    def at(offset: int, number: int, name: str | None) -> TopicMessage:
        return TopicMessage(0, offset, value(id=number, name=name), number.to_bytes(8, "big"))

    def test_the_last_message_of_each_key_has_the_row(self, verified: Verified) -> None:
        messages = [self.at(0, 1, "a"), self.at(1, 2, "b"), self.at(2, 1, "c")]
        assert self.report(verified, messages, [["1", "c"], ["2", "b"]], self.rules()).ok
        report = self.report(verified, messages, [["1", "a"], ["2", "b"]], self.rules())
        assert kinds(report) == {"altered": 1}
        assert "offset 2 is altered" in texts(report)

    def test_a_tombstone_deletes_the_row(self, verified: Verified) -> None:
        messages = [self.at(0, 1, "a"), self.at(1, 2, "b"), tombstone(2, (1).to_bytes(8, "big"))]
        assert self.report(verified, messages, [["2", "b"]], self.rules()).ok
        assert kinds(self.report(verified, messages, [["1", "a"], ["2", "b"]], self.rules())) == {"extra": 1}

    def test_a_soft_deleted_row_stays_with_its_mark(self, verified: Verified) -> None:
        messages = [self.at(0, 1, "a"), tombstone(1, (1).to_bytes(8, "big"))]
        rules = self.rules("soft_delete")
        assert self.report(verified, messages, [["1", "a", "1"]], rules).ok
        assert kinds(self.report(verified, messages, [["1", "a", "0"]], rules)) == {"altered": 1}

    def test_a_soft_deletion_of_a_key_without_a_row_leaves_none(self, verified: Verified) -> None:
        assert self.report(verified, [tombstone(0, bytes(8))], [], self.rules("soft_delete")).ok

    def test_a_tombstone_whose_key_nobody_can_read(self, verified: Verified) -> None:
        report = self.report(verified, [self.at(0, 1, "a"), tombstone(1, b"xy")], [["1", "a"]], self.rules())
        assert report.counts[DifferenceKind.UNREADABLE] == 1
        assert "it has no value (a tombstone): " in texts(report)

    def test_a_message_that_nobody_can_decode(self, verified: Verified) -> None:
        broken = TopicMessage(0, 1, b"\0\0\0\0\1", bytes(8))
        assert kinds(self.report(verified, [self.at(0, 1, "a"), broken], [["1", "a"]], self.rules())) == {
            "unreadable": 1
        }

    def test_a_tombstone_with_the_key_of_another_row_is_named(self, verified: Verified) -> None:
        other = TopicMessage(0, 0, value(id=1, name="a"), (7).to_bytes(8, "big"))
        report = self.report(verified, [other, tombstone(1, (7).to_bytes(8, "big"))], [["1", "a"]], self.rules())
        assert kinds(report) == {"key": 1}
        assert "as the row of offset 0 shows" in texts(report)

    def test_rows_of_deleted_messages_are_not_told_from_others(self, verified: Verified) -> None:
        rules = self.rules()
        verified.found = table_of(table_layout(SCHEMA, table="orders", rules=rules))
        assert verified.report([self.at(5, 2, "b")], [["1", "a"], ["2", "b"]], low=5, rules=rules).ok


class TestSchemas:
    def test_where_no_subject_is_known_the_ids_of_the_messages_tell(self, verified: Verified) -> None:
        verified.registry.versions_of.clear()
        broken = TopicMessage(0, 1, b"?", b"k")
        report = verified.report([ONE, broken, tombstone(2, b"k")], ROWS[:1])
        assert kinds(report) == {"unreadable": 2}

    def test_a_topic_of_tombstones_alone_is_read_by_its_key_columns(self, verified: Verified) -> None:
        verified.registry.versions_of.clear()
        rules = TableRules(mode="upsert", key=("id",), key_format="long", tombstones="delete")
        verified.found = table_of(table_layout(SCHEMA, table="orders", rules=rules))
        assert verified.report([tombstone(0, bytes(8))], [], rules=rules).ok

    def test_no_schema_anywhere_is_an_error_and_no_verdict(self, verified: Verified) -> None:
        verified.registry.versions_of.clear()
        with pytest.raises(SchemaNotFoundError, match="no subject of it, and no message") as refused:
            verified.report([tombstone(0, b"k")], [])
        assert "subject" in refused.value.hint

    def test_a_view_is_compared_by_the_schemas_alone(self, verified: Verified) -> None:
        verified.found = None
        assert verified.report([ONE, TWO], ROWS).ok


@pytest.mark.parametrize(
    ("changes", "said"), [({"topics": ()}, "no topic to verify"), ({"kafka": {}}, "no Kafka address")]
)
def test_orders_that_cannot_be_done(changes: dict[str, Any], said: str) -> None:
    common: dict[str, Any] = {"registry": None, "kafka": {"bootstrap.servers": "k"}, "topics": ("t",)}
    with pytest.raises(SettingsError, match=said) as refused:
        VerifyOrder(database_url="", **(common | changes))
    assert refused.value.hint
