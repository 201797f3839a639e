"""The queue between the two processes of a worker: what fills it, and what its ends hear of each other."""

from __future__ import annotations

from queue import Empty

import pytest

from tests.support.samples.batches import batch_of
from tests.support.samples.specs import default_limits
from tests.support.waits import eventually
from workers.contract.errors import LostParent
from workers.intake.batch_queue import FORK, BatchQueue


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


def test_a_queue_whose_consumer_is_gone_says_so_and_never_hangs() -> None:
    queue = BatchQueue(default_limits())
    queue.serve_writer()  # the only writing end that there is
    with pytest.raises(LostParent):
        queue.take(10)


def test_small_and_large_batches_come_in_their_order() -> None:
    """A small one into an empty queue goes straight into the pipe, all others by the thread that feeds it."""
    queue = BatchQueue(default_limits(queue_batches=9, batch_bytes=1 << 20))
    small, large = [batch_of([bytes([at])]) for at in range(6)], batch_of([b"x" * 300_000])
    assert queue.offer(small[0])
    assert queue.take(10) == small[0]
    for batches in ([large, small[1]], [small[2], large, small[3]], [small[4]], [small[5], None]):
        assert all(queue.offer(batch) for batch in batches)
        assert [queue.take(10) for _ in batches] == batches


def test_nothing_comes_for_a_while() -> None:
    with pytest.raises(Empty):
        BatchQueue(default_limits()).take(0)


def test_a_consumer_leaves_though_nobody_reads_what_it_put() -> None:
    """Without `abandon` its exit waits until the pipe, which holds 64 kB, has room for a batch of 10 MB."""
    queue = BatchQueue(default_limits(batch_bytes=20 << 20))

    def put() -> None:
        queue.offer(batch_of([b"x" * (10 << 20)]))
        queue.abandon()

    consumer = FORK.Process(target=put)
    consumer.start()
    consumer.join(60)
    assert consumer.exitcode == 0
