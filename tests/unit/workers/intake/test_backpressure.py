"""A full queue stops reading until it has drained to the low mark; each change is logged once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.samples.batches import batch_of
from workers.contract.partition_spec import PartitionKey
from workers.intake.backpressure import Backpressure

BATCH = batch_of([b"x"])


class Queue:
    """Four batches fill it."""

    waiting = 0

    def depth(self) -> int:
        return self.waiting

    def offer(self, _batch: object) -> bool:
        if self.waiting == 4:
            return False
        self.waiting += 1
        return True


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def pressure(queue: Any) -> Backpressure:
    return Backpressure(PartitionKey("orders", 3), queue, low=2)


def test_a_queue_with_room_is_no_backpressure(
    queue: Queue, pressure: Backpressure, caplog: pytest.LogCaptureFixture
) -> None:
    assert [pressure.offer(BATCH) for _ in range(4)] == [True] * 4
    assert (queue.waiting, pressure.active, caplog.messages) == (4, False, [])


def test_it_begins_when_the_queue_is_full_and_ends_at_the_low_mark(
    queue: Queue, pressure: Backpressure, caplog: pytest.LogCaptureFixture
) -> None:
    queue.waiting = 4
    assert [pressure.offer(BATCH), pressure.offer(BATCH)] == [False, False]
    assert pressure.active
    queue.waiting = 3  # room, but above the mark
    assert not pressure.offer(BATCH)
    assert (queue.waiting, pressure.active) == (3, True)
    queue.waiting = 2
    assert pressure.offer(BATCH)
    assert (queue.waiting, pressure.active) == (3, False)
    assert caplog.messages == [
        "Backpressure activated and message processing stopped... topic=orders partition=3",
        "Backpressure has been resolved. Resuming message processing... topic=orders partition=3",
    ]
    assert [vars(entry)["event"] for entry in caplog.records] == ["backpressure_activated", "backpressure_resolved"]
    assert {entry.levelname for entry in caplog.records} == {"WARNING"}


def test_a_batch_that_the_queue_refuses_below_the_mark_keeps_it_going(queue: Queue, pressure: Backpressure) -> None:
    """By its bytes a queue may be full with one batch in it."""
    queue.offer = lambda _batch: False  # type: ignore[method-assign]
    queue.waiting = 1
    assert not pressure.offer(BATCH)
    assert not pressure.offer(BATCH)
    assert pressure.active
