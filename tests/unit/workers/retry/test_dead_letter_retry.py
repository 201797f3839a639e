"""Dead letters that become rows, on a database in memory; the messages are encoded by a writer's own encoder."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest
from sqlalchemy import select

from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.rules import TableRules
from rtpipe.errors import RtpipeError, UnreachableError
from tests.support.fakes.memory_database import Fault, MemoryServer
from tests.support.samples.small_orders import SmallSchemas, order
from tests.support.samples.specs import default_spec
from workers.commit.dead_letters.rows import NOT_KEPT
from workers.commit.encoding.batch_encoder import BatchEncoder
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionKey
from workers.retry import retry_transaction
from workers.retry.dead_letter import DeadLetter, DeadLetterSource, dead_letter_of
from workers.retry.dead_letter_retry import DeadLetterRetry
from workers.retry.outcome import RetryOutcome, RetryResult

KEY = PartitionKey("orders", 0)
SOURCE = DeadLetterSource(KEY, "g", "topic")


#: No metadata columns: the memory database has none.
PLAIN = TableRules(metadata=())


class Rig:
    """A partition at offset 100 with `count` dead letters at offsets 0, 1, 2, ..."""

    def __init__(self, *values: bytes | None, rules: TableRules = PLAIN, **row: Any) -> None:
        self.server = MemoryServer()
        self.spec = default_spec(KEY, group="g", topic_id="topic", rules=rules)
        self.schemas = SmallSchemas(rules)
        stored = {"offset": 100, "rows_total": 50, "dead_total": len(values), "topic_id": "topic"} | row
        names = ["topic", "partition", "consumer_group", "epoch", *stored]
        self.run("kafka_offsets", names, ["orders", 0, "g", 1, *stored.values()])
        for offset, value in enumerate(values):
            self.letter(offset, value)

    def run(self, table: str, names: list[str], values: list[Any]) -> None:
        columns, marks = ", ".join(f"`{name}`" for name in names), ", ".join("?" * len(names))
        with self.server.engine.begin() as connection:
            connection.exec_driver_sql(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(values))

    def letter(self, offset: int, value: bytes | None) -> None:
        names = ["topic", "partition", "offset", "consumer_group", "topic_id", "key", "value"]
        names += ["error_name", "error_text", "table_name", "written_at"]
        more = [b"k%d" % offset, value, "E_VALUE", "of old", "orders", "2026-01-31 12:00:00.000000"]
        self.run("rtpipe_dead_letters", names, ["orders", 0, offset, "g", "topic", *more])

    def letters(self) -> list[DeadLetter]:
        with self.server.engine.connect() as connection:
            found = connection.execute(select(DEAD_LETTERS).order_by(DEAD_LETTERS.c.offset)).all()
        return [dead_letter_of(row) for row in found]

    def retry(self, *, force: bool = False, dry_run: bool = False) -> DeadLetterRetry:
        encoder = BatchEncoder(self.spec, self.schemas, hold=False)
        return DeadLetterRetry(SOURCE, self.spec, encoder, force=force, dry_run=dry_run, open_=self.server.open)

    def totals(self) -> tuple[int, ...]:
        [found] = self.server.rows("SELECT `offset`, epoch, rows_total, dead_total FROM kafka_offsets")
        return found

    def table(self) -> list[tuple[Any, ...]]:
        return self.server.rows("SELECT a, b FROM orders ORDER BY a")


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)


def results(outcomes: list[RetryOutcome]) -> list[tuple[int, RetryResult]]:
    return [(outcome.offset, outcome.result) for outcome in outcomes]


WRITTEN, REFUSED, KEPT, GONE = RetryResult.WRITTEN, RetryResult.REFUSED, RetryResult.KEPT, RetryResult.GONE


def test_rows_are_written_dead_letters_deleted_and_totals_moved() -> None:
    rig = Rig(order(1, 7), order(2, 100), b"no Avro")
    outcomes = rig.retry().write(rig.letters())
    assert results(outcomes) == [(0, WRITTEN), (1, REFUSED), (2, REFUSED)]
    assert [outcome.error_name for outcome in outcomes] == ["", "E_VALUE", "E_WIRE_FORMAT"]
    assert rig.table() == [(1, 7)]
    assert rig.totals() == (100, 1, 51, 2), "offset and epoch stay"
    assert [(one.offset, one.error_name) for one in rig.letters()] == [(1, "E_VALUE"), (2, "E_WIRE_FORMAT")]
    assert "of old" not in {one.error_text for one in rig.letters()}


def test_the_journal_says_how_many_became_rows_and_that_no_offset_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_transaction, "acting_person", lambda: "alice on db-host")
    rig = Rig(order(1, 7), order(2, 100), order(3), b"no Avro")
    rig.spec = dataclasses.replace(rig.spec, journal=True)
    rig.retry(dry_run=True).write(rig.letters())
    assert rig.server.rows("SELECT * FROM rtpipe_journal") == []
    rig.retry().write(rig.letters())
    columns = "kind, first_offset, next_offset, messages, rows_written, dead_letters, epoch, owner"
    kept = [("retry", 100, 100, 0, 2, -2, 1, "alice on db-host")]
    assert rig.server.rows(f"SELECT {columns} FROM rtpipe_journal") == kept
    assert rig.totals() == (100, 1, 52, 2)
    rig.retry().write(rig.letters())
    assert rig.server.rows(f"SELECT {columns} FROM rtpipe_journal") == kept, "nothing became a row"


def test_a_retry_that_the_journal_does_not_take_is_none() -> None:
    rig = Rig(order(1, 7))
    rig.spec = dataclasses.replace(rig.spec, journal=True)
    rig.server.faults.append(Fault("INSERT INTO rtpipe_journal", 1142))
    with pytest.raises(RtpipeError, match="table rtpipe_journal"):
        rig.retry().write(rig.letters())
    assert (rig.table(), rig.totals(), len(rig.letters())) == ([], (100, 1, 50, 1), 1)


def test_a_dry_run_says_the_same_and_changes_nothing() -> None:
    rig = Rig(order(1, 7), b"no Avro")
    before = rig.letters()
    assert results(rig.retry(dry_run=True).write(before)) == [(0, WRITTEN), (1, REFUSED)]
    assert (rig.table(), rig.totals(), rig.letters()) == ([], (100, 1, 50, 2), before)


def test_the_messages_are_encoded_before_anything_is_locked() -> None:
    rig = Rig(order(1))
    asked: list[int] = []
    rig.server.before = lambda statement: asked.append(len(rig.schemas.asked)) if "FOR UPDATE" in statement else None
    rig.retry().write(rig.letters())
    assert asked == [1, 1]


def test_what_another_retry_has_done_meanwhile_is_gone() -> None:
    rig = Rig(order(1), order(2))
    letters = rig.letters()
    rig.retry().write(letters[:1])
    outcomes = rig.retry().write(letters)
    assert results(outcomes) == [(0, GONE), (1, WRITTEN)]
    assert results(rig.retry().write(letters)) == [(0, GONE), (1, GONE)]
    assert rig.totals() == (100, 1, 52, 0)


def test_a_commit_without_a_reply_is_told_by_the_dead_letters() -> None:
    for after in (False, True):
        rig = Rig(order(1), order(2))
        rig.server.faults.append(Fault("COMMIT", 2013, after=after))
        assert results(rig.retry().write(rig.letters())) == [(0, WRITTEN), (1, WRITTEN)]
        assert (rig.totals(), rig.server.opened) == ((100, 1, 52, 0), 2)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"topic_id": "other"}, "deleted and made again"),
        ({"dead_total": 1}, "counts 1 dead letters"),
        ({"offset": 0}, "was set back to 0"),
        ({"offset": 1}, "was set back to 1"),
    ],
)
def test_what_must_stay_is_kept_as_it_is(row: dict[str, Any], words: str) -> None:
    rig = Rig(order(1), order(2), **row)
    before = rig.letters()
    outcomes = rig.retry().write(before)
    assert outcomes[1].result is KEPT
    assert words in outcomes[1].text
    assert outcomes[1].error_name == "E_VALUE"
    assert before[1] in rig.letters()


def test_without_the_partitions_row_nothing_is_written() -> None:
    rig = Rig(order(1))
    with rig.server.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM kafka_offsets")
    [outcome] = rig.retry().write(rig.letters())
    assert (outcome.result, "no row of its partition" in outcome.text) == (KEPT, True)
    assert rig.table() == []


def test_content_that_is_not_there_is_no_message() -> None:
    rig = Rig(order(1))
    [letter] = rig.letters()
    stub = dataclasses.replace(letter, value=None, error_text=f"its 9 bytes are {NOT_KEPT}")
    [outcome] = rig.retry().write([stub])
    assert (outcome.result, "too large to keep" in outcome.text) == (KEPT, True)


def test_too_much_for_one_transaction_goes_in_two() -> None:
    rig = Rig(*[order(number) for number in range(4)])
    rig.server.faults.append(Fault("COMMIT", 1197))
    assert results(rig.retry().write(rig.letters())) == [(at, WRITTEN) for at in range(4)]
    assert rig.server.said.count("COMMIT") == 3
    assert rig.totals() == (100, 1, 54, 0)


def test_totals_that_a_refused_row_rolled_back_begin_again() -> None:
    rig = Rig(order(1, 100))
    rig.server.faults.append(Fault("UPDATE kafka_offsets", 1402))
    assert results(rig.retry().write(rig.letters())) == [(0, REFUSED)]
    assert rig.totals() == (100, 1, 50, 1)


def test_totals_that_somebody_else_moved_are_seen() -> None:
    rig = Rig(order(1))

    def move(statement: str) -> None:
        if statement.startswith("INSERT INTO `orders`"):
            rig.server.before = lambda _: None
            with rig.server.engine.connect() as connection:
                connection.exec_driver_sql("UPDATE kafka_offsets SET rows_total = 7")

    rig.server.before = move
    rig.retry().write(rig.letters())
    assert rig.table() == [(1, None)]


@pytest.mark.parametrize(
    ("number", "error", "words"),
    [
        (1213, UnreachableError, "writes no row twice"),
        (2013, UnreachableError, "writes no row twice"),
        (1045, RtpipeError, "what the account may do"),
        (1146, SetupError, "infra create"),
    ],
)
def test_what_does_not_pass_ends_the_retry_in_words(number: int, error: type[RtpipeError], words: str) -> None:
    rig = Rig(order(1))
    rig.server.faults.append(Fault("FOR UPDATE", number, times=99))
    retry = rig.retry()
    with pytest.raises(error) as found:
        retry.write(rig.letters())
    assert words in found.value.hint
    assert found.value.message.startswith("retrying dead letters of orders/0: ")
    retry.close()
    assert rig.server.said[-1] == "CLOSE"


def test_what_passes_is_tried_again() -> None:
    rig = Rig(order(1))
    rig.server.faults.append(Fault("FOR UPDATE", 1213, times=5))
    assert results(rig.retry().write(rig.letters())) == [(0, WRITTEN)]


def test_a_column_that_is_gone_is_asked_about_once() -> None:
    rig = Rig(order(1))
    rig.server.faults.append(Fault("INSERT INTO `orders`", 1054))
    assert results(rig.retry().write(rig.letters())) == [(0, WRITTEN)]
    assert len(rig.schemas.asked) == 2
    rig = Rig(order(1))
    rig.server.faults.append(Fault("INSERT INTO `orders`", 1054, times=9))
    with pytest.raises(SetupError):
        rig.retry().write(rig.letters())


def test_a_dry_run_does_not_know_what_comes_after_a_column_that_is_missing() -> None:
    rig = Rig(order(1), order(2))
    rig.server.faults.append(Fault("INSERT INTO `orders`", 1054, times=9))
    outcomes = rig.retry(dry_run=True).write(rig.letters())
    assert {outcome.result for outcome in outcomes} == {REFUSED}
    assert "has no column" in outcomes[0].text


@pytest.mark.parametrize("force", [False, True])
def test_newer_state_of_a_key_is_kept_unless_that_is_forced(force: bool) -> None:
    rules = TableRules(mode="upsert", key=("a",), metadata=("_kafka_partition", "_kafka_offset"))
    rig = Rig(order(1, 7), rules=rules)
    with rig.server.engine.begin() as connection:
        for name in rules.metadata:
            connection.exec_driver_sql(f"ALTER TABLE orders ADD COLUMN {name}")
    rig.run("orders", ["a", "b", *rules.metadata], [1, 9, 0, 50])
    [outcome] = rig.retry(force=force).write(rig.letters())
    assert outcome.result is (WRITTEN if force else KEPT)
    assert force or "newer, of offset 50" in outcome.text
    assert rig.table() == [(1, 7 if force else 9)]


@pytest.mark.parametrize("table", ["orders", "kafka_offsets", "rtpipe_dead_letters"])
def test_a_table_without_transactions_is_refused_first(table: str) -> None:
    rig = Rig(order(1))
    rig.server.not_innodb.add(table)
    with pytest.raises(SetupError, match=table):
        rig.retry().write(rig.letters())
