"""What processes that crash leave behind: each its own stacks, whole, and nothing in the log that all share."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from workers.contract.stacks_file import StacksFile

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def stacks() -> Iterator[StacksFile]:
    made = StacksFile()
    yield made
    made.close()


def spins_here(stacks: StacksFile, who: Literal["consumer", "writer"], ready: Any) -> None:
    stacks.enable(who)
    ready.release()
    while True:
        time.sleep(60)


def test_processes_that_are_aborted_at_the_same_time_do_not_mix_their_stacks(
    stacks: StacksFile, capfd: pytest.CaptureFixture[str]
) -> None:
    ready = FORK.Semaphore(0)
    names: list[Literal["consumer", "writer"]] = ["consumer", "writer"]
    processes = [FORK.Process(target=spins_here, args=(stacks, name, ready)) for name in names]
    for process in processes:
        process.start()
    for _ in processes:
        assert ready.acquire(timeout=30)
    for process in processes:
        os.kill(process.pid or 0, signal.SIGABRT)
    for process in processes:
        process.join(30)
        assert process.exitcode == -signal.SIGABRT
        process.close()
    found = stacks.read()
    assert found.keys() == {"consumer", "writer"}
    for text in found.values():
        assert text.startswith("Fatal Python error: Aborted")
        assert text.count("Fatal Python error") == 1
        assert "in spins_here" in text
    assert capfd.readouterr().err == ""


def test_nobody_who_ends_well_leaves_stacks(stacks: StacksFile) -> None:
    process = FORK.Process(target=StacksFile.enable, args=(stacks, "writer"))
    process.start()
    process.join(30)
    process.close()
    assert stacks.read() == {}


def test_a_text_that_is_cut_says_so(stacks: StacksFile) -> None:
    file = os.open(f"/proc/self/fd/{stacks._file}", os.O_WRONLY)
    os.write(file, b"File x, line 1\n" * 10_000)
    os.close(file)
    text = stacks.read()["consumer"]
    assert text.startswith("File x, line 1\nFile x")
    assert text.endswith("(cut here: there is more)")
