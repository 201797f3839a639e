"""PROCESS 2, one a partition: reads its partition and keeps its writer's queue filled."""

from __future__ import annotations

import contextlib
import gc
import selectors
import signal
import sys
import time
from collections import deque
from multiprocessing.connection import Connection
from types import FrameType

from rtpipe.deadline import Deadline
from rtpipe.errors import ExitCode, RtpipeError
from rtpipe.log import get_logger, log_to_stderr
from workers import kill_points, memory, writer_process
from workers.contract.batch import Batch
from workers.contract.errors import LostParent
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import (
    DRAIN_FORCED,
    Alive,
    Claimed,
    Committed,
    Drain,
    Ended,
    Progress,
    Running,
    SchemaWanted,
    Waiting,
    Warned,
)
from workers.contract.schema_answers import Sealed
from workers.contract.stacks_file import StacksFile
from workers.intake.backpressure import Backpressure
from workers.intake.batch_builder import BatchBuilder
from workers.intake.batch_queue import FORK, BatchQueue
from workers.intake.linger import Linger
from workers.intake.topic_consumer import TopicConsumer
from workers.parent_watch import leave_with_parent
from workers.writer_link import WriterDied, WriterEnded, WriterLink, end_with_writer

log = get_logger("consumer")
_ORPHAN_GRACE = 1.0
#: Seconds of one idle wait: how late a drain or a writer's death may be heard. A message ends it at once.
_TURN, _TURN_AT_REST = 0.05, 0.25
_REPORT_EVERY = 0.25
_SIGN_OF_LIFE_EVERY = 1.0
#: Seconds without a message after which memory is given back.
_IDLE = 2.0
#: Seconds to drain in after a SIGTERM that did not come with a supervisor's own number.
_DRAIN_BY_SIGNAL = 20.0


