"""The bounded queue between the two processes of a worker: the consumer puts batches, the writer takes them.

A queue belongs to one generation: a process killed inside `get` or `put` leaves its locks held, so consumer, queue
and writer are always replaced together. This is the only module that knows the queue's private pipe ends.
"""

from __future__ import annotations

import multiprocessing
import pickle
import queue
import selectors
from collections import deque
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue
from multiprocessing.synchronize import BoundedSemaphore
from typing import TYPE_CHECKING

from workers.contract.batch import Batch
from workers.contract.errors import LostParent
from workers.contract.partition_spec import Limits

if TYPE_CHECKING:
    _BytesQueue = Queue[bytes]
else:
    _BytesQueue = Queue  # is no generic class before Python 3.12
#: The worker forks its writer while it has one thread and no client, so plain fork is safe here.
FORK = multiprocessing.get_context("fork")
#: Bytes that an empty pipe takes without waiting, with room to spare: it has 64 kB.
_PIPE_TAKES = 16_384


class _PairQueue(_BytesQueue):
    """Of one process that puts and another one that takes, so either may know more than a queue of many does."""

    _reader: Connection
    _writer: Connection
    _sem: BoundedSemaphore

    def __init__(self, most: int) -> None:
        super().__init__(most, ctx=FORK)
        self._taken = selectors.PollSelector()  # made once: `get` with a timeout would make one each time
        self._taken.register(self._reader, selectors.EVENT_READ)

    def put_into_empty(self, item: bytes) -> None:
        """Put a small item while nothing waits, not even in the thread that feeds the pipe: it need not be woken."""
        self._sem.acquire(block=False)
        self._writer.send_bytes(pickle.dumps(item))

    def get_within(self, seconds: float) -> bytes:
        """The next item; raises queue.Empty after so many seconds, and EOFError or OSError once nobody can put."""
        if not self._taken.select(seconds):
            raise queue.Empty
        return self.get()

    def keep_reading_end(self) -> None:
        """Nobody can put from this process any more."""
        self._writer.close()


class BatchQueue:
    """At most `queue_batches` batches, and `most_bytes` bytes of messages together.

    A batch of any size goes into an empty queue. Each waits as one block of bytes: thousands of small objects would
    leave holes in the consumer's memory.
    """

    def __init__(self, limits: Limits) -> None:
        self._most_batches = limits.queue_batches
        #: One batch more than the number of batches: its last message may take a batch beyond `batch_bytes`.
        self.most_bytes = (limits.queue_batches + 1) * limits.batch_bytes
        self._sizes: deque[int] = deque(maxlen=limits.queue_batches)  # of the batches that were put last
        self._queue = _PairQueue(limits.queue_batches)

    def offer(self, batch: Batch | None) -> bool:
        """Put without waiting; False if the queue is full. None ends the stream."""
        size, depth = 0 if batch is None else batch.size, self.depth()
        if not self._has_room(size, depth):  # only this process puts, so room that is there stays
            return False
        self._sizes.append(size)
        block = pickle.dumps(batch, pickle.HIGHEST_PROTOCOL)
        if depth or len(block) > _PIPE_TAKES:
            self._queue.put_nowait(block)
        else:
            self._queue.put_into_empty(block)
        return True

    def _has_room(self, size: int, depth: int) -> bool:
        if depth >= self._most_batches:
            return False
        waiting = sum(self._sizes[at] for at in range(-depth, 0))
        return not depth or waiting + size <= self.most_bytes

    def depth(self) -> int:
        """Batches that the writer has not taken yet."""
        return self._queue.qsize()

    def take(self, timeout: float) -> Batch | None:
        """The next batch, None at the end of the stream.

        Raises queue.Empty after `timeout` seconds, and LostParent if the consumer died: `serve_writer` closed our
        own copy of the pipe's writing end, so a consumer killed in the middle of an item gives an end of file here
        and never a read that hangs.
        """
        try:
            batch: Batch | None = pickle.loads(self._queue.get_within(timeout))  # noqa: S301 - our own process wrote it
        except (EOFError, OSError) as exc:
            raise LostParent("the consumer process died") from exc
        return batch

    def serve_writer(self) -> None:
        """Called first thing in the writer process: keep only the reading end."""
        self._queue.keep_reading_end()

    def abandon(self) -> None:
        """Let the consumer exit without waiting for a writer that will not read any more."""
        self._queue.cancel_join_thread()
