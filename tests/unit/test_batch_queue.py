from __future__ import annotations

from tests.support.batches import batch_of
from tests.support.specs import default_limits
from tests.support.waits import eventually
from workers.intake.batch_queue import BatchQueue


def test_a_queue_is_full_by_number() -> None:
    queue = BatchQueue(default_limits(queue_batches=2))
    small = batch_of([b"x"])
    assert [queue.offer(small) for _ in range(3)] == [True, True, False]
    assert queue.take(10) == small
    eventually(lambda: queue.offer(None))
    assert not queue.offer(small)
    assert [queue.take(10), queue.take(10)] == [small, None]


def test_a_queue_is_full_by_bytes_and_takes_any_batch_while_it_is_empty() -> None:
    queue = BatchQueue(default_limits(queue_batches=9, batch_bytes=100))
    assert queue.most_bytes == 1_000
    large, small = batch_of([b"x" * 2_000]), batch_of([b"x" * 400], keys=[b"y" * 200])
    assert [queue.offer(large), queue.offer(small)] == [True, False]
    assert queue.take(10) == large
    assert [queue.offer(small), queue.offer(small)] == [True, False]
    assert queue.take(10) == small
    assert [queue.offer(batch_of([b"x" * 500])), queue.offer(batch_of([b"x" * 500])), queue.offer(small)] == [
        True,
        True,
        False,
    ]
