"""The writer's loop and every end of its process, with a ledger and a table that are fakes."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from rtpipe.errors import ExitCode
from tests.support.samples.batches import batch_of
from tests.support.samples.specs import default_spec
from workers import writer_process
from workers.commit.table_writer import Written
from workers.contract.batch_figures import PhaseSeconds
from workers.contract.errors import DataError, Fenced, LostParent
from workers.contract.logged import Logged
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Alive, Claimed, Committed, Ended, Position, ServerSeen, Warned
from workers.event_relay import EventRelay
from workers.rows.schema_source import Drained

KEY = PartitionKey("orders", 0)
POSITION = Position(3, 5)
SERVER = ServerSeen("9.7.4", 0.001)
PHASES = PhaseSeconds(0.1, 0.2, 0.3, 0.4)


class Left(Exception):  # noqa: N818 - what `os._exit` is here
    """The process would be gone with this code."""


class Queue:
    """Gives what a test laid in: a batch, None at the end of the stream, or an exception that is raised."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.serves = False
        self.seconds = 0.0  #: that each item takes to come
        self.waited: list[float] = []
        self.now = 0.0

    def serve_writer(self) -> None:
        self.serves = True

    def take(self, timeout: float) -> Any:
        self.now += self.seconds
        self.waited.append(timeout)
        item = self.items.pop(0)
        if isinstance(item, Exception):
            raise item
        return item


