"""When a batch is read and handed over, and what is waited for; no Kafka, no writer."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.fakes.intake import NEVER_OLD, MemoryQueue, MemoryTopic
from tests.support.samples.kafka_messages import message
from tests.support.samples.specs import default_limits, default_spec
from workers import memory
from workers.contract.partition_spec import Limits, PartitionKey
from workers.contract.reports import Committed
from workers.intake.batch_builder import BatchBuilder
from workers.intake.batch_rows import BatchRows
from workers.intake.linger import Linger
from workers.intake.partition_reader import PartitionReader
from workers.intake.row_pace import RowPace
from workers.intake.writer_progress import WriterProgress


class Rig:
    """A reader with both its ends in our hands."""

    def __init__(self, limits: Limits = NEVER_OLD) -> None:
        self.topic, self.queue = MemoryTopic(), MemoryQueue()
        self.builder = BatchBuilder(limits, 0, -1)
        self.progress = WriterProgress(Linger(limits.linger_seconds, limits.cpu_share), BatchRows(limits.batch_rows))
        self.pace = RowPace(0, 0.0)
        spec = default_spec(PartitionKey("t", 0), limits=limits)
        ends: tuple[Any, ...] = (self.topic, self.builder, self.queue, self.progress)
        self.reader: Any = PartitionReader(spec, *ends, pace=self.pace)

    def gather(self, first: int, count: int, *, old: bool) -> None:
        """Messages that came just now, or longer ago than a batch waits."""
        now = time.monotonic() - (NEVER_OLD.linger_seconds if old else 0.0)
        self.reader._ready += self.builder.add([message(first + at, b"x", None) for at in range(count)], now)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_small_batch_waits_until_it_is_old_enough(rig: Rig) -> None:
    rig.gather(0, 1, old=False)
    rig.reader.hand_over()
    assert not rig.queue.taken
    assert rig.reader.pause() > 0


def test_without_a_message_nothing_but_kafka_is_waited_for(rig: Rig) -> None:
    assert rig.reader.pause() == 0


def test_after_a_while_without_a_message_kafka_is_waited_for_in_a_thread_and_all_others_by_the_loop(rig: Rig) -> None:
    rig.reader.fetch()
    assert not rig.topic.rests, "messages may come again at any moment"
    rig.reader._heard_at -= 60.0
    rig.reader.fetch()
    assert rig.topic.rests
    waits = len(rig.topic.waited)
    rig.reader.fetch()
    assert len(rig.topic.waited) == waits
    assert rig.reader.pause() > 10.0
    rig.topic.rests, rig.topic.polls = False, [([message(0, b"x", None)], None)]
    rig.reader.fetch()
    assert rig.builder.next_offset == 1
    rig.reader.fetch()
    assert not rig.topic.rests


def test_nothing_rests_while_the_writer_has_something_to_write(rig: Rig) -> None:
    rig.reader._heard_at -= 60.0
    rig.progress.give(None, 1)
    rig.reader.fetch()
    assert not rig.topic.rests


def test_a_small_batch_that_is_due_waits_for_the_writers_word_and_no_poll_spins_meanwhile(rig: Rig) -> None:
    rig.gather(0, 1, old=True)
    rig.reader.hand_over()
    rig.gather(1, 1, old=True)
    rig.reader.hand_over()
    assert len(rig.queue.taken) == 1
    assert rig.reader.pause() > 0
    rig.progress.take(Committed(offset=1, messages=1, rows=1, dead=0, seconds=0.001, cpu_seconds=0.0))
    rig.reader.hand_over()
    assert [batch.first for batch in rig.queue.taken] == [0, 1]


def test_a_batch_that_is_due_goes_on_growing_while_many_messages_come() -> None:
    rig = Rig(default_limits(linger_seconds=NEVER_OLD.linger_seconds))
    rig.progress.give(None, 1)
    rig.gather(0, 1, old=True)
    many = [message(1 + at, b"x", None) for at in range(150)]
    rig.topic.polls = [(many, None), ([message(151, b"x", None)], None)]
    rig.reader.fetch()
    rig.reader.hand_over()
    assert rig.reader.pause() == 0, "Kafka may have more"
    rig.reader.fetch()
    assert rig.reader.pause() > 0


def test_a_message_that_came_while_the_reader_rested_has_waited_long_enough() -> None:
    rig = Rig(default_limits(linger_seconds=0.001))
    rig.reader._polled_at = time.monotonic() - 1
    rig.topic.polls = [([message(0, b"x", None)], None)]
    rig.reader.fetch()
    rig.reader.hand_over()
    assert len(rig.queue.taken) == 1
    assert rig.topic.waited == [0]


def test_after_a_batch_nothing_is_done_until_the_next_one_may_be_due(rig: Rig) -> None:
    assert rig.reader.gathers() == 0
    rig.builder._linger.interval = 3_600.0
    rig.gather(0, 1, old=True)
    rig.reader.hand_over()
    assert len(rig.queue.taken) == 1
    assert rig.reader.gathers() > 0
    rig.gather(1, 1, old=True)
    assert rig.reader.gathers() > 0
    rig.gather(2, 2, old=True)
    assert rig.reader.gathers() == 0, "a full batch is due at once"


def test_while_the_writer_has_a_batch_its_word_is_waited_for_and_no_message(rig: Rig) -> None:
    rig.progress.give(None, 0)
    rig.reader.fetch()
    assert rig.topic.waited == [0]
    assert rig.reader.gathers() == 0
    assert rig.reader.pause() > 0
    rig.progress.take(Committed(offset=0, messages=0, rows=0, dead=0, seconds=0.001, cpu_seconds=0.0))
    assert rig.reader.pause() == 0
    rig.reader.fetch()
    assert rig.topic.waited[-1] > 0


def test_what_ended_the_last_batch_is_noted(rig: Rig) -> None:
    rig.gather(0, 4, old=True)
    rig.reader.hand_over()
    assert rig.progress.limited_by == "rows"


def test_a_full_batch_does_not_wait_for_the_writer(rig: Rig) -> None:
    rig.gather(0, 3, old=False)
    rig.reader.hand_over()
    rig.gather(3, 3, old=False)
    rig.reader.hand_over()
    assert [batch.first for batch in rig.queue.taken] == [0, 3]


def test_nothing_is_fetched_while_batches_wait_for_room(rig: Rig) -> None:
    rig.gather(0, 4, old=False)
    rig.reader.fetch()
    assert rig.topic.waited == []


def test_a_partition_at_rest_gives_its_memory_back_once_and_waits_longer(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[bool] = []
    monkeypatch.setattr(memory, "give_back", lambda: given.append(True))
    rig.reader._heard_at = time.monotonic() + 3_600
    rig.reader.fetch()
    assert given == []
    rig.reader._heard_at = time.monotonic() - 3
    for _ in range(3):
        rig.reader.fetch()
    assert given == [True]
    waited = [seconds for seconds in rig.topic.waited if seconds]
    assert waited[-1] > waited[0] > 0
    rig.topic.polls = [([], 3)]
    rig.reader.fetch()
    rig.reader.fetch()
    assert rig.topic.waited[-2:] == [0, 0]  # the end of the log moved the offset, which gathers others for a moment


def test_what_is_left_is_all_that_was_read_and_not_handed_over(rig: Rig) -> None:
    assert rig.reader.left() == []
    rig.gather(0, 4, old=False)
    assert [list(batch.offsets) for batch in rig.reader.left()] == [[0, 1, 2], [3]]
    assert rig.progress.limited_by == "end"


def test_a_pace_bounds_what_is_polled_and_is_told_while_there_is_more(rig: Rig) -> None:
    rig.pace.change(10, time.monotonic() - 0.5)
    rig.topic.polls = [([message(0, b"x", None)], None), ([message(1, b"x", None)], None)]
    rig.reader.fetch()
    assert not rig.reader.slowed
    rig.pace.change(0.001, time.monotonic())
    rig.reader.fetch()
    assert rig.reader.slowed, "the log ends at 65"
    assert len(rig.topic.polls) == 1
    assert rig.reader.pause() > 0, "no poll spins meanwhile"
    rig.pace.change(0, time.monotonic())
    rig.reader.fetch()
    assert not rig.topic.polls


def test_a_pace_that_keeps_nothing_back_slows_nothing(rig: Rig) -> None:
    rig.topic.end_offset = 0
    rig.pace.change(0.001, time.monotonic())
    rig.reader.fetch()
    assert not rig.reader.slowed
