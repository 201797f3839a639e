"""PROCESS 3, one a partition: takes batches off the queue and commits each exactly once with its offset."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection

from rtpipe.errors import ExitCode, RtpipeError
from rtpipe.log import get_logger
from workers import kill_points, memory
from workers.commit.database_outage import DatabaseOutage
from workers.commit.dead_letters.log import DeadLetterLog
from workers.commit.encoding.batch_encoder import BatchEncoder
from workers.commit.offsets.offset_ledger import OffsetLedger
from workers.commit.partition_owner import PartitionOwner
from workers.commit.table_writer import TableWriter, Written
from workers.contract.batch import Batch
from workers.contract.batch_figures import PhaseSeconds
from workers.contract.errors import LostParent
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Alive, Claimed, Committed, Ended, Warned
from workers.contract.stacks_file import StacksFile
from workers.event_relay import EventRelay
from workers.intake.batch_queue import BatchQueue
from workers.parent_watch import leave_with_parent
from workers.phase_clock import PhaseClock
from workers.rows.columnar import choice
from workers.rows.schema_source import Drained, SchemaSource, asking

log = get_logger("writer")
#: Seconds between two signs of life while there is something to do, and of the first waits for a batch.
_TURN = 1.0
#: Turns without a batch after which memory is given back, and the turns get longer.
_IDLE_TURNS = 2
#: Seconds after which the ownership and the tables are looked at before another batch is written; and in which an idle
#: writer looks at its ownership, before the server ends its session.
_CHECK_EVERY, _CHECK_AT_REST = 10.0, 20.0
_ORPHAN_GRACE = 1.5


class SignOfLife:
    """Tells the consumer that a long batch is being worked at, once a second at most."""

    def __init__(self, consumer: Connection) -> None:
        self._consumer = consumer
        self._given = 0.0

    def give(self) -> None:
        """Something was done."""
        now = time.monotonic()
        if now - self._given >= _TURN:
            self._consumer.send(Alive())
            self._given = now


def main(spec: PartitionSpec, batches: BatchQueue, consumer: Connection, stacks: StacksFile) -> None:
    """Run until the end of the stream; leaves with the exit code of what stopped it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches everybody; the supervisor decides
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the end of the stream stops a writer
    stacks.enable("writer")
    batches.serve_writer()
    leave_with_parent(_ORPHAN_GRACE)
    kill_points.arm(spec.armed)
    events = EventRelay.attached()
    try:
        _serve(spec, batches, consumer, events)
        ended = Ended(ExitCode.DONE, "", "")
    except Drained:
        ended = Ended(ExitCode.DONE, "", "")
    except RtpipeError as exc:
        ended = Ended.by(exc)
    except (EOFError, ConnectionError):
        ended = Ended(ExitCode.TEMPORARY, LostParent.name, "the consumer process died")
    except Exception as exc:
        log.exception("writer failed", extra={"event": "writer_failed", "partition": str(spec.key)})
        ended = Ended(ExitCode.FAILED, RtpipeError.name, f"{spec.key}: {type(exc).__name__}")
    _leave(consumer, events, ended)


def _leave(consumer: Connection, events: EventRelay, ended: Ended) -> None:
    with contextlib.suppress(OSError):  # the consumer is gone: nobody is left to tell
        _relay(consumer, events)
        consumer.send(ended)
        consumer.close()
    # Straight out: a forked child has inherited its parent's exit handlers, and none of them is ours.
    os._exit(ended.code)


def _relay(consumer: Connection, events: EventRelay) -> None:
    for event in events.take():
        consumer.send(event)


def _serve(spec: PartitionSpec, batches: BatchQueue, consumer: Connection, events: EventRelay) -> None:
    alive, clock = SignOfLife(consumer).give, PhaseClock()
    ledger = OffsetLedger(spec, alive, clock=clock)
    owner = PartitionOwner(spec.key, ledger, DatabaseOutage(spec, consumer))
    position = owner.claim()
    consumer.send(Claimed(os.getpid(), position, ledger.connection.server_seen))
    encoder = BatchEncoder(spec, SchemaSource(asking(consumer)), sign_of_life=alive)
    writer = TableWriter(spec, owner, ledger.connection, encoder, clock)
    dead_letters = DeadLetterLog(spec)
    warned: str | None = None

    def between() -> None:
        dead_letters.tell_if_due()
        _relay(consumer, events)

    try:
        for batch in _batches(spec, batches, owner, consumer, between):
            clock.enter("encoding")
            started, computed = time.monotonic(), time.process_time()
            for written in writer.write(batch):
                dead_letters.add(written.dead, written.altered)
                if encoder.key_warning is not None and encoder.key_warning != warned:
                    warned = encoder.key_warning
                    consumer.send(Warned(warned))
                now, cpu = time.monotonic(), time.process_time()
                said = _committed(written, batch, clock.taken(), now - started, cpu - computed)
                consumer.send(replace(said, reconnects=ledger.connection.reconnects))
                clock.enter("encoding")
                started, computed = now, cpu
            clock.enter("waiting")
            del batch  # while idle, its thousands of small objects would hold the memory around them
    finally:
        dead_letters.tell()
    ledger.disconnect()


def _batches(
    spec: PartitionSpec,
    batches: BatchQueue,
    owner: PartitionOwner,
    consumer: Connection,
    between: Callable[[], None],
) -> Iterator[Batch]:
    """Batches up to the end of the stream; between them what is to be done every few seconds, idle or not."""
    idle, checked = 0, time.monotonic()
    glanced = checked
    while True:
        between()
        if time.monotonic() - max(checked, glanced) > _CHECK_AT_REST:
            owner.check_at_rest()
            glanced = time.monotonic()
        try:
            batch = batches.take(_TURN if idle < _IDLE_TURNS else spec.heartbeat_every)
        except queue.Empty:
            idle += 1
            if idle == _IDLE_TURNS:
                memory.give_back()
                choice.give_back()
            consumer.send(Alive())
            continue
        if batch is None:
            return
        idle = 0
        if time.monotonic() - checked > _CHECK_EVERY:
            owner.check()
            checked = time.monotonic()
        yield batch
        del batch


def _committed(written: Written, batch: Batch, phases: PhaseSeconds, seconds: float, cpu: float) -> Committed:
    return Committed(
        offset=written.next_offset,
        messages=written.messages,
        rows=written.rows,
        dead=written.dead.total(),
        seconds=seconds,
        cpu_seconds=cpu,
        altered=written.altered,
        ends_batch=written.next_offset == batch.next_offset,
        reasons=dict(written.dead),
        phases=phases,
        deletes=written.deletes,
    )
