"""The consumer's loop with pipes of its own and no Kafka: when a batch is handed over, and what is waited for."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from rtpipe.deadline import Deadline
from rtpipe.errors import ExitCode
from tests.support.fakes.intake import NEVER_OLD, MemoryQueue, MemoryTopic
from tests.support.samples.kafka_messages import message
from tests.support.samples.specs import default_spec
from workers import consumer_process, writer_process
from workers.consumer_process import ConsumerProcess
from workers.contract.errors import SetupError
from workers.contract.logged import Logged, logged
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import (
    DRAIN_FORCED,
    Alive,
    Claimed,
    Committed,
    Drain,
    Ended,
    Pace,
    Position,
    Progress,
    Running,
    SchemaWanted,
)
from workers.contract.schema_answers import Sealed
from workers.event_relay import EventRelay
from workers.writer_link import WriterDied, WriterEnded

SPEC = default_spec(PartitionKey("t", 0), topic_id="id", cluster_id="c", limits=NEVER_OLD)


class Rig:
    """The process with the far ends of its pipes in our hands."""

    def __init__(self) -> None:
        self.supervisor, near_supervisor = multiprocessing.Pipe()
        self.writer, near_writer = multiprocessing.Pipe()
        self.near = (near_supervisor, near_writer)
        self.queue = MemoryQueue()
        self.events = EventRelay()
        queue: Any = self.queue
        self.process: Any = ConsumerProcess(SPEC, near_supervisor, queue, near_writer, self.events)

    def close(self) -> None:
        for end in (self.supervisor, self.writer, *self.near):
            end.close()
        self.process._links.close()


def record(event: str) -> logging.LogRecord:
    made = logging.LogRecord("rtpipe.writer", logging.WARNING, "", 0, "text", (), None)
    made.__dict__ |= {"event": event, "partition": str(SPEC.key)}
    return made


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()


def test_a_pace_holds_before_the_claim_and_after_it(rig: Rig) -> None:
    rig.supervisor.send(Pace(7.0))
    rig.process._hear(60)
    assert rig.process._pace.allowed(100, time.monotonic()) < 7


def test_a_word_of_the_supervisor_ends_the_wait(rig: Rig) -> None:
    rig.supervisor.send(Drain(1.0))
    rig.process._hear(60)
    assert rig.process._drain is not None


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> MemoryTopic:
    made = MemoryTopic()
    monkeypatch.setattr(consumer_process, "TopicConsumer", lambda *_: made)
    return made


CLAIMED = Claimed(9, Position(1, 0))


class Turns:
    """A deadline that is over after so many turns of the loop, however long they take."""

    def __init__(self, count: int) -> None:
        self.left = count

    def passed(self) -> bool:
        self.left -= 1
        return self.left < 0


def told(rig: Rig) -> list[Any]:
    """What the supervisor has heard, but for signs of life."""
    words = []
    while rig.supervisor.poll():
        words.append(rig.supervisor.recv())
    return [word for word in words if not isinstance(word, Alive)]


def test_a_drain_before_the_claim_ends_at_once(rig: Rig) -> None:
    rig.supervisor.send(Drain(5.0))
    assert rig.process.run() == Ended(ExitCode.DONE, "", "")
    assert not rig.process.claimed


def test_what_was_read_is_handed_over_and_a_drain_ends_with_the_writers_last_word(rig: Rig, topic: MemoryTopic) -> None:
    topic.polls = [([message(offset, b"x", 4) for offset in range(4)], None), ([message(4, b"x", 4)], 9)]
    rig.writer.send(CLAIMED)
    done = Ended(ExitCode.DONE, "", "")

    def offer(batch: Any) -> bool:
        rig.queue.taken.append(batch)
        if batch is None:  # the end of the stream: the writer commits what it has, and leaves
            rig.writer.send(Committed(9, 5, 5, 0, 0.01, 0.0))
            rig.writer.send(done)
        return True

    def poll(_most: int, timeout: float) -> tuple[list[Any], int | None]:
        if len(topic.polls) == 1:
            rig.supervisor.send(Drain(60.0))
        return topic.polls.pop(0)

    rig.queue.offer, topic.poll = offer, poll  # type: ignore[method-assign]
    with pytest.raises(WriterEnded) as left:
        rig.process.run()
    assert left.value.ended == done
    *batches, end = rig.queue.taken
    assert [offset for batch in batches for offset in batch.offsets] == [0, 1, 2, 3, 4]
    assert (batches[-1].next_offset, end, topic.closed) == (9, None, True)
    heard = told(rig)
    assert heard[0] == Running(9, 1, 0)
    assert (heard[-1].offset, heard[-1].rows) == (9, 5)


def test_a_drain_that_comes_to_its_deadline_says_so_and_what_was_committed(rig: Rig, topic: MemoryTopic) -> None:
    for word in (CLAIMED, Committed(32, 32, 32, 0, 0.1, 0.0)):
        rig.writer.send(word)
    rig.process.on_sigterm(15, None)
    rig.process._drain = Turns(1)
    rig.process._hear(5)
    rig.process._hear(5)
    ended = rig.process.run()
    assert (ended.code, ended.name) == (ExitCode.TEMPORARY, DRAIN_FORCED)
    assert told(rig)[-1].offset == 32


def test_in_a_drain_a_writer_that_waits_for_a_schema_is_told_to_leave(rig: Rig, topic: MemoryTopic) -> None:
    for word in (CLAIMED, SchemaWanted(7)):
        rig.writer.send(word)
    rig.process._hear(5)
    rig.process._hear(5)
    rig.process._drain = Turns(1)
    rig.process.run()
    assert rig.writer.recv() == Drain(0)


def test_a_signal_drains_and_does_not_lengthen_a_drain(rig: Rig) -> None:
    rig.process.on_sigterm(15, None)
    first = rig.process._drain
    rig.process.on_sigterm(15, None)
    assert rig.process._drain is first
    assert not first.passed()


def test_an_answer_goes_to_the_writer(rig: Rig) -> None:
    rig.supervisor.send(Sealed(b"schema"))
    rig.process._hear(5)
    assert rig.writer.recv() == Sealed(b"schema")


@pytest.mark.parametrize("why", ["said", "killed"])
@pytest.mark.parametrize("draining", [False, True])
def test_what_was_committed_is_told_before_the_reason_why_no_more_will_be(
    rig: Rig, topic: MemoryTopic, why: str, draining: bool
) -> None:
    for word in (CLAIMED, Committed(32, 32, 32, 0, 0.1, 0.0), Committed(64, 32, 32, 0, 0.1, 0.0)):
        rig.writer.send(word)
    if why == "said":
        rig.writer.send(Ended(ExitCode.BAD_DATA, "E_DATA", "why"))
    else:
        rig.writer.close()
    if draining:
        rig.process._hear(5)
        rig.process._drain = Deadline.after(60)
    with pytest.raises(WriterEnded if why == "said" else WriterDied):
        rig.process.run()
    last = [word for word in told(rig) if isinstance(word, Progress)][-1]
    assert (last.offset, last.rows) == (64, 64)


def test_a_supervisor_that_is_gone_ends_it(rig: Rig, topic: MemoryTopic) -> None:
    rig.writer.send(CLAIMED)
    rig.supervisor.close()
    with pytest.raises((EOFError, ConnectionError)):
        rig.process.run()


# -- main ------------------------------------------------------------------------------------------------------------


class Writer:
    """The writer's process: lives until it is killed, or waited for."""

    def __init__(self, *, target: Any, args: tuple[Any, ...], name: str) -> None:
        self.target, self.args, self.name = target, args, name
        self.events: list[str] = []
        self.pid, self.exitcode = 17, -9

    def start(self) -> None:
        self.events.append("start")

    def is_alive(self) -> bool:
        return True

    def kill(self) -> None:
        self.events.append("kill")

    def join(self, _timeout: float | None = None) -> None:
        self.events.append("join")


