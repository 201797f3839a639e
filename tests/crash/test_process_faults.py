"""Processes die, freeze and are told to stop, again and again, at the worst moments."""

from __future__ import annotations

import contextlib
import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support.faults.database_proxy import Do, Statement
from tests.support.faults.fault_run import (
    APART,
    QUICK,
    FaultRun,
    all_run,
    fault_run,
    frozen,
    generations,
    moves_on,
    nobody_left,
)
from tests.support.faults.tally import TALLY
from tests.support.pipeline.parts.commands import ROOT
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.processes import kill
from tests.support.pipeline.producers import ordered_producer
from tests.support.pipeline.raw_clients import connect
from tests.support.stack.start_helpers import helpers
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.stack.state import Addresses

pytestmark = pytest.mark.faults

#: Bytes of the largest message: a MEDIUMTEXT holds 16 MB.
LARGEST = 16_000_000


def test_idle_writers_killed_in_a_row(stack: Addresses, tmp_path: Path) -> None:
    """F4: a reader killed while it waits in `get` leaves the queue's lock held; nobody ever uses that queue again."""
    with fault_run(stack, tmp_path, partitions=2) as run:
        run.pipeline.produce(1_000)
        run.pipeline.wait_caught_up()
        for _ in range(20):
            before = all_run(run.pipeline)
            started = time.monotonic()
            for _, writer in before.values():
                kill(writer)
            all_run(run.pipeline, besides=before)
            run.pipeline.produce(100)
            run.pipeline.wait_caught_up()
            print(f"idle writers killed: caught up again after {time.monotonic() - started:.2f} s")
        assert run.stop() == 3_000


def test_consumers_killed_inside_large_items(stack: Addresses, tmp_path: Path) -> None:
    """F5: batches of several messages of 900 kB are on their way through the queue's pipe when the sender dies."""
    with fault_run(stack, tmp_path, partitions=1, batch_rows=4) as run:
        all_run(run.pipeline)
        run.pipeline.produce(20, payload="p" * 900_000)
        for _ in range(3):
            before = all_run(run.pipeline)
            held = run.proxy.arm(Statement.INSERT, Do.HOLD_QUERY)  # so the next item is stuck in the pipe
            run.pipeline.produce(12, payload="p" * 900_000)
            run.wait_hit(held)
            consumer, writer = before[f"{run.topic}/0"]
            kill(consumer)
            eventually(partial(gone, writer), what="its writer is gone too")
            held.release()
            all_run(run.pipeline, besides=before)
        assert run.finish() == 56


def test_messages_of_sixteen_megabytes(stack: Addresses, tmp_path: Path) -> None:
    """F17: backpressure bounds the memory of both processes; a kill as the OOM killer's is a crash as any other."""
    large = {"max.message.bytes": str(LARGEST + 1_000)}
    with fault_run(stack, tmp_path, partitions=1, topic_config=large) as run:
        before = all_run(run.pipeline)
        sizes = {"message.max.bytes": LARGEST + 1_000, "queue.buffering.max.kbytes": 2_000_000}
        producer = ordered_producer(run.pipeline.addresses.bootstrap_servers, sizes)
        run.pipeline.produce(1)
        run.moves_on()
        held = run.proxy.arm(Statement.COMMIT, Do.HOLD_REPLY)
        run.pipeline.produce(25, payload="p" * (LARGEST - 100), producer=producer)
        run.wait_hit(held)
        run.wait_event("backpressure_activated")
        pids = before[f"{run.topic}/0"]
        assert all(psutil.Process(pid).memory_info().rss < 512 << 20 for pid in pids)
        kill(pids[1])
        held.release()
        all_run(run.pipeline, besides=before)
        assert run.finish() == 26


