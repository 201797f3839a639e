"""PROCESS 2, one a partition: reads its partition and keeps its writer's queue filled."""

from __future__ import annotations

import contextlib
import gc
import selectors
import signal
import sys
import time
from multiprocessing.connection import Connection
from types import FrameType

from rtpipe.deadline import Deadline
from rtpipe.errors import ExitCode, RtpipeError
from rtpipe.log import get_logger, log_to_stderr
from workers import kill_points, memory, writer_process
from workers.bell import Bell
from workers.contract.batch import Batch
from workers.contract.errors import LostParent
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import DRAIN_FORCED, Drain, Ended, Pace, Running
from workers.contract.schema_answers import Sealed
from workers.contract.stacks_file import StacksFile
from workers.event_relay import EventRelay
from workers.intake.batch_builder import BatchBuilder
from workers.intake.batch_queue import FORK, BatchQueue
from workers.intake.batch_rows import BatchRows
from workers.intake.linger import Linger
from workers.intake.partition_reader import TURN, PartitionReader
from workers.intake.row_pace import RowPace
from workers.intake.topic_consumer import TopicConsumer
from workers.intake.writer_progress import WriterProgress
from workers.parent_watch import leave_with_parent
from workers.supervisor_link import SupervisorLink
from workers.writer_link import WriterDied, WriterEnded, WriterLink, end_with_writer

log = get_logger("consumer")
_ORPHAN_GRACE = 1.0
#: Seconds to drain in after a SIGTERM that did not come with a supervisor's own number.
_DRAIN_BY_SIGNAL = 20.0