class Process:
    """`main` with ledger, owner, encoder and table taken out, and all that would change the tests' own process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.queue = Queue()
        self.consumer, self.near = multiprocessing.Pipe()
        self.done: list[str] = []
        self.claims: Position | Exception = POSITION
        self.writes: Exception | None = None  #: what a write raises after what it wrote
        self.parts = 1
        self.key_warning: str | None = None
        self.connection = self
        self.server_seen, self.reconnects = SERVER, 2
        self.phases: list[str] = []
        self.signals: dict[int, Any] = {}
        fakes = {name: getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIG_IGN")}
        replaced: dict[str, Any] = {
            "signal": SimpleNamespace(signal=self.signals.__setitem__, **fakes),
            "os": SimpleNamespace(getpid=os.getpid, _exit=self.leave),
            "time": SimpleNamespace(monotonic=lambda: self.queue.now, process_time=lambda: self.queue.now / 4),
            "memory": SimpleNamespace(give_back=lambda: self.done.append("memory given back")),
            "choice": SimpleNamespace(give_back=lambda: self.done.append("polars' memory given back")),
            "leave_with_parent": lambda _grace: self.done.append("heeds its parent"),
            "OffsetLedger": lambda *_, **__: self,
            "PartitionOwner": lambda *_: self,
            "BatchEncoder": lambda *_, **__: self,
            "TableWriter": lambda *_: self,
            "PhaseClock": lambda: SimpleNamespace(enter=self.phases.append, taken=lambda: PHASES),
        }
        for name, fake in replaced.items():
            monkeypatch.setattr(writer_process, name, fake)

    # what main's parts are asked

    def enable(self, process: str) -> None:
        self.done.append(f"stacks of the {process}")

    def claim(self) -> Position:
        if isinstance(self.claims, Exception):
            raise self.claims
        return self.claims

    def check(self) -> None:
        self.done.append("ownership checked")

    def check_at_rest(self) -> None:
        self.done.append("ownership looked at")

    def disconnect(self) -> None:
        self.done.append("disconnected")

    def write(self, batch: Any) -> Iterator[Written]:
        for part in range(self.parts):
            stop = batch.next_offset if part == self.parts - 1 else batch.first + 1
            yield Written(stop, 2, 1, Counter(E_VALUE=1), 4)
        if self.writes is not None:
            raise self.writes

    @staticmethod
    def leave(code: int) -> None:
        raise Left(code)

    # what a test asks

    def code(self, *items: Any) -> int:
        """What it leaves with after these items of the queue."""
        self.queue.items = list(items)
        batches: Any = self.queue
        stacks: Any = self
        with pytest.raises(Left) as left:
            writer_process.main(default_spec(KEY), batches, self.near, stacks)
        return int(left.value.args[0])

    def heard(self) -> list[Any]:
        words = []
        while True:
            try:
                word = self.consumer.recv()
                words.append(word.event if isinstance(word, Logged) else word)
            except EOFError:
                return words


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    made = Process(monkeypatch)
    yield made
    made.consumer.close()
    made.near.close()
    log = logging.getLogger("rtpipe")
    for relay in [one for one in log.handlers if isinstance(one, EventRelay)]:
        log.removeHandler(relay)


DONE = Ended(ExitCode.DONE, "", "")
BATCH = batch_of([b"x", b"y"], [5, 6])


def test_it_claims_commits_and_leaves_at_the_end_of_the_stream(process: Process) -> None:
    assert process.code(BATCH, None) == 0
    assert process.heard() == [
        Claimed(os.getpid(), POSITION, SERVER),
        Committed(7, 2, 1, 1, 0.0, 0.0, 4, reasons={"E_VALUE": 1}, phases=PHASES, reconnects=2),
        "values_altered",
        "dead_letters",
        DONE,
    ]
    assert process.done == ["stacks of the writer", "heeds its parent", "disconnected"]
    assert process.queue.serves
    assert process.signals == {signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: signal.SIG_IGN}


def test_a_batch_in_two_transactions_is_told_as_two_and_ends_with_the_second(process: Process) -> None:
    process.parts = 2
    process.code(BATCH, None)
    told = [(word.offset, word.ends_batch) for word in process.heard() if isinstance(word, Committed)]
    assert told == [(6, False), (7, True)]


def test_a_key_that_warns_is_told_once_until_it_says_something_else(process: Process) -> None:
    process.key_warning = "W_KEY"
    process.parts = 2
    process.code(BATCH, BATCH, None)
    assert [word.text for word in process.heard() if isinstance(word, Warned)] == ["W_KEY"]


def test_idle_it_gives_signs_of_life_its_memory_back_once_and_looks_at_its_ownership(process: Process) -> None:
    empty = queue.Empty()
    process.queue.seconds = 6.0
    assert process.code(empty, empty, empty, empty, None) == 0
    assert process.heard().count(Alive()) == 4
    assert process.done.count("memory given back") == process.done.count("polars' memory given back") == 1
    assert process.done.count("ownership looked at") == 1
    assert process.done.count("ownership checked") == 0, "the tables are looked at when there is a batch for them"
    assert process.queue.waited[0] < process.queue.waited[-1], "at rest it wakes up more rarely"


@pytest.mark.parametrize(("seconds", "looks"), [(6.0, 0), (12.0, 1), (60.0, 1)])
def test_the_first_batch_after_a_rest_is_written_on_a_fresh_look(process: Process, seconds: float, looks: int) -> None:
    process.queue.seconds = seconds
    process.writes = DataError("orders/0 offset 7: why")  # whatever follows, the look was before it
    process.code(BATCH)
    assert process.done.count("ownership checked") == looks


def test_dead_letters_are_told_though_the_writer_leaves_within_the_ten_seconds(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    process.writes = DataError("orders/0 offset 7: why")
    process.code(BATCH)
    assert "W_DEAD_LETTERS orders/0: 1 E_VALUE" in caplog.messages


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (DataError("why", hint="do"), Ended(ExitCode.BAD_DATA, "E_DATA", "why (do)")),
        (Fenced("why"), Ended(ExitCode.FENCED, "E_FENCED", "why")),
        (LostParent("why"), Ended(ExitCode.TEMPORARY, "E_LOST_PARENT", "why")),
        (Drained(), DONE),
        (EOFError(), Ended(ExitCode.TEMPORARY, "E_LOST_PARENT", "the consumer process died")),
        (BrokenPipeError(), Ended(ExitCode.TEMPORARY, "E_LOST_PARENT", "the consumer process died")),
        (KeyError("secret"), Ended(ExitCode.FAILED, "E_FAILED", "orders/0: KeyError")),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("when", ["claim", "take", "write"])
def test_every_end_is_told_and_is_the_exit_code(process: Process, when: str, error: Exception, ended: Ended) -> None:
    if when == "claim":
        process.claims = error
        code = process.code()
    elif when == "take":
        code = process.code(error)
    else:
        process.writes = error
        code = process.code(BATCH)
    assert (code, process.heard()[-1]) == (ended.code, ended)


def test_an_end_that_nobody_hears_is_an_end(process: Process) -> None:
    process.consumer.close()
    assert process.code(BATCH, None) == ExitCode.TEMPORARY


def test_a_long_batch_gives_a_sign_of_life_once_a_second(process: Process) -> None:
    alive = writer_process.SignOfLife(process.near)
    for now in (10.0, 10.5, 11.0, 11.9):
        process.queue.now = now
        alive.give()
    process.near.close()
    assert process.heard() == [Alive(), Alive()]