@pytest.mark.parametrize("statement", [Statement.CAS, Statement.INSERT], ids=lambda statement: statement.name)
def test_a_zombie_frozen_in_a_transaction(database: Addresses, tmp_path: Path, statement: Statement) -> None:
    """F7: it holds the row's lock; the successor KILLs its connection, and what it wakes up with is refused."""
    patient = {"RTPIPE_HEARTBEAT_SECONDS": "120", "RTPIPE_DATABASE_SECONDS": "60"}  # its own supervisor does not end it
    with fault_run(database, tmp_path, partitions=1, env=APART | patient) as run:
        with run.moving():
            before = all_run(run.pipeline)
            held = run.proxy.arm(statement, Do.HOLD_REPLY)
            run.wait_hit(held)
            with frozen(before[f"{run.topic}/0"][1]):
                held.release()
                first, started = run.supervisor, time.monotonic()
                run.supervisor = run.pipeline.supervise("--take-over", env=QUICK)
                run.wait_event("predecessor_killed")
                all_run(run.pipeline, besides=before)
                run.moves_on()
                print(f"successor of a frozen writer commits after {time.monotonic() - started:.1f} s")
            assert first.wait(60) == 79
        assert run.finish() > 0
    assert "E_FENCED" in run.pipeline.log.read_text()


def test_stopped_under_load_again_and_again(stack: Addresses, tmp_path: Path) -> None:
    """F10: every SIGTERM ends clean, and the next start goes on from there."""
    with fault_run(stack, tmp_path) as run:
        with run.pipeline.stream(2_000):
            for _ in range(20):
                all_run(run.pipeline)
                run.moves_on()
                started = time.monotonic()
                run.supervisor.send_signal(signal.SIGTERM)
                assert run.supervisor.wait(30) == 0
                TALLY.hit()
                print(f"drained in {time.monotonic() - started:.2f} s")
                nobody_left(run.pipeline)
                before = generations(run.pipeline)
                run.supervisor = run.pipeline.supervise(env=QUICK)
                all_run(run.pipeline, besides=before)
        assert run.finish() > 0
        run.no_death()


def test_stopped_while_the_database_is_silent(stack: Addresses, tmp_path: Path) -> None:
    """F11: the drain has one deadline, whatever the writers are stuck in; then it says so and exits 75."""
    with fault_run(stack, tmp_path, env={"RTPIPE_DRAIN_SECONDS": "3"}) as run:
        with run.moving():
            with run.proxy.swallowing():
                eventually(lambda: run.proxy.swallowed >= 2, within=60, what="both writers wait for an answer")
                run.supervisor.send_signal(signal.SIGTERM)
                started = time.monotonic()
                assert run.supervisor.wait(30) == 75
                print(f"forced after {time.monotonic() - started:.1f} s")
                nobody_left(run.pipeline)
                assert "E_DRAIN_FORCED 2 partitions after 3 s" in run.wait_event("drain_forced")[0]["msg"]
            before = generations(run.pipeline)
            run.supervisor = run.pipeline.supervise(env=QUICK)
            all_run(run.pipeline, besides=before)
        assert run.finish() > 0


def test_a_worker_that_always_dies_is_quarantined_and_probed(stack: Addresses, tmp_path: Path) -> None:
    """F13: it dies at its claim, each time before it gets anywhere; the others never notice."""
    env = {"RTPIPE_RESTART_BUDGET": "4", "RTPIPE_QUARANTINE_SECONDS": "2", "RTPIPE_DATABASE_SECONDS": "60"}
    with fault_run(stack, tmp_path, env=env) as run:
        with run.moving():
            others = generations(run.pipeline)[f"{run.topic}/1"]
            with row_locked(run, 0):
                seen: set[int] = set()
                while not run.events("worker_quarantined"):
                    for process in consumers(run):
                        if process.pid not in {*seen, others[0]}:
                            seen.add(process.pid)
                            kill(process.pid)
                    run.moves_on()
                assert len(run.events("worker_died")) == 4
                stopped = run.pipeline.offsets(run.topic)[0]
            eventually(lambda: run.pipeline.offsets(run.topic)[0] > stopped, within=60, what="a probe succeeds")
            assert generations(run.pipeline)[f"{run.topic}/1"] == others
        assert run.finish() > 0


def test_a_run_that_is_to_end_does_not_wait_for_a_quarantine(stack: Addresses, tmp_path: Path) -> None:
    """F13: `--until-caught-up` ends with exit 75 instead of waiting for the next probe."""
    env = QUICK | {"RTPIPE_RESTART_BUDGET": "1", "RTPIPE_QUARANTINE_SECONDS": "3600", "RTPIPE_DATABASE_SECONDS": "60"}
    with fault_run(stack, tmp_path, partitions=1) as run:
        run.pipeline.produce(100)
        assert run.finish() == 100
        run.pipeline.produce(100)
        with row_locked(run, 0):
            run.supervisor = run.pipeline.supervise("--until-caught-up", env=env)
            [victim] = eventually(lambda: consumers(run), within=60, what="a consumer that waits for its claim")
            kill(victim.pid)
            assert run.supervisor.wait(60) == 75
        assert "E_QUARANTINED" in run.events("worker_halted")[0]["msg"]


