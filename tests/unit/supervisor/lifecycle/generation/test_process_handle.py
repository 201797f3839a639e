"""The processes of a generation, as the supervisor holds them: real ones, that do what a test says."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from multiprocessing import connection
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import pytest

from rtpipe.errors import ExitCode
from supervisor.lifecycle.generation import worker_context
from supervisor.lifecycle.generation.process_handle import ProcessHandle
from tests.support.fakes.fake_worker import SPEC
from tests.support.waits import eventually
from workers import launch
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Drain, Ended, Running
from workers.contract.schema_answers import SchemaHalt, Sealed
from workers.contract.stacks_file import StacksFile

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
FORK: Any = multiprocessing.get_context("fork")
ANSWERS = (SchemaHalt(7, Ended(ExitCode.BAD_DATA, "E_X", "why")),)
Main = Callable[[Connection, StacksFile], None]
Start = Callable[[Main], ProcessHandle]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    started: list[ProcessHandle] = []

    def begin(main: Main) -> ProcessHandle:
        def run(_spec: PartitionSpec, supervisor: Connection, stacks: StacksFile) -> None:
            main(supervisor, stacks)

        monkeypatch.setattr(launch, "run", run)
        started.append(ProcessHandle(SPEC, FORK))
        return started[-1]

    yield begin
    for handle in started:
        if not handle.link.closed:
            handle.reap()
        # Reaped by its pidfd, as an orphan is: the module that started it does not know.
        multiprocessing.process._children.discard(handle._process)  # type: ignore[attr-defined]


def waits(supervisor: Connection, _stacks: StacksFile) -> None:
    supervisor.recv()


def obeys(supervisor: Connection, _stacks: StacksFile) -> None:
    order = supervisor.recv()
    supervisor.send(order)
    os._exit(75)


def has_a_writer(supervisor: Connection, stacks: StacksFile) -> None:
    """A consumer with a writer, both of which would stay for ever."""

    ready = FORK.Event()

    def write() -> None:
        stacks.enable("writer")
        ready.set()
        while True:
            time.sleep(60)

    stacks.enable("consumer")
    writer = FORK.Process(target=write)
    writer.start()
    ready.wait()  # a writer that is killed before it can write its stacks leaves none
    supervisor.send(Running(writer.pid, 1, 0))
    while True:
        time.sleep(60)


def knows_writer(handle: ProcessHandle) -> int:
    report = handle.link.recv()
    handle.knows_writer(report)
    eventually(lambda: len(psutil.Process(handle.pid).children()) == 1)
    return int(report.writer_pid)


def died(handle: ProcessHandle) -> bool:
    return bool(connection.wait([handle.death_sign()], 30))


@pytest.mark.parametrize(
    ("send", "order"),
    [
        (lambda handle: handle.drain(7.0), Drain(7.0)),
        (lambda handle: handle.answer(ANSWERS), Sealed.of(ANSWERS)),
    ],
    ids=["drain", "answer"],
)
def test_orders_arrive_and_the_exit_code_comes_back(start: Start, send: Any, order: object) -> None:
    handle = start(obeys)
    send(handle)
    assert died(handle)
    assert handle.link.recv() == order
    assert handle.reap() == 75
    assert handle.stacks() == {}
    assert handle.link.closed


def test_orders_to_a_process_that_is_gone_are_no_trouble(start: Start) -> None:
    handle = start(lambda _supervisor, _stacks: os._exit(0))
    assert died(handle)
    handle.drain(1.0)
    handle.answer(())
    handle.kill()
    handle.abort()
    assert handle.reap() == 0


def test_a_kill_reaches_consumer_and_writer(start: Start) -> None:
    handle = start(has_a_writer)
    writer = psutil.Process(knows_writer(handle))
    assert handle.writer_pid == writer.pid
    handle.kill()
    assert died(handle)
    assert handle.reap() == -signal.SIGKILL
    assert eventually(lambda: gone(writer))


def test_a_writer_that_outlives_its_consumer_is_killed(start: Start) -> None:
    handle = start(has_a_writer)
    writer = psutil.Process(knows_writer(handle))
    os.kill(handle.pid, signal.SIGKILL)
    assert died(handle)
    assert handle.reap() == -signal.SIGKILL
    assert eventually(lambda: gone(writer))


def gone(process: psutil.Process) -> bool:
    """Not there any more, or dead and not collected by whoever adopts orphans here."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_who_is_aborted_leaves_stacks(start: Start) -> None:
    handle = start(has_a_writer)
    knows_writer(handle)
    handle.abort()
    assert died(handle)
    assert handle.reap() == -signal.SIGABRT
    assert "in has_a_writer" in handle.stacks()["consumer"]


