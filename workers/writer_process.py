"""PROCESS 3, one a partition: takes batches off the queue and commits each exactly once with its offset."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import time
from collections import Counter
from multiprocessing.connection import Connection

from rtpipe.errors import ExitCode, RtpipeError
from rtpipe.log import get_logger
from rtpipe.mysql.secret_files import stamp
from workers import kill_points, memory
from workers.commit.batch_encoder import BatchEncoder
from workers.commit.offset_ledger import OffsetLedger
from workers.commit.partition_owner import PartitionOwner
from workers.commit.table_writer import TableWriter, Written
from workers.contract.batch import Batch
from workers.contract.errors import LostParent
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Alive, Claimed, Committed, Ended, Waiting, Warned
from workers.contract.stacks_file import StacksFile
from workers.intake.batch_queue import BatchQueue
from workers.parent_watch import leave_with_parent
from workers.rows.schema_source import Drained, SchemaSource, asking

log = get_logger("writer")
#: Seconds between two signs of life while there is nothing to do.
_TURN = 1.0
#: Turns without a batch after which memory is given back.
_IDLE_TURNS = 2
#: Seconds between two looks at the ownership and at the tables' engine, idle or not.
_CHECK_EVERY = 10.0
_ORPHAN_GRACE = 1.5


class PatientOutage:
    """Waits inside the process while a service is away, and says so, once a reason, to log and consumer."""

    def __init__(self, spec: PartitionSpec, consumer: Connection) -> None:
        self._extra = {"partition": str(spec.key)}
        self._consumer = consumer
        self._secret = spec.database_url_file
        self._reason = ""

    def pause(self, reason: str, seconds: float) -> None:
        """Sleep, until the secret's file changes at most; raises LostParent at once if the consumer dies meanwhile."""
        if reason != self._reason:
            log.warning("waiting: %s", reason, extra=self._extra | {"event": "outage_began"})
            self._reason = reason
        parent = multiprocessing.parent_process()
        sentinels = [] if parent is None else [parent.sentinel]
        until, before = time.monotonic() + seconds, stamp(self._secret)
        while (left := until - time.monotonic()) > 0:
            self._consumer.send(Waiting(reason))  # again and again: one that says nothing for long counts as stuck
            if multiprocessing.connection.wait(sentinels, timeout=min(left, _TURN)):
                raise LostParent("the consumer process died")
            if stamp(self._secret) != before:
                return

    def over(self) -> None:
        """The service answers again."""
        if self._reason:
            log.info("going on after: %s", self._reason, extra=self._extra | {"event": "outage_ended"})
            self._reason = ""
            self._consumer.send(Waiting(""))


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


class DeadLetterLog:
    """Tells of dead letters and of altered values, at most a line of each every ten seconds."""

    def __init__(self, spec: PartitionSpec) -> None:
        self._spec = spec
        self._untold: Counter[str] = Counter()
        self._altered = 0
        self._told = -_CHECK_EVERY

    def add(self, names: Counter[str], altered: int = 0) -> None:
        """Some were written."""
        self._untold += names
        self._altered += altered

    def tell(self) -> None:
        """Say how many, and of what kinds, if it is time."""
        if not (self._untold or self._altered) or time.monotonic() - self._told < _CHECK_EVERY:
            return
        self._told = time.monotonic()
        if self._altered:
            text = "W_ALTERED %s: lossy columns changed %d values"
            extra = {"event": "values_altered", "partition": str(self._spec.key), "altered": self._altered}
            log.warning(text, self._spec.key, self._altered, extra=extra)
            self._altered = 0
        if self._untold:
            kinds = ", ".join(f"{count} {name}" for name, count in sorted(self._untold.items()))
            extra = {"event": "dead_letters", "partition": str(self._spec.key), "dead": self._untold.total()}
            log.warning("W_DEAD_LETTERS %s: %s", self._spec.key, kinds, extra=extra)
            self._untold.clear()


def main(spec: PartitionSpec, batches: BatchQueue, consumer: Connection, stacks: StacksFile) -> None:
    """Run until the end of the stream; leaves with the exit code of what stopped it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches everybody; the supervisor decides
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the end of the stream stops a writer
    stacks.enable("writer")
    batches.serve_writer()
    leave_with_parent(_ORPHAN_GRACE)
    kill_points.arm(spec.armed)
    try:
        _serve(spec, batches, consumer)
        ended = Ended(ExitCode.DONE, "", "")
    except Drained:
        ended = Ended(ExitCode.DONE, "", "")
    except RtpipeError as exc:
        ended = Ended.by(exc)
    except (EOFError, ConnectionError):
        ended = Ended(ExitCode.TEMPORARY, LostParent.name, "the consumer process died")
    except Exception as exc:
        log.exception("writer failed", extra={"event": "writer_failed", "partition": str(spec.key)})
        ended = Ended(ExitCode.FAILED, "E_FAILED", f"{spec.key}: {type(exc).__name__}")
    _leave(consumer, ended)


def _leave(consumer: Connection, ended: Ended) -> None:
    with contextlib.suppress(OSError):  # the consumer is gone: nobody is left to tell
        consumer.send(ended)
        consumer.close()
    # Straight out: a forked child has inherited its parent's exit handlers, and none of them is ours.
    os._exit(ended.code)


def _serve(spec: PartitionSpec, batches: BatchQueue, consumer: Connection) -> None:
    outage = PatientOutage(spec, consumer)
    alive = SignOfLife(consumer).give
    ledger = OffsetLedger(spec, alive)
    owner = PartitionOwner(spec.key, ledger, outage)
    consumer.send(Claimed(os.getpid(), owner.claim()))
    encoder = BatchEncoder(spec, SchemaSource(asking(consumer)), sign_of_life=alive)
    writer = TableWriter(spec, owner, ledger.connection, encoder)
    warned: str | None = None
    told = DeadLetterLog(spec)
    idle, checked = 0, time.monotonic()
    while True:
        told.tell()
        if time.monotonic() - checked > _CHECK_EVERY:
            owner.check()
            checked = time.monotonic()
        try:
            batch = batches.take(_TURN)
        except queue.Empty:
            idle += 1
            if idle == _IDLE_TURNS:
                memory.give_back()
            consumer.send(Alive())
            continue
        idle = 0
        if batch is None:
            ledger.disconnect()
            return
        started = time.monotonic()
        for written in writer.write(batch):
            told.add(written.dead, written.altered)
            if encoder.key_warning is not None and encoder.key_warning != warned:
                warned = encoder.key_warning
                consumer.send(Warned(warned))
            seconds, started = time.monotonic() - started, time.monotonic()
            consumer.send(_committed(written, batch, seconds))
        del batch  # while idle, its thousands of small objects would hold the memory around them


def _committed(written: Written, batch: Batch, seconds: float) -> Committed:
    ends = written.next_offset == batch.next_offset
    dead = written.dead.total()
    return Committed(written.next_offset, written.messages, written.rows, dead, seconds, written.altered, ends)
