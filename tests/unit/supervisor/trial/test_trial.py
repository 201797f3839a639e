"""A trial on a database in memory: it says what a writer would have done, and leaves nothing."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import pytest

from rtpipe.errors import ExitCode, UnreachableError
from supervisor.trial import view
from supervisor.trial.outcome import PartitionTrial, TopicTrial, exit_code_of
from supervisor.trial.trial_ledger import OVERTAKEN, TrialLedger, TrialPauses
from tests.support.fakes.memory_database import MemoryServer
from tests.support.fakes.writer_rig import SPEC, Rig
from tests.support.samples.batches import batch_of
from tests.support.samples.small_orders import SmallSchemas, order
from workers.commit.encoding.batch_encoder import BatchEncoder
from workers.commit.offsets.ledger_connection import LedgerConnection
from workers.commit.partition_owner import PartitionOwner
from workers.commit.table_writer import TableWriter, Written
from workers.contract.batch_figures import PhaseSeconds
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionKey
from workers.contract.refusal import Reason, Refusal


def tried(
    server: MemoryServer, *values: bytes | None, first: int = 0, why: str = ""
) -> tuple[TrialLedger, list[Written]]:
    connection = LedgerConnection(SPEC, server.open)
    ledger = TrialLedger(SPEC, connection, first, lambda: why)
    owner = PartitionOwner(SPEC.key, ledger, TrialPauses())
    owner.claim()
    _ = connection.session
    writer = TableWriter(SPEC, owner, connection, BatchEncoder(SPEC, SmallSchemas(SPEC.rules)))
    written = list(writer.write(batch_of(values, range(first, first + len(values)))))
    connection.close()
    return ledger, written


def everything(server: MemoryServer) -> list[Any]:
    return [server.rows(f"SELECT * FROM {table}") for table in ("orders", "kafka_offsets", "rtpipe_dead_letters")]


def test_rows_and_dead_letters_are_told_and_not_kept() -> None:
    server = MemoryServer()
    before = everything(server)
    ledger, [written] = tried(server, order(1), b"no avro", order(2))
    assert (written.messages, written.rows, written.dead) == (3, 2, Counter(E_WIRE_FORMAT=1))
    assert list(written.refused) == [1]
    assert (ledger.unwritten, ledger.note) == (0, "")
    assert everything(server) == before


def test_it_meets_no_row_that_a_writer_has_committed_meanwhile() -> None:
    rig = Rig()
    rig.write(order(1), order(2))
    before = everything(rig.server)
    ledger, [written] = tried(rig.server, order(1), order(2))
    assert (ledger.unwritten, ledger.note, written.rows) == (2, OVERTAKEN, 2)
    assert everything(rig.server) == before
    rig.write(order(3))  # its writer was never fenced


def test_where_the_table_is_not_what_it_must_be_nothing_is_asked_of_the_server() -> None:
    server = MemoryServer()
    ledger, [written] = tried(server, order(1), why="the table must change first")
    assert (ledger.unwritten, ledger.note, written.rows) == (1, "the table must change first", 1)


def test_it_waits_for_a_database_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("supervisor.trial.trial_ledger.time.sleep", slept.append)
    pauses = TrialPauses()

    def wait_for_ever() -> None:
        while True:
            pauses.pause("disk full", 60)

    with pytest.raises(UnreachableError, match="disk full"):
        wait_for_ever()
    assert 0 < len(slept) < 20
    assert max(slept) <= 2


def outcome(**changes: Any) -> TopicTrial:
    one = PartitionTrial(PartitionKey("orders", 0), 0, 0, seconds=PhaseSeconds(0.2, 0.1, 0.3, 0.0))
    one.add(Written(10, 10, 8, Counter(E_VALUE=1), 0, {4: Refusal(Reason.VALUE, "out of \x1b[2J range", "amount")}))
    return dataclasses.replace(TopicTrial("orders", "t_orders", [one], False, ()), **changes)


def test_the_code_says_what_is_worst() -> None:
    clean = dataclasses.replace(outcome(), partitions=[])
    stopped = outcome()
    stopped.partitions[0].stop = SetupError("no table", hint="rtpipe setup")
    assert exit_code_of([clean]) == ExitCode.DONE
    assert exit_code_of([clean, outcome()]) == ExitCode.DEAD_LETTERS
    for worse in (stopped, outcome(missing=True), outcome(statements=["ALTER TABLE t"])):
        assert exit_code_of([outcome(), worse]) == ExitCode.DIFFERENT


def test_how_it_looks(capsys: pytest.CaptureFixture[str]) -> None:
    trial = outcome(statements=["ALTER TABLE t ADD COLUMN a INT"])
    trial.partitions[0].stop = SetupError("no table", hint="rtpipe setup")
    trial.partitions[0].encoded_only, trial.partitions[0].note = 3, "the table must change first"
    view.print_trial(trial)
    text = capsys.readouterr().out
    assert "\x1b" not in text
    for words in (
        "orders -> t_orders: 10 messages tried",
        "8 rows",
        "1 dead letters",
        "1 ignored (tombstones)",
        "orders/0 offset 4",
        "3 of 10 messages were encoded, not written: the table must change first",
        "orders/0 would stop before offset 10: E_CONFIG  no table",
        "ALTER TABLE t ADD COLUMN a INT;",
        "reading 0.20 s, decoding and building 0.10 s, writing 0.30 s",
    ):
        assert words in text
    [facts] = view.all_facts([trial])["topics"]
    assert facts["partitions"][0]["examples"][0]["offset"] == 4
    assert facts["partitions"][0]["seconds"] == {"reading": 0.2, "encoding": 0.1, "writing": 0.3}
