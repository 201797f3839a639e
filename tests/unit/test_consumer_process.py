"""The consumer's loop with pipes of its own and no Kafka: when a batch is handed over, and what is waited for."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from typing import Any

import pytest

from rtpipe.errors import ExitCode
from tests.support.kafka_messages import message
from tests.support.specs import default_limits, default_spec
from workers import consumer_process
from workers.consumer_process import ConsumerProcess
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Claimed, Committed, Drain, Ended, Position, Progress
from workers.intake.batch_builder import BatchBuilder
from workers.writer_link import WriterEnded

LIMITS = default_limits(batch_rows=3, linger_seconds=0.02)
SPEC = default_spec(PartitionKey("t", 0), topic_id="id", cluster_id="c", limits=LIMITS)


class FakeQueue:
    """Takes every batch, and gives none back."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    def offer(self, batch: Any) -> bool:
        self.taken.append(batch)
        return True

    def depth(self) -> int:
        return 0


class Rig:
    """The process with the far ends of its pipes in our hands."""

    def __init__(self) -> None:
        self.supervisor, near_supervisor = multiprocessing.Pipe()
        self.writer, near_writer = multiprocessing.Pipe()
        self.near = (near_supervisor, near_writer)
        self.queue = FakeQueue()
        queue: Any = self.queue
        self.process: Any = ConsumerProcess(SPEC, near_supervisor, queue, near_writer)
        self.builder = BatchBuilder(LIMITS, 0, -1)

    def gather(self, first: int, count: int, *, old: bool) -> None:
        """Messages that came just now, or longer ago than a batch waits."""
        now = time.monotonic() - (1.0 if old else 0.0)
        for batch in self.builder.add([message(first + at, b"x", None) for at in range(count)], now):
            self.process._ready.append(batch)

    def close(self) -> None:
        for end in (self.supervisor, self.writer, *self.near):
            end.close()
        self.process._links.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()


def test_a_small_batch_waits_until_it_is_old_enough(rig: Rig) -> None:
    rig.gather(0, 1, old=False)
    rig.process._hand_over(rig.builder)
    assert not rig.queue.taken
    assert 0 < rig.process._pause(rig.builder) <= LIMITS.linger_seconds


def test_without_a_message_nothing_but_kafka_is_waited_for(rig: Rig) -> None:
    assert rig.process._pause(rig.builder) == 0


def test_a_small_batch_that_is_due_waits_for_the_writers_word_and_no_poll_spins_meanwhile(rig: Rig) -> None:
    rig.gather(0, 1, old=True)
    rig.process._hand_over(rig.builder)
    rig.gather(1, 1, old=True)
    rig.process._hand_over(rig.builder)
    assert len(rig.queue.taken) == 1
    assert rig.process._pause(rig.builder) > 0
    rig.writer.send(Committed(offset=1, messages=1, rows=1, dead=0, seconds=0.001))
    rig.process._hear(5)
    rig.process._hand_over(rig.builder)
    assert [batch.first for batch in rig.queue.taken] == [0, 1]


def test_a_full_batch_does_not_wait_for_the_writer(rig: Rig) -> None:
    rig.gather(0, 3, old=False)
    rig.process._hand_over(rig.builder)
    rig.gather(3, 3, old=False)
    rig.process._hand_over(rig.builder)
    assert [batch.first for batch in rig.queue.taken] == [0, 3]


def test_a_word_of_the_supervisor_ends_the_wait(rig: Rig) -> None:
    rig.supervisor.send(Drain(1.0))
    rig.process._hear(60)
    assert rig.process._drain is not None


def test_what_commits_cost_makes_small_batches_wait_longer(rig: Rig) -> None:
    for offset in range(50):
        rig.writer.send(Committed(offset=offset + 1, messages=1, rows=1, dead=0, seconds=0.04))
        rig.process._hear(5)
    assert rig.process._linger.seconds > LIMITS.linger_seconds


class QuietTopic:
    """Nothing to read."""

    end_offset = 65
    stored = 0

    def __init__(self, *_: object) -> None:
        pass

    def poll(self, _most: int, _timeout: float) -> tuple[list[Any], None]:
        return [], None

    def refreshed_end(self) -> int:
        return 65


def test_what_was_committed_is_told_before_the_reason_why_no_more_will_be(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_process, "TopicConsumer", QuietTopic)
    for word in (
        Claimed(9, Position(1, 0)),
        Committed(32, 32, 32, 0, 0.1),
        Committed(64, 32, 32, 0, 0.1),
        Ended(ExitCode.BAD_DATA, "E_DATA", "why"),
    ):
        rig.writer.send(word)
    with pytest.raises(WriterEnded):
        rig.process.run()
    told = []
    while rig.supervisor.poll():
        told.append(rig.supervisor.recv())
    last = [word for word in told if isinstance(word, Progress)][-1]
    assert (last.offset, last.rows) == (64, 64)
