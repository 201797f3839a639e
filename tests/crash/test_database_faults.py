"""The database fails in every way it can while batches flow: no row lost, none twice, no process restarted."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from infra.stack.embedded_stack import up
from tests.support.faults.database_proxy import DatabaseLink, Do, Statement
from tests.support.faults.fault_run import FaultRun, all_run, fault_run
from tests.support.faults.tally import TALLY
from tests.support.pipeline.processes import kill
from tests.support.pipeline.raw_clients import connect
from tests.support.stack.server_setting import server_setting
from tests.support.stack.stack_processes import server_of, stack_directory
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.stack.state import Addresses

pytestmark = pytest.mark.faults


def outcomes(run: FaultRun) -> list[str]:
    """What became of each COMMIT whose reply was lost, by the writer's own words."""
    return [entry["outcome"] for entry in run.events("commit_outcome")]


# -- lost replies ----------------------------------------------------------------------------------------------------


def test_two_hundred_commits_cut_before_and_after_the_server_saw_them(database: Addresses, tmp_path: Path) -> None:
    """F18: the client sees the same error both times, only the locked row knows; no process is started again."""
    with fault_run(database, tmp_path, partitions=1, journal=True) as run:
        with run.moving():
            for number in range(200):
                do = (Do.CUT_BEFORE, Do.CUT_AFTER)[number % 2]
                fault = run.proxy.arm(Statement.COMMIT, do)
                run.wait_hit(fault)
                run.wait_event("commit_outcome", number + 1)
                assert outcomes(run)[number] == {Do.CUT_BEFORE: "rolled back", Do.CUT_AFTER: "committed"}[do]
        assert run.finish() > 0
        run.no_death()
        assert "W_COMMIT_OUTCOME" in run.pipeline.log.read_text()


@pytest.mark.parametrize("do", [Do.HOLD_QUERY, Do.HOLD_REPLY], ids=lambda do: do.name)
def test_a_writer_killed_while_its_commit_is_under_way(database: Addresses, tmp_path: Path, do: Do) -> None:
    """F2: the COMMIT is done, or comes late, after the writer is dead; its successor waits for the row and knows."""
    with fault_run(database, tmp_path, partitions=1, journal=True) as run:
        with run.moving():
            for _ in range(2):
                before = all_run(run.pipeline)
                fault = run.proxy.arm(Statement.COMMIT, do)
                run.wait_hit(fault)
                kill(before[f"{run.topic}/0"][1])
                run.wait_event("worker_died")
                fault.release()
                all_run(run.pipeline, besides=before)
                run.moves_on(f"writer killed at {do.name}")
        assert run.finish() > 0


def test_cut_and_killed_connections_at_every_statement(database: Addresses, tmp_path: Path) -> None:
    """F23: the server KILLs the connection, or KILLs the query, or the network cuts before or after each statement."""
    with fault_run(database, tmp_path, partitions=1, journal=True) as run:

        def killed(link: DatabaseLink, what: str) -> None:
            with contextlib.closing(connect(database.admin_database_url)) as connection:
                connection.cursor().execute(f"KILL {what} {link.thread_id}")

        with run.moving():
            for statement in Statement:
                for fault in (
                    run.proxy.arm(statement, Do.CUT_BEFORE),
                    run.proxy.arm(statement, Do.CUT_AFTER),
                    run.proxy.arm(statement, Do.CALL, call=partial(killed, what="CONNECTION")),
                    run.proxy.arm(statement, Do.CALL, call=partial(killed, what="QUERY")),
                ):
                    run.wait_hit(fault)
                run.moves_on(f"cut, cut, KILL, KILL QUERY at {statement.name}")
        assert run.finish() > 0
        run.no_death()