def main(spec: PartitionSpec, supervisor: Connection, stacks: StacksFile) -> None:
    """Run until drained; leaves with the exit code of what stopped it, after saying so to the supervisor."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches everybody; the supervisor decides
    log_to_stderr(spec.log_format, spec.log_level)
    stacks.enable("consumer")  # a process that is stuck is sent SIGABRT, and the supervisor reads its stacks
    gc.freeze()  # pages shared with the forkserver stay shared
    memory.keep_large_blocks_apart()
    batches = BatchQueue(spec.limits)
    writer_link, link_for_writer = FORK.Pipe()
    # Forked first thing: this process still has one thread, no client and no queue feeder.
    writer = FORK.Process(
        target=writer_process.main, args=(spec, batches, link_for_writer, stacks), name=f"writer {spec.key}"
    )
    writer.start()
    link_for_writer.close()
    leave_with_parent(_ORPHAN_GRACE)
    kill_points.arm(spec.armed)
    worker = ConsumerProcess(spec, supervisor, batches, writer_link)
    signal.signal(signal.SIGTERM, worker.on_sigterm)
    try:
        ended = worker.run()
    except (WriterDied, WriterEnded) as exc:
        ended = end_with_writer(spec.key, exc, writer)
    except RtpipeError as exc:
        ended = Ended.by(exc)
    except (EOFError, ConnectionError):
        ended = Ended(ExitCode.TEMPORARY, LostParent.name, "the supervisor is gone")
    except Exception as exc:
        log.exception("consumer failed", extra={"event": "consumer_failed", "partition": str(spec.key)})
        ended = Ended(ExitCode.FAILED, "E_FAILED", f"{spec.key}: {type(exc).__name__}")
    batches.abandon()
    if writer.is_alive() and (ended.code != ExitCode.DONE or not worker.claimed):
        writer.kill()  # one that still waits to claim never hears of a drain
    writer.join()
    _tell(supervisor, ended)
    sys.exit(ended.code)


def _tell(supervisor: Connection, ended: Ended) -> None:
    with contextlib.suppress(OSError):  # the supervisor is gone: nobody is left to tell
        supervisor.send(ended)


class ConsumerProcess:
    """The loop: poll, batch, offer to the queue; hear writer and supervisor; report."""

    def __init__(self, spec: PartitionSpec, supervisor: Connection, batches: BatchQueue, writer: Connection) -> None:
        self._spec = spec
        self._supervisor = supervisor
        self._batches = batches
        self._writer = WriterLink(spec.key, writer)
        self._claimed: Claimed | None = None
        self._ready: deque[Batch] = deque()
        self._pressure = Backpressure(spec.key, batches, spec.limits.queue_low)
        self._drain: Deadline | None = None
        self._sent: Progress | None = None
        self._looked_at = self._alive_at = 0.0
        self._links = selectors.DefaultSelector()  # made once: `connection.wait` would make one at each turn
        for link in (writer, supervisor):
            self._links.register(link, selectors.EVENT_READ, link)
        self._writer_heard = time.monotonic()
        self._linger = Linger(spec.limits.linger_seconds)
        self._unwritten = 0  #: batches that the writer was given and has not committed yet
        self._offset = self._rows = self._dead = self._altered = self._committed_batches = 0
        self._waiting_for = ""
        self._writer_asks = False  #: for a schema, and reads no batch until it is answered
        self._idle_since: float | None = time.monotonic()

    @property
    def claimed(self) -> bool:
        """The writer owns the partition."""
        return self._claimed is not None

    def on_sigterm(self, _number: int, _frame: FrameType | None) -> None:
        """Drain; the loop sees it within a turn."""
        self._drain = self._drain or Deadline.after(_DRAIN_BY_SIGNAL)

    def run(self) -> Ended:
        """Claim, read until told to drain, drain."""
        while self._claimed is None:
            if self._drain is not None:
                return Ended(ExitCode.DONE, "", "")
            self._hear(_TURN)
            self._give_sign_of_life()
        position = self._claimed.position
        self._offset = position.offset
        builder = BatchBuilder(self._spec.limits, position.offset, position.leader_epoch, self._linger)
        topic = TopicConsumer(self._spec, position)
        self._supervisor.send(Running(self._claimed.writer_pid, position.epoch, position.offset))
        try:
            while self._drain is None:
                self._fetch(topic, builder)
                self._hand_over(builder)
                self._hear(self._pause(builder))
                topic.stored = self._offset
                self._report(topic)
                self._give_sign_of_life()
        except (WriterEnded, RtpipeError):
            self._report(topic, last=True)  # what is committed is told before why there will be no more
            raise
        topic.close()
        return self._finish(builder, topic)

    def _fetch(self, topic: TopicConsumer, builder: BatchBuilder) -> None:
        """One poll, unless batches already wait for room in the queue: librdkafka's own buffer is bounded too.

        It waits for a first message only. One that is here gathers others by `_pause`, a turn for all of them: a turn
        for each would cost more than the message.
        """
        if self._ready:
            return
        turn = _TURN if self._idle_since is not None else _TURN_AT_REST
        messages, end = topic.poll(builder.room(), turn if builder.lingers(time.monotonic()) is None else 0)
        now = time.monotonic()
        if not messages and end is None:
            self._rest(now)
            return
        self._idle_since = now
        self._ready += builder.add(messages, now)
        if end is not None:
            builder.reach(end, now)
        kill_points.reach("consumer:after_poll")

    def _rest(self, now: float) -> None:
        """Once after each burst, when nothing came for a while: give its memory back."""
        if self._idle_since is not None and now - self._idle_since > _IDLE:
            memory.give_back()
            self._idle_since = None

    def _hand_over(self, builder: BatchBuilder) -> None:
        """Offer what is due: full batches at once, a smaller one when it is old enough and the writer has none."""
        due = builder.lingers(time.monotonic()) == 0
        if due and not self._ready and (builder.full or not self._unwritten):
            self._ready.append(builder.take())
        while self._ready and self._pressure.offer(self._ready[0]):
            self._ready.popleft()
            self._unwritten += 1
            kill_points.reach("consumer:after_put")

    def _pause(self, builder: BatchBuilder) -> float:
        """Seconds until the next poll, unless writer or supervisor say something before: none if there is no batch."""
        lingers = builder.lingers(time.monotonic())
        if self._ready or lingers == 0:  # what is due waits for room in the queue, or for the writer
            return _TURN
        return 0 if lingers is None else min(_TURN, lingers)

    def _hear(self, timeout: float) -> None:
        """Handle what writer and supervisor say, waiting at most `timeout` seconds for the first word."""
        for key, _ in self._links.select(timeout):
            link: Connection = key.data
            if link is self._supervisor:
                order = link.recv()  # EOFError: the supervisor is gone
                if isinstance(order, Drain):
                    self._drain = Deadline.after(order.seconds)
                elif isinstance(order, Sealed):
                    self._writer_asks = False
                    self._writer.send(order)
            else:
                self._hear_writer()

    def _hear_writer(self) -> None:
        word = self._writer.recv()
        self._writer_heard = time.monotonic()
        match word:
            case Claimed():
                self._claimed = word
            case Committed():
                self._offset = word.offset
                self._rows += word.rows
                self._dead += word.dead
                self._altered += word.altered
                self._committed_batches += word.ends_batch
                self._unwritten -= word.ends_batch
                self._linger.note(word.seconds, word.messages)
            case Waiting():
                self._waiting_for = word.reason
                if self._claimed is None:  # Progress begins with the claim
                    self._supervisor.send(word)
            case SchemaWanted():
                self._writer_asks = True
                self._supervisor.send(word)
            case Warned():
                self._supervisor.send(word)

    def _report(self, topic: TopicConsumer, *, last: bool = False) -> None:
        """Send Progress when something changed, but not at every batch; at once for a generation's first, which
        forgives the deaths before it.
        """
        now = time.monotonic()
        first = self._committed_batches > 0 and (self._sent is None or self._sent.batches == 0)
        if now - self._looked_at < _REPORT_EVERY and not first and not last:
            return
        self._looked_at = now
        end_offset = topic.end_offset if last else topic.refreshed_end()
        end = end_offset if end_offset < 0 else max(end_offset, self._offset)
        counts = self._rows, self._dead, self._committed_batches
        queue = self._batches.depth(), self._pressure.active
        progress = Progress(self._offset, end, *counts, *queue, self._waiting_for, self._altered)
        if progress != self._sent:
            self._supervisor.send(progress)
            self._sent = progress

    def _give_sign_of_life(self) -> None:
        now = time.monotonic()
        if now - self._alive_at >= _SIGN_OF_LIFE_EVERY:
            self._supervisor.send(Alive(now - self._writer_heard))
            self._alive_at = now

    def _finish(self, builder: BatchBuilder, topic: TopicConsumer) -> Ended:
        """Let the writer commit what is queued, then say goodbye; what misses the deadline is still in Kafka."""
        assert self._drain is not None
        gathered = [] if builder.lingers(time.monotonic()) is None else [builder.take()]
        stream: list[Batch | None] = [*self._ready, *gathered, None]
        while not self._drain.passed():
            if self._writer_asks:  # a registry that is away may stay away for long
                self._writer_asks = False
                self._writer.send(Drain(0))
            while stream and self._batches.offer(stream[0]):
                stream.pop(0)
            try:
                self._hear(_TURN)
                self._give_sign_of_life()
            except WriterEnded as exc:
                self._report(topic, last=True)
                return exc.ended
        text = f"{self._spec.key}: the writer did not finish in time; its batch was rolled back"
        return Ended(ExitCode.TEMPORARY, DRAIN_FORCED, text)
