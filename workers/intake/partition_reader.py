"""Runs in the consumer process: polls, gathers batches, and hands them over to the writer's queue."""

from __future__ import annotations

import time
from collections import deque

from workers import kill_points, memory
from workers.contract.batch import Batch
from workers.contract.partition_spec import PartitionSpec
from workers.intake.backpressure import Backpressure
from workers.intake.batch_builder import BatchBuilder
from workers.intake.batch_queue import BatchQueue
from workers.intake.row_pace import RowPace
from workers.intake.topic_consumer import TopicConsumer
from workers.intake.writer_progress import WriterProgress

#: Seconds of the shortest and longest idle wait: how late a drain or a writer's death may be heard. A message ends it
#: at once. The waits grow with the time since the last message, of which each is one part in `_REST_SHARE`.
TURN, _LONGEST_TURN, _REST_SHARE = 0.05, 0.5, 8
#: Seconds without a message after which the topic rests, and the longest rest: a message and every word end it at once.
_RESTS_AFTER, _LONGEST_REST = 4.0, 30.0
#: Messages of one poll after which there may be more: a batch that is old enough then goes on growing.
_MANY = 100
#: Seconds for which a reader counts as slowed after its pace has kept it from reading.
_SLOWED = 1.0
#: Seconds without a message after which memory is given back.
_IDLE = 2.0


class PartitionReader:
    """Reads one partition, from the claim to the drain.

    A turn: `fetch`, `hand_over`, a sleep of `gathers`, a wait of `pause`.
    """

    def __init__(
        self,
        spec: PartitionSpec,
        topic: TopicConsumer,
        builder: BatchBuilder,
        batches: BatchQueue,
        progress: WriterProgress,
        *,
        pace: RowPace,
    ) -> None:
        self._topic = topic
        self._builder = builder
        self._progress = progress
        self._pace = pace
        self._slowed_at = -_SLOWED  # when its pace last kept it from reading what is there
        self._ready: deque[Batch] = deque()
        self._pressure = Backpressure(spec.key, batches, spec.limits.queue_low)
        self._longest_turn = min(_LONGEST_TURN, spec.heartbeat_every)
        self._polled_at = self._heard_at = time.monotonic()  # the last poll; the last message, or end of the log
        self._holds_memory = True  # of a burst
        self._flows = False  # Kafka gave many messages at once, and may have more

    @property
    def pressed(self) -> bool:
        """The queue is full, or was and is not nearly empty yet."""
        return self._pressure.active

    @property
    def slowed(self) -> bool:
        """Its pace keeps it from reading what is there."""
        return time.monotonic() - self._slowed_at < _SLOWED

    @property
    def oldest(self) -> int | None:
        """When the oldest message was produced that was read and not handed over, in ms since 1970; None if there is
        none, or it is not known.
        """
        return self._ready[0].oldest if self._ready else self._builder.oldest

    @property
    def read(self) -> int:
        """Messages that were read and not handed over."""
        return self._builder.count + sum(len(batch.offsets) for batch in self._ready)

    def fetch(self) -> None:
        """One poll, unless batches already wait for room in the queue: librdkafka's own buffer is bounded too.

        It waits for a first message only, and not while the writer has one to write, whose word may come before. One
        that is here waits for others (`gathers`), a turn for all: a turn for each would cost more than the message.
        """
        if self._ready or self._topic.rests:
            return
        now = time.monotonic()
        most = self._pace.allowed(self._builder.room(), now)
        if not most:
            if self._topic.end_offset > self._builder.next_offset:
                self._slowed_at = now
            return
        since: float | None = self._polled_at
        messages, end = self._topic.poll(most, 0)
        if not messages and end is None and not self._progress.unwritten and self._builder.lingers(now) is None:
            turn = min(max(TURN, (now - self._heard_at) / _REST_SHARE), self._longest_turn)
            messages, end = self._topic.poll(most, turn)
            since = None
        self._pace.spend(len(messages))
        self._polled_at = now = time.monotonic()
        self._flows = len(messages) >= _MANY
        if not messages and end is None:
            self._rest(now)
            return
        self._heard_at, self._holds_memory = now, True
        self._ready += self._builder.add(messages, now, since)
        if end is not None:
            self._builder.reach(end, now)
        kill_points.reach("consumer:after_poll")

    def _rest(self, now: float) -> None:
        """When nothing came for a while: give the memory of a burst back, once, and wait without turns."""
        if self._holds_memory and now - self._heard_at > _IDLE:
            memory.give_back()
            self._holds_memory = False
        if now - self._heard_at > _RESTS_AFTER and not self._progress.unwritten and self._builder.lingers(now) is None:
            self._topic.rest(_LONGEST_REST)

    def hand_over(self) -> None:
        """Offer what is due: full batches at once, a smaller one when it is old enough and the writer has none."""
        now = time.monotonic()
        due = self._builder.lingers(now) == 0
        if due and not self._ready and (self._builder.full or not self._progress.unwritten):
            self._ready.append(self._builder.take(now))
        self._progress.limited_by = self._builder.limited_by
        while self._ready and self._pressure.offer(self._ready[0]):
            given = self._ready.popleft()
            self._progress.give(given.oldest, len(given.offsets))
            kill_points.reach("consumer:after_put")

    def gathers(self) -> float:
        """Seconds for which Kafka only gathers messages: they can wait for the next batch, as the writer's word can. To
        be woken by each of them would cost more than they do.
        """
        if self._ready or self._flows:
            return 0.0
        now = time.monotonic()
        lingers = self._builder.lingers(now)
        return min(TURN, self._builder.gathers(now) if lingers is None else lingers)

    def pause(self) -> float:
        """Seconds until the next poll, unless writer or supervisor say something before."""
        if self._topic.rests:
            return _LONGEST_REST
        now = time.monotonic()
        lingers = self._builder.lingers(now)
        if self._ready or (not lingers and not self._flows and self._progress.unwritten):
            return TURN  # it waits for room in the queue, or for the writer
        if slowed := self._pace.wait(now):
            return min(TURN, slowed, lingers or TURN)
        return 0 if lingers is None else min(TURN, lingers)

    def left(self) -> list[Batch]:
        """All that was read and not handed over: nothing is read after it."""
        now = time.monotonic()
        gathered = [] if self._builder.lingers(now) is None else [self._builder.take(now, "end")]
        self._progress.limited_by = self._builder.limited_by
        return [*self._ready, *gathered]