def test_an_idle_writers_connection_is_killed(database: Addresses, tmp_path: Path) -> None:
    """F23: its look at the offset every few seconds finds that out, before the next message comes."""
    with fault_run(database, tmp_path, partitions=1) as run:
        all_run(run.pipeline)
        run.pipeline.produce(100)
        run.pipeline.wait_caught_up()
        connection = connection_of(run)
        run.pipeline.query(f"KILL {connection}")
        eventually(lambda: connection_of(run) != connection, within=60, what="it has claimed anew")
        TALLY.hit()
        run.pipeline.produce(100)
        assert run.finish() == 200
        assert len(run.events("worker_claimed")) == 1
        run.no_death()


def connection_of(run: FaultRun) -> int:
    """The server's number of the connection that claimed the only partition last."""
    [[connection]] = run.pipeline.query("SELECT connection_id FROM kafka_offsets WHERE topic = %s", run.topic)
    return int(connection)


# -- errors by number ------------------------------------------------------------------------------------------------

#: number -> SQLSTATE of errors that say "not now"; the batch is rolled back whole and comes again
PASSING = {
    1213: "40001",  # deadlock
    1205: "HY000",  # lock wait timeout
    1020: "HY000",  # record changed since last read
    1180: "HY000",  # error during COMMIT
    3101: "40000",  # rolled back by group replication
    1290: "HY000",  # read only
    1836: "HY000",  # read-only mode
    1792: "25006",  # read-only transaction
    3100: "HY000",  # refused by a replication plugin
    1114: "HY000",  # table is full
    1021: "HY000",  # disk full
    28: "HY000",  # no space left
    1040: "08004",  # too many connections
    1047: "08S01",  # Galera node not ready
    1053: "08S01",  # server shutdown
    1317: "70100",  # query interrupted
    1927: "70100",  # connection killed
}


def test_every_passing_error_at_every_statement(database: Addresses, tmp_path: Path) -> None:
    """F21, F22, F25: the transaction is left open behind each forged error, and must not be continued."""
    with fault_run(database, tmp_path, partitions=1, journal=True) as run:
        with run.moving(2_000):
            for number, sqlstate in PASSING.items():
                for statement in Statement:
                    run.wait_hit(run.proxy.arm(statement, Do.REFUSE, number=number, sqlstate=sqlstate))
                run.moves_on()
        assert run.finish() > 0
        run.no_death()


@pytest.mark.parametrize("number", [1290, 1114])
def test_a_server_that_refuses_for_a_while(stack: Addresses, tmp_path: Path, number: int) -> None:
    """F22, F25: read only, or its disk is full: the writer waits, each time longer, and says so once."""
    with fault_run(stack, tmp_path, partitions=1) as run:
        with run.moving():
            fault = run.proxy.arm(Statement.INSERT, Do.REFUSE, number=number, times=1_000)
            run.wait_hit(fault, 2)
            stuck = run.committed()
            run.wait_hit(fault, 8)  # each try may be two: in one round trip, then statement by statement
            assert run.committed() == stuck, "no offset moves without its rows"
            fault.release()
            run.moves_on(f"{number} for {fault.hits} statements")
        assert run.finish() > 0
        run.no_death()
        assert len(began := [event["msg"] for event in run.events("outage_began")]) == 1, began


def test_a_primary_that_becomes_read_only_under_open_connections(database: Addresses, tmp_path: Path) -> None:
    """F22: a real failover's first half; the second is that it takes writes again."""
    with fault_run(database, tmp_path) as run:
        with run.moving():
            with server_setting(database.admin_database_url, "read_only", "ON"):
                run.wait_event("outage_began", 2)
                stuck = run.committed()
                tried = run.proxy.connections
                eventually(lambda: run.proxy.connections > tried + 2, within=60, what="writers connect again")
                TALLY.hit()
                assert run.committed() == stuck
            run.moves_on("read_only off")
        assert run.finish() > 0
        run.no_death()