class Main:
    """`main` with everything that would change this process taken out; `ends` is how the loop ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ends: Exception | Ended = Ended(ExitCode.DONE, "", "")
        self.claimed = True
        self.writers: list[Writer] = []
        self.done: list[str] = []
        self.supervisor, self.near = multiprocessing.Pipe()
        for name in ("log_to_stderr", "leave_with_parent"):
            monkeypatch.setattr(consumer_process, name, lambda *_, name=name: self.done.append(name))
        monkeypatch.setattr(consumer_process, "gc", SimpleNamespace(freeze=lambda: None))
        self.signals: dict[int, Any] = {}
        fakes = {name: getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIG_IGN")}
        monkeypatch.setattr(consumer_process, "signal", SimpleNamespace(signal=self.signals.__setitem__, **fakes))
        monkeypatch.setattr(
            consumer_process, "FORK", SimpleNamespace(Process=self.make_writer, Pipe=multiprocessing.Pipe)
        )
        monkeypatch.setattr(consumer_process, "ConsumerProcess", lambda *_: self)

    def make_writer(self, **order: Any) -> Writer:
        self.writers.append(Writer(**order))
        return self.writers[-1]

    def enable(self, process: str) -> None:
        """The file of stacks, too."""
        self.done.append(f"stacks of the {process}")

    def on_sigterm(self, *_: object) -> None:
        """The loop's."""

    def run(self) -> Ended:
        if isinstance(self.ends, Exception):
            raise self.ends
        return self.ends

    def code(self) -> int:
        """What `main` leaves with; the writer is joined in any case."""
        with pytest.raises(SystemExit) as left:
            consumer_process.main(SPEC, self.near, self)  # type: ignore[arg-type]
        assert self.writers[0].events[0] == "start"
        assert self.writers[0].events[-1] == "join"
        return int(left.value.code or 0)


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[Main]:
    made = Main(monkeypatch)
    yield made
    made.supervisor.close()
    made.near.close()
    for writer in made.writers:
        writer.args[2].close()
    log = logging.getLogger("rtpipe")
    for relay in [one for one in log.handlers if isinstance(one, EventRelay)]:
        log.removeHandler(relay)