def test_a_writer_that_gets_the_processor_after_its_consumer_died_leaves_stacks_too(start: Start) -> None:
    handle = start(has_a_writer)
    writer = knows_writer(handle)
    os.kill(writer, signal.SIGSTOP)  # as on a machine that has no time for it
    handle.abort()
    assert died(handle)
    wakes = threading.Timer(0.2, os.kill, (writer, signal.SIGCONT))
    wakes.start()
    handle.reap()
    wakes.join()
    assert "in write" in handle.stacks()["writer"]


def test_a_writer_that_is_gone_before_it_is_known(start: Start) -> None:
    handle = start(waits)
    dead = FORK.Process(target=os._exit, args=(0,))
    dead.start()
    dead.join()
    handle.knows_writer(Running(dead.pid, 1, 0))
    handle.kill()
    assert handle.reap() == -signal.SIGKILL


def test_the_code_of_a_worker_whose_forkserver_was_killed_is_not_known(start: Start) -> None:
    handle = start(lambda _supervisor, _stacks: os._exit(255))
    assert died(handle)
    assert handle.reap() is None


@pytest.mark.parametrize("fails", ["start", "pidfd"])
def test_a_start_that_fails_leaves_no_file_open(monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    """Its end of the pipe is one of them: a process that was started nevertheless ends by that."""
    before = len(list(Path("/proc/self/fd").iterdir()))

    class Fails:
        pid = os.getpid()

        def Pipe(self, *, duplex: bool) -> Any:  # noqa: N802
            return multiprocessing.Pipe(duplex)

        def Process(self, **_: object) -> Any:  # noqa: N802
            return self

        def start(self) -> None:
            if fails == "start":
                raise EOFError("the forkserver was killed")

    def no_more_files(_pid: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", no_more_files)
    context: Any = Fails()
    with pytest.raises((EOFError, OSError)):
        ProcessHandle(SPEC, context)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


class TestTheForkserver:
    def test_one_that_is_frozen_over_a_start_is_killed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        frozen = FORK.Process(target=time.sleep, args=(60,))
        frozen.start()
        monkeypatch.setattr("multiprocessing.forkserver._forkserver._forkserver_pid", frozen.pid)
        with worker_context.bounded_start(0.01):
            frozen.join(30)
        assert frozen.exitcode == -signal.SIGKILL
        worker_context._kill_forkserver()  # again: it is gone by now
        monkeypatch.setattr("multiprocessing.forkserver._forkserver._forkserver_pid", None)
        worker_context._kill_forkserver()

    def test_a_start_in_time_leaves_it_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        kept = FORK.Process(target=time.sleep, args=(60,))
        kept.start()
        monkeypatch.setattr("multiprocessing.forkserver._forkserver._forkserver_pid", kept.pid)
        with worker_context.bounded_start(60):
            pass
        assert kept.is_alive()
        kept.kill()
        kept.join()

    def test_workers_get_none_of_the_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        started: list[str] = []
        monkeypatch.setenv("RTPIPE_DATABASE_URL", "mysql://secret")
        monkeypatch.setenv("RTPIPE_DEBUG", "1")
        monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
        monkeypatch.setattr("multiprocessing.forkserver.ensure_running", lambda: started.append("yes"))
        monkeypatch.setattr(multiprocessing.get_context("forkserver"), "set_forkserver_preload", started.append)
        worker_context.start_forkserver()
        assert started == [["workers.preload"], "yes"]
        assert "RTPIPE_DATABASE_URL" not in os.environ
        assert os.environ["RTPIPE_DEBUG"] == "1"
