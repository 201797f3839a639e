"""A process of `rtpipe produce`: makes the messages of its lanes, sends them, counts the delivery reports.

A lane is a share of a topic's keys with a random generator of its own: a key belongs to one lane, a lane to one
process, and a process has one librdkafka producer, so a key's messages keep their order.
"""

from __future__ import annotations

import io
import itertools
import logging
import math
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import fastavro
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from avro_schemas.avro.type_reader import read_record
from avro_schemas.avro.wire_format import pack
from avro_schemas.avro.wire_schema import wire_schema
from workers.produce.nested_samples import Draws
from workers.produce.order import ProcessOrder, Tally, TopicPlan
from workers.produce.rate import Pace
from workers.produce.samples import drawn_in_lane, key_text, sample_of

CHUNK = 100  #: messages of one lane before the next lane's turn
REPORT_SECONDS = 0.2  #: between two tallies
SEEDED_START = 1_679_818_410_755_000_000  #: ns since 1970: where time begins for seeded messages
SEEDED_STEP = 1_000_000  #: ns from one message of a lane to the next

STOP = "stop"  #: parent to process: send no more, flush, tell the last tally
READY = "ready"  #: process to parent: connected; parent to process: begin

log = logging.getLogger("rtpipe.produce")
log.addHandler(logging.NullHandler())  # librdkafka's lines; what it cannot mend itself comes as an error


def main(order: ProcessOrder, parent: Connection) -> None:
    """Send the order's messages once `parent` says READY, telling it tallies; the last one has `last` set.

    Signals are the parent's to judge: it sends STOP. A parent that is gone stops the process too.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        sender = Sender(order, parent)
        parent.send(READY)
        if parent.recv() == READY:
            sender.run()
        sender.finish()
    except (BrokenPipeError, ConnectionResetError, EOFError):
        return  # the parent is gone: nobody counts any more


class StoppedError(Exception):
    """The parent said stop."""


class Sender:
    """One librdkafka producer and the lanes that it serves in turn."""

    def __init__(self, order: ProcessOrder, parent: Connection) -> None:
        self._order = order
        self._parent = parent
        self._producer = Producer({**order.kafka}, logger=log)
        self._sent = self._failed = self._size = 0
        self._error: tuple[str, str] | None = None
        self._offsets: dict[str, dict[int | None, int | None]] = {topic: {} for topic in order.topics}
        self._delivered = {topic: self._delivery_report(topic) for topic in order.topics}
        self._report_at = 0.0

    def run(self) -> None:
        """Send every lane to its end, or until the duration or the parent ends it."""
        try:
            self._send_lanes()
        except StoppedError:
            log.debug("asked to stop after %d messages", self._sent)
        except KafkaException as exc:  # this message is refused; librdkafka may be past taking any
            self._failed += 1
            self._note(exc.args[0])

    def finish(self) -> None:
        """Wait for what is under way, then tell the last tally."""
        self._flush()
        self._parent.send(self._tally(last=True))

    def _send_lanes(self) -> None:
        order = self._order
        pace = Pace(order.rate, first=order.first)
        ends = math.inf if order.duration is None else time.monotonic() + order.duration
        lanes = [Lane(order.topics[topic], lane, order) for topic, lane in order.lanes]
        while lanes := [lane for lane in lanes if lane.left]:
            for lane in lanes:
                granted = self._granted(pace, min(CHUNK, lane.left), ends)
                if not granted:
                    return
                self._send(lane, granted)

    def _granted(self, pace: Pace, most: int, ends: float) -> int:
        """How many messages may go now, after waiting for the first if need be; 0 once the time is over."""
        while True:
            self._turn(0)
            left = ends - time.monotonic()
            if left <= 0:
                return 0
            if granted := pace.take(most):
                return granted
            self._turn(min(pace.wait(), REPORT_SECONDS, left))

    def _send(self, lane: Lane, count: int) -> None:
        produce, topic, delivered, size = self._producer.produce, lane.topic, self._delivered[lane.topic], 0
        for key, value in itertools.islice(lane.messages, count):
            while True:
                try:
                    produce(topic, value, key, on_delivery=delivered)
                    break
                except BufferError:  # full: wait for acknowledgements, drop nothing
                    self._turn(0.05)
            size += len(key) + len(value)
        lane.left -= count
        self._size += size

    def _delivery_report(self, topic: str) -> Callable[[KafkaError | None, Message], None]:
        offsets = self._offsets[topic]

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                self._sent += 1
                offsets[message.partition()] = message.offset()
            else:
                self._failed += 1
                self._note(error)

        return delivered

    def _turn(self, seconds: float) -> None:
        """Serve delivery reports for so long, tell a tally if one is due; StoppedError if the parent said stop."""
        self._producer.poll(seconds)
        now = time.monotonic()
        if now >= self._report_at:
            self._report_at = now + REPORT_SECONDS
            self._parent.send(self._tally())
            if self._parent.poll():
                self._parent.recv()
                raise StoppedError

    def _flush(self) -> None:
        """Wait for what is under way, at most flush_timeout seconds; then give it up, which counts as failed."""
        ends = time.monotonic() + self._order.flush_timeout
        while len(self._producer) and time.monotonic() < ends:
            self._producer.flush(REPORT_SECONDS)
            self._parent.send(self._tally())
        if len(self._producer):
            self._producer.purge()
            self._producer.flush(1.0)

    def _note(self, error: KafkaError) -> None:
        if self._error is None:
            self._error = (error.name(), error.str())

    def _tally(self, *, last: bool = False) -> Tally:
        return Tally(self._sent, self._failed, self._size, self._error, self._last_offsets() if last else {}, last)

    def _last_offsets(self) -> dict[str, dict[int, int]]:
        return {
            topic: {p: offset for p, offset in offsets.items() if p is not None and offset is not None}
            for topic, offsets in self._offsets.items()
        }


class Lane:
    """One share of a topic's keys; `left` messages of it are still to be sent (infinite without a count)."""

    def __init__(self, plan: TopicPlan, lane: int, order: ProcessOrder) -> None:
        self.topic = plan.topic
        self.left = sys.maxsize if order.count is None else len(range(lane, order.count, plan.lanes))
        self.messages = messages(plan, lane, order.seed)


def messages(plan: TopicPlan, lane: int, seed: int | None) -> Iterator[tuple[bytes, bytes]]:
    """A lane's (key, value in the registry's wire format) without end; the same ones for the same seed.

    The key field keeps to the lane's share of its values and is never null.
    """
    rng = random.Random(None if seed is None else f"{seed}/{plan.topic}/{lane}")
    instant = SEEDED_START
    clock = time.time_ns if seed is None else lambda: instant
    record = read_record(plan.schema)
    types = {field["name"]: found for field, found in record.fields}
    key = sample_of(types[plan.key_field], field=plan.key_field)
    draws = Draws(record.records, rng, clock)
    fields = [
        (name, drawn_in_lane(key, rng, clock, lane, plan.lanes) if name == plan.key_field else draws.of(found, name))
        for name, found in types.items()
    ]
    schema = fastavro.parse_schema(wire_schema(record))
    to_key = key_text(types[plan.key_field])
    key_field, write, out = plan.key_field, fastavro.schemaless_writer, io.BytesIO()
    header = out.write(pack(plan.schema_id))
    while True:
        row = {name: draw() for name, draw in fields}
        out.seek(header)
        out.truncate()
        write(out, schema, row)
        yield to_key(row[key_field]), out.getvalue()
        instant += SEEDED_STEP