@contextlib.contextmanager
def row_locked(run: FaultRun, partition: int) -> Iterator[None]:
    with contextlib.closing(connect(run.pipeline.addresses.admin_database_url, "bank")) as connection:
        connection.autocommit(False)
        sql = "SELECT * FROM kafka_offsets WHERE topic = %s AND `partition` = %s FOR UPDATE"
        connection.cursor().execute(sql, (run.topic, partition))
        yield
        connection.rollback()


def consumers(run: FaultRun) -> list[psutil.Process]:
    """The forkserver's children: one consumer process for each worker that lives, running or not."""
    found: list[psutil.Process] = []
    for helper in helpers(run.supervisor.pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            found += helper.children()
    return found


CLOCK = """
import os, time
_real = time.time
def _shifted():
    try:
        with open(os.environ["TEST_CLOCK"]) as file:
            return _real() + float(file.read() or 0)
    except OSError:
        return _real()
time.time = _shifted
"""


def test_the_clock_jumps(stack: Addresses, tmp_path: Path) -> None:
    """F15: an hour forth and two back; shifted for every Python process of the run, as `time.time` tells it."""
    shim, clock = tmp_path / "shim", tmp_path / "clock"
    shim.mkdir()
    (shim / "sitecustomize.py").write_text(CLOCK)
    env = {"PYTHONPATH": f"{shim}:{ROOT}", "TEST_CLOCK": str(clock)}
    with fault_run(stack, tmp_path, env=env) as run:
        with run.moving():
            before = all_run(run.pipeline)
            for shift in (3_600, -3_600):
                clock.write_text(str(shift))
                run.moves_on()
                kill(before[f"{run.topic}/0"][1])  # restart delays and budgets run on too
                before = all_run(run.pipeline, besides={f"{run.topic}/0": before[f"{run.topic}/0"]})
                run.moves_on(f"clock shifted by {shift} s")
        assert run.finish() > 0
        assert len(run.events("worker_died")) == 2
        assert not run.events("worker_stuck")
        stamps = [entry["ts"][11:13] for entry in run.events("worker_claimed")]
        assert len(set(stamps)) > 1, "the shim was in force"


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid)


@pytest.mark.parametrize("which", ["forkserver", "resource_tracker"])
def test_a_killed_helper_of_multiprocessing(stack: Addresses, tmp_path: Path, which: str) -> None:
    """F41: the workers go on, a killed one is replaced, and the end is as clean as ever; twice."""
    with fault_run(stack, tmp_path, partitions=2) as run:
        with run.moving():
            for _ in range(2):
                before = all_run(run.pipeline)
                found = helpers(run.supervisor.pid, which)
                kill(max(found, key=psutil.Process.create_time).pid)  # orphaned workers look like their forkserver did
                run.moves_on(f"{which} killed")
                assert generations(run.pipeline) == before
                victim = f"{run.topic}/0"
                kill(before[victim][0])
                all_run(run.pipeline, besides={victim: before[victim]})
        assert run.finish() > 0


def test_killed_supervisors_in_a_row(stack: Addresses, tmp_path: Path) -> None:
    """F6: each time everybody is gone, and the next one needs nothing but the same command."""
    with running_pipeline(stack, tmp_path, partitions=2) as pipeline:
        with pipeline.stream(1_000):
            for _ in range(3):
                before = generations(pipeline)
                started = time.monotonic()
                supervisor = pipeline.supervise(env=QUICK)
                all_run(pipeline, besides=before)
                moves_on(pipeline)
                print(f"a supervisor's start to its first commit: {time.monotonic() - started:.2f} s")
                kill(supervisor.pid)
                supervisor.wait()
                nobody_left(pipeline)
        last = pipeline.supervise("--until-caught-up", env=QUICK)
        assert last.wait(60) == 0
        assert pipeline.assert_exact() > 0