def main(spec: PartitionSpec, supervisor: Connection, stacks: StacksFile) -> None:
    """Run until drained; leaves with the exit code of what stopped it, after saying so to the supervisor."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches everybody; the supervisor decides
    log_to_stderr(spec.log_format, spec.log_level)
    stacks.enable("consumer")  # a process that is stuck is sent SIGABRT, and the supervisor reads its stacks
    gc.freeze()  # pages shared with the forkserver stay shared
    memory.keep_blocks()
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
    events = EventRelay.attached()
    worker = ConsumerProcess(spec, supervisor, batches, writer_link, events)
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
        ended = Ended(ExitCode.FAILED, RtpipeError.name, f"{spec.key}: {type(exc).__name__}")
    batches.abandon()
    if writer.is_alive() and (ended.code != ExitCode.DONE or not worker.claimed):
        writer.kill()  # one that still waits to claim never hears of a drain
    writer.join()
    _tell(supervisor, *events.take(), ended)
    sys.exit(ended.code)


def _tell(supervisor: Connection, *reports: object) -> None:
    with contextlib.suppress(OSError):  # the supervisor is gone: nobody is left to tell
        for report in reports:
            supervisor.send(report)


class ConsumerProcess:
    """The loop: read and hand over, hear writer and supervisor, report."""

    def __init__(
        self,
        spec: PartitionSpec,
        supervisor: Connection,
        batches: BatchQueue,
        writer: Connection,
        events: EventRelay,
    ) -> None:
        """`events` of its log are told to the supervisor, too."""
        self._spec = spec
        self._batches = batches
        self._events = events
        self._linger = Linger(spec.limits.linger_seconds, spec.limits.cpu_share)
        self._supervisor = SupervisorLink(supervisor, spec.heartbeat_every)
        self._writer = WriterLink(spec.key, writer)
        self._size = BatchRows(spec.limits.batch_rows)
        self._progress = WriterProgress(self._linger, self._size)
        self._pace = RowPace(spec.rows_per_second, time.monotonic())
        self._drain: Deadline | None = None
        self._bell = Bell()
        self._links = selectors.DefaultSelector()  # made once: `connection.wait` would make one at each turn
        self._links.register(writer, selectors.EVENT_READ, self._hear_writer)
        self._links.register(supervisor, selectors.EVENT_READ, self._hear_supervisor)
        self._links.register(self._bell, selectors.EVENT_READ, self._bell.hear)

    @property
    def claimed(self) -> bool:
        """The writer owns the partition."""
        return self._progress.claimed is not None

    def on_sigterm(self, _number: int, _frame: FrameType | None) -> None:
        """Drain; the loop sees it within a turn."""
        self._drain = self._drain or Deadline.after(_DRAIN_BY_SIGNAL)
        self._bell.ring()

    def run(self) -> Ended:
        """Claim, read until told to drain, drain. Raises WriterEnded if the writer says why it leaves."""
        while self._progress.claimed is None:
            if self._drain is not None:
                return Ended(ExitCode.DONE, "", "")
            self._hear(TURN)
            self._give_sign_of_life()
        claimed = self._progress.claimed
        position = claimed.position
        builder = BatchBuilder(self._spec.limits, position.offset, position.leader_epoch, self._linger, self._size)
        topic = TopicConsumer(self._spec, position, self._bell.ring)
        reader = PartitionReader(self._spec, topic, builder, self._batches, self._progress, pace=self._pace)
        self._supervisor.tell(Running(claimed.writer_pid, position.epoch, position.offset, claimed.server))
        try:
            while self._drain is None:
                reader.fetch()
                reader.hand_over()
                if seconds := reader.gathers():
                    time.sleep(seconds)
                self._hear(min(reader.pause(), self._supervisor.quiet_for()))
                topic.stored = self._progress.offset
                self._report(topic, reader)
                self._give_sign_of_life()
            topic.close()
            self._finish(self._drain, [*reader.left(), None])
        except (WriterEnded, RtpipeError):
            self._report(topic, reader, last=True)  # what is committed is told before why there will be no more
            raise
        self._report(topic, reader, last=True)
        text = f"{self._spec.key}: the writer did not finish in time; its batch was rolled back"
        return Ended(ExitCode.TEMPORARY, DRAIN_FORCED, text)

    def _hear(self, timeout: float) -> None:
        """Handle what writer and supervisor say, waiting at most `timeout` seconds for the first word."""
        for key, _ in self._links.select(timeout):
            key.data()

    def _hear_supervisor(self) -> None:
        order = self._supervisor.connection.recv()  # EOFError: the supervisor is gone
        match order:
            case Drain():
                self._drain = Deadline.after(order.seconds)
            case Pace():
                self._pace.change(order.rows_per_second, time.monotonic())
            case Sealed():
                self._progress.asks = False
                self._writer.send(order)

    def _hear_writer(self) -> None:
        report = self._progress.take(self._writer.recv())
        if report is not None:
            self._supervisor.tell(report)

    def _report(self, topic: TopicConsumer, reader: PartitionReader, *, last: bool = False) -> None:
        if last or self._supervisor.is_due(self._progress.batches):
            end = topic.end_offset if last else topic.refreshed_end()
            depth = self._batches.depth()
            self._supervisor.tell_progress(
                self._progress.report(
                    end,
                    depth,
                    backpressure=reader.pressed,
                    oldest_read=reader.oldest,
                    slowed=reader.slowed,
                    read=reader.read,
                )
            )

    def _give_sign_of_life(self) -> None:
        now = time.monotonic()
        self._supervisor.give_sign_of_life(now, self._progress.silent(now))
        for event in self._events.take():
            self._supervisor.tell(event)

    def _finish(self, drain: Deadline, stream: list[Batch | None]) -> None:
        """Let the writer commit the rest of the stream, which None ends: it ends this by its last word, WriterEnded.

        Returns if the deadline comes first; what missed it is still in Kafka.
        """
        while not drain.passed():
            if self._progress.asks:  # a registry that is away may stay away for long
                self._progress.asks = False
                self._writer.send(Drain(0))
            while stream and self._batches.offer(stream[0]):
                stream.pop(0)
            self._hear(TURN)
            self._give_sign_of_life()
