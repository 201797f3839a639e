"""Small things that every process of a worker does: heed its parent, give memory back, die where a test says."""

from __future__ import annotations

import ctypes
import gc
import importlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rtpipe.errors import ExitCode
from tests.support.samples.specs import default_spec
from tests.support.waits import eventually
from workers import consumer_process, kill_points, launch, memory, parent_watch
from workers.contract.partition_spec import PartitionKey
from workers.intake.batch_queue import FORK


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    kill_points.arm("")


def test_a_process_dies_where_a_test_says_and_nowhere_else() -> None:
    def spots() -> None:
        kill_points.arm("writer:begin")
        kill_points.reach("consumer:after_poll")
        kill_points.reach("writer:begin")
        os._exit(0)

    process = FORK.Process(target=spots)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def test_what_is_not_armed_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    fake = SimpleNamespace(kill=lambda _pid, number: killed.append(number), getpid=os.getpid)
    monkeypatch.setattr(kill_points, "os", fake)
    kill_points.reach("writer:begin")
    kill_points.arm("writer:begin")
    kill_points.reach("writer:cas_done")
    assert killed == []
    kill_points.reach("writer:begin")
    assert killed == [signal.SIGKILL]


def test_a_process_hangs_where_a_test_says() -> None:
    near, far = multiprocessing.Pipe()

    def spots() -> None:
        kill_points.arm("writer:begin=hang")
        far.send("armed")
        kill_points.reach("writer:begin")
        os._exit(0)  # never

    process = FORK.Process(target=spots)
    process.start()
    assert near.recv() == "armed"
    os.kill(process.pid or 0, signal.SIGUSR2)  # which nobody handles here
    process.join(60)
    assert process.exitcode == -signal.SIGUSR2
    near.close()
    far.close()


def test_a_process_ends_with_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    near, far = multiprocessing.Pipe()
    parent = SimpleNamespace(sentinel=near)
    monkeypatch.setattr(parent_watch, "multiprocessing", SimpleNamespace(parent_process=lambda: parent))
    monkeypatch.setattr(parent_watch, "os", SimpleNamespace(_exit=ended.append))
    before = threading.active_count()
    parent_watch.leave_with_parent(0.01)
    assert (threading.active_count(), ended) == (before + 1, [])
    far.close()  # as a parent's death does
    assert eventually(lambda: ended) == [ExitCode.TEMPORARY]
    eventually(lambda: threading.active_count() == before)
    near.close()


def test_only_a_child_has_a_parent_to_watch() -> None:
    with pytest.raises(RuntimeError, match="only a multiprocessing child"):
        parent_watch.leave_with_parent(1)


@pytest.mark.parametrize("library", ["glibc", "another"])
def test_memory_goes_back_to_the_system_where_the_library_can_do_it(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    called: list[tuple[str, tuple[int, ...]]] = []
    glibc = SimpleNamespace(
        mallopt=lambda *values: called.append(("mallopt", values)),
        malloc_trim=lambda *values: called.append(("malloc_trim", values)),
    )
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: glibc if library == "glibc" else SimpleNamespace())
    memory.keep_blocks()
    memory.give_back()
    assert [name for name, _ in called] == (["mallopt", "mallopt", "malloc_trim"] if library == "glibc" else [])


def test_the_door_leads_to_the_consumer_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[Any, ...]] = []
    monkeypatch.setattr(consumer_process, "main", lambda *order: ran.append(order))
    spec, link, stacks = default_spec(PartitionKey("orders", 0)), object(), object()
    launch.run(spec, link, stacks)  # type: ignore[arg-type]
    assert ran == [(spec, link, stacks)]


def test_the_preload_warms_up_and_leaves_no_thread_and_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are forked from there: a thread or a connection would be theirs, too."""
    frozen: list[bool] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(True))
    before = open_files(), threading.active_count()
    monkeypatch.delitem(sys.modules, "workers.preload", raising=False)
    importlib.import_module("workers.preload")
    monkeypatch.delitem(sys.modules, "workers.preload")
    assert frozen == [True]
    assert (open_files(), threading.active_count()) == before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
