"""Batches and the bounded queue between the two processes of a worker.

A queue belongs to one generation: a process killed inside `get` or `put` leaves its locks held, so consumer, queue
and writer are always replaced together. This is the only module that knows the queue's private pipe ends.
"""

from __future__ import annotations

import multiprocessing
import pickle
from array import array
from collections import deque
from dataclasses import dataclass

from workers.contract.errors import LostParent
from workers.contract.packed_bytes import PackedBytes

#: The worker forks its writer while it has one thread and no client, so plain fork is safe here.
FORK = multiprocessing.get_context("fork")


#: Kafka allows a name several times, and a value that is null.
Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one partition in offset order, covering `first` <= offset < `next_offset` without a gap.

    The lists are parallel. They may be shorter than the range (compaction, transaction markers), even empty: then only
    the offset moves.
    """

    first: int
    next_offset: int
    leader_epoch: int
    offsets: list[int]
    values: PackedBytes
    keys: PackedBytes
    timestamps: array[int]  #: milliseconds since 1970, -1: none
    headers: dict[int, Headers | None]  #: of the messages that have any, by their place; None: names that are no UTF-8

    @property
    def size(self) -> int:
        """Bytes of the messages, but for their headers."""
        return self.values.size + self.keys.size

    def part(self, start: int, stop: int) -> Batch:
        """Messages [start, stop), still covering their range without a gap."""
        return Batch(
            first=self.first if start == 0 else self.offsets[start],
            next_offset=self.next_offset if stop == len(self.offsets) else self.offsets[stop],
            leader_epoch=self.leader_epoch,
            offsets=self.offsets[start:stop],
            values=self.values.part(start, stop),
            keys=self.keys.part(start, stop),
            timestamps=self.timestamps[start:stop],
            headers={at - start: found for at, found in self.headers.items() if start <= at < stop},
        )


class BatchQueue:
    """At most `capacity` batches on their way from consumer to writer, with `most_bytes` of messages together.

    A batch of any size goes into an empty queue. Each waits as one block of bytes: thousands of small objects would
    leave holes in the consumer's memory.
    """

    def __init__(self, capacity: int, most_bytes: int) -> None:
        self._capacity = capacity
        self._most_bytes = most_bytes
        self._sizes: deque[int] = deque(maxlen=capacity)  # of the batches that were put last
        self._queue: multiprocessing.Queue[bytes] = FORK.Queue(capacity)

    def offer(self, batch: Batch | None) -> bool:
        """Put without waiting; False if the queue is full. None ends the stream."""
        depth, size = self.depth(), batch.size if batch is not None else 0
        waiting = sum(self._sizes[at] for at in range(-depth, 0)) if depth < self._capacity else 0
        if depth >= self._capacity or (depth and waiting + size > self._most_bytes):  # this process alone puts
            return False
        self._sizes.append(size)
        self._queue.put_nowait(pickle.dumps(batch, pickle.HIGHEST_PROTOCOL))
        return True

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
            batch: Batch | None = pickle.loads(self._queue.get(timeout=timeout))  # noqa: S301 - our own process wrote it
        except (EOFError, OSError) as exc:
            raise LostParent("the consumer process died") from exc
        return batch

    def serve_writer(self) -> None:
        """Called first thing in the writer process: keep only the reading end."""
        self._queue._writer.close()  # type: ignore[attr-defined]  # noqa: SLF001

    def abandon(self) -> None:
        """Let the consumer exit without waiting for a writer that will not read any more."""
        self._queue.cancel_join_thread()