LAST = Ended(ExitCode.BAD_DATA, "E_DATA", "t/0 offset 5: why", lasting=True)


@pytest.mark.parametrize(
    ("ends", "word"),
    [
        (WriterEnded(LAST), LAST),
        (WriterDied("why"), Ended(ExitCode.FAILED, "E_WORKER_DIED", "t/0: the writer was killed by SIGKILL")),
        (SetupError("no topic", hint="make it"), Ended(ExitCode.BAD_SETUP, "E_CONFIG", "no topic (make it)")),
        (EOFError(), Ended(ExitCode.TEMPORARY, "E_LOST_PARENT", "the supervisor is gone")),
        (BrokenPipeError(), Ended(ExitCode.TEMPORARY, "E_LOST_PARENT", "the supervisor is gone")),
        (KeyError("secret"), Ended(ExitCode.FAILED, "E_FAILED", "t/0: KeyError")),
        (Ended(ExitCode.TEMPORARY, DRAIN_FORCED, "late"), Ended(ExitCode.TEMPORARY, DRAIN_FORCED, "late")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_end_is_told_and_is_the_exit_code_and_no_writer_outlives_it(
    process: Main, ends: Any, word: Ended
) -> None:
    process.ends = ends
    assert process.code() == word.code
    said = process.supervisor.recv()
    if isinstance(said, Logged):  # the log of what nobody expected
        assert said.event == "consumer_failed"
        said = process.supervisor.recv()
    assert (said.code, said.name, said.lasting) == (word.code, word.name, word.lasting)
    assert said.text.startswith(word.text)
    assert "kill" in process.writers[0].events


@pytest.mark.parametrize(("claimed", "events"), [(True, ["start", "join"]), (False, ["start", "kill", "join"])])
def test_after_a_drain_a_writer_ends_by_itself_unless_it_never_claimed(
    process: Main, claimed: bool, events: list[str]
) -> None:
    process.claimed = claimed
    assert process.code() == 0
    assert process.supervisor.recv() == Ended(ExitCode.DONE, "", "")
    assert process.writers[0].events == events


def test_an_end_that_nobody_hears_is_an_end(process: Main) -> None:
    process.supervisor.close()
    process.ends = EOFError()
    assert process.code() == ExitCode.TEMPORARY


def test_the_writer_is_forked_with_its_order_and_the_process_heeds_its_parent_and_sigterm(process: Main) -> None:
    process.code()
    [writer] = process.writers
    assert (writer.target, writer.args[0], writer.name) == (writer_process.main, SPEC, "writer t/0")
    assert process.done == ["log_to_stderr", "stacks of the consumer", "leave_with_parent"]
    assert process.signals == {signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: process.on_sigterm}


def test_events_of_its_own_log_and_of_its_writers_are_told(rig: Rig) -> None:
    rig.events.emit(record("backpressure_activated"))
    rig.events.emit(logging.LogRecord("rtpipe.x", logging.INFO, "", 0, "nameless", (), None))
    rig.process._give_sign_of_life()
    rig.writer.send(logged(record("dead_letters")))
    rig.process._hear_writer()
    told = []
    while rig.supervisor.poll():
        told.append(rig.supervisor.recv())
    assert [(one.event, one.partition) for one in told if isinstance(one, Logged)] == [
        ("backpressure_activated", str(SPEC.key)),
        ("dead_letters", str(SPEC.key)),
    ]


def test_more_events_than_anybody_takes_are_the_newest() -> None:
    relay = EventRelay.attached()
    again = EventRelay.attached()  # a forked child's own
    handlers = logging.getLogger("rtpipe").handlers
    try:
        assert again in handlers
        assert relay not in handlers
    finally:
        logging.getLogger("rtpipe").removeHandler(again)
    for number in range(150):
        again.emit(record(f"event_{number}"))
    assert [one.event for one in again.take()] == [f"event_{number}" for number in range(50, 150)]
    assert again.take() == []
