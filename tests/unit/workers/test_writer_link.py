"""How a consumer hears of its writer's end, with writers that really end in each way."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import pytest

from rtpipe.errors import ExitCode
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Drain, Ended
from workers.contract.schema_answers import Sealed
from workers.intake.batch_queue import FORK
from workers.writer_link import WriterDied, WriterEnded, WriterLink, end_with_writer

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
KEY = PartitionKey("orders", 0)


def dies_of(number: int) -> Callable[[Connection], None]:
    def main(_link: Connection) -> None:
        faulthandler.disable()  # of pytest, which would write to its own log
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    return main


def exits_with(code: int) -> Callable[[Connection], None]:
    return lambda _link: os._exit(code)


def says_why(link: Connection) -> None:
    link.send(Ended(ExitCode.BAD_DATA, "E_DATA", "orders/0: why"))
    link.recv()  # still there when the consumer hears of it


@pytest.fixture
def started() -> Iterator[Callable[[Callable[[Connection], None]], tuple[WriterLink, Any]]]:
    running = []

    def start(main: Callable[[Connection], None]) -> tuple[WriterLink, Any]:
        near, far = FORK.Pipe()
        process = FORK.Process(target=main, args=(far,))
        process.start()
        far.close()
        running.append((process, near))
        return WriterLink(KEY, near), process

    yield start
    for process, near in running:
        near.close()
        process.kill()
        process.join()
        process.close()


@pytest.mark.parametrize(
    ("main", "code", "words"),
    [
        (dies_of(signal.SIGKILL), -9, "orders/0: the writer was killed by SIGKILL (out of memory?)"),
        (dies_of(signal.SIGSEGV), -11, "orders/0: the writer was killed by SIGSEGV (a crash in native code)"),
        (dies_of(signal.SIGTERM), -15, "orders/0: the writer was killed by SIGTERM"),
        (exits_with(3), 3, "orders/0: the writer ended with exit code 3 (DIFFERENT)"),
    ],
    ids=["SIGKILL", "SIGSEGV", "SIGTERM", "exit"],
)
def test_a_writer_that_dies_is_reported_with_its_signal_or_exit_code(
    started: Any, main: Callable[[Connection], None], code: int, words: str
) -> None:
    link, process = started(main)
    with pytest.raises(WriterDied) as caught:
        link.recv()
    ended = end_with_writer(KEY, caught.value, process)
    assert (ended.code, ended.name, ended.text) == (ExitCode.FAILED, "E_WORKER_DIED", words)
    assert ended.death is not None
    assert (ended.death.process, ended.death.exit_code, ended.death.pid) == ("writer", code, process.pid)


def test_a_writer_that_says_why_it_leaves_is_reported_with_that(started: Any) -> None:
    link, process = started(says_why)
    with pytest.raises(WriterEnded) as caught:
        link.recv()
    ended = end_with_writer(KEY, caught.value, process)
    assert (ended.code, ended.name, ended.text) == (ExitCode.BAD_DATA, "E_DATA", "orders/0: why")
    assert ended.death is not None
    assert ended.death.exit_code == 65


def test_an_order_to_a_writer_that_died_leaves_the_verdict_to_the_next_report() -> None:
    """A broken pipe to the writer was taken for the end of the supervisor."""
    near, far = multiprocessing.Pipe()
    far.close()
    link = WriterLink(KEY, near)
    link.send(Drain(0))
    with pytest.raises(WriterDied):
        link.recv()
    near.close()


def test_an_order_to_a_writer_that_has_just_said_its_last_word_does_not_hide_that_word() -> None:
    """An answer that came while a drained writer left made a clean drain one that failed."""
    near, far = multiprocessing.Pipe()
    far.send(Ended(ExitCode.DONE, "", ""))
    far.close()
    link = WriterLink(KEY, near)
    link.send(Sealed.of(()))
    with pytest.raises(WriterEnded) as caught:
        link.recv()
    assert caught.value.ended.code == ExitCode.DONE
    near.close()