def test_a_rival_holds_the_offset_row_longer_than_the_lock_wait(database: Addresses, tmp_path: Path) -> None:
    """F21: 1205 undoes one statement only; the whole batch is rolled back and comes again."""
    with fault_run(database, tmp_path, partitions=1) as run:
        with run.moving():
            with locked(run, "kafka_offsets", f"topic = '{run.topic}'"):
                run.wait_event("batch_replayed", 2)
                TALLY.hit()
                stuck = run.committed()
            eventually(lambda: run.committed() > stuck, within=60)
        assert run.finish() > 0
        run.no_death()
        assert "1205" in run.events("batch_replayed")[0]["msg"]


@contextlib.contextmanager
def locked(run: FaultRun, table: str, where: str) -> Iterator[None]:
    """Hold row locks from outside."""
    with contextlib.closing(connect(run.pipeline.addresses.admin_database_url, "bank")) as connection:
        connection.autocommit(False)
        connection.cursor().execute(f"SELECT * FROM {table} WHERE {where} FOR UPDATE")
        yield
        connection.rollback()


# -- the server itself -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=lambda how: how.name)
def test_the_server_dies_and_comes_back(stack: Addresses, tmp_path: Path, how: signal.Signals) -> None:
    """F19: killed, or shut down properly; it is away until the writers have noticed and tried again."""
    with fault_run(stack, tmp_path) as run:
        with run.moving():
            server = server_of(stack)
            directory = stack_directory(server)
            tried = run.proxy.connections
            os.kill(server.pid, how)
            eventually(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE, within=30)
            run.wait_event("outage_began", 2)
            TALLY.hit()
            eventually(lambda: run.proxy.connections > tried + 6, within=30, what="writers try again")
            up(directory)
            run.moves_on(f"after {how.name} and a restart")
        assert run.finish() > 0
        run.no_death()


@pytest.mark.parametrize("statement", [Statement.INSERT, Statement.COMMIT], ids=lambda statement: statement.name)
def test_a_frozen_server(database: Addresses, tmp_path: Path, statement: Statement) -> None:
    """F20: SIGSTOP with a statement just sent: the read times out, nobody can connect, then a late COMMIT may come."""
    with fault_run(database, tmp_path, partitions=1) as run:
        server = server_of(database)
        with run.moving():
            fault = run.proxy.arm(statement, Do.CALL, call=lambda _link: os.kill(server.pid, signal.SIGSTOP))
            try:
                run.wait_hit(fault)
                connections = run.proxy.connections
                eventually(lambda: run.proxy.connections > connections + 1, within=60, what="the writer gives up twice")
            finally:
                os.kill(server.pid, signal.SIGCONT)
            run.moves_on(f"server frozen at {statement.name}")
        assert run.finish() > 0
        run.no_death()


def test_a_network_that_swallows_everything(database: Addresses, tmp_path: Path) -> None:
    """F20: a black hole in both directions until the writers have given up their connections and tried new ones."""
    with fault_run(database, tmp_path) as run:
        with run.moving():
            with run.proxy.swallowing():
                connections = run.proxy.connections
                eventually(lambda: run.proxy.connections > connections + 3, within=60, what="writers try again")
            run.moves_on("after a black hole")
        assert run.finish() > 0
        run.no_death()


# -- sizes -----------------------------------------------------------------------------------------------------------


def test_a_batch_larger_than_the_servers_packet_is_split(database: Addresses, tmp_path: Path) -> None:
    """F24: several INSERTs, one transaction; the single row that is too large is the integration tests' case."""
    with server_setting(database.admin_database_url, "max_allowed_packet", 1 << 20):
        with fault_run(database, tmp_path, partitions=1) as run:
            all_run(run.pipeline)
            run.pipeline.produce(60, payload="z" * 100_000)
            assert run.finish() == 60
            run.no_death()
        sent = "".join(statement.name[1] for statement in run.proxy.statements)  # A, N, O
        assert re.search("ANN+O", sent), sent
        TALLY.hit()
