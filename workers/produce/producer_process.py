"""A process of `rtpipe produce`: makes the messages of its lanes, sends them, counts what arrived and what did not.

A lane is a share of a topic's keys with a random generator of its own: a key belongs to one lane, a lane to one
process, and a process has one librdkafka producer, so a key's messages keep their order.
"""

from __future__ import annotations

import contextlib
import logging
import math
import signal
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from rtpipe.errors import SettingsError
from rtpipe.kafka.clients import checked_properties
from rtpipe.kafka.renewal import KafkaRenewal
from workers.produce.lane import Lane
from workers.produce.order import ProcessOrder, Tally
from workers.produce.properties import FIXED
from workers.produce.rate import Pace

CHUNK = 100  #: messages of one lane before the next lane's turn
REPORT_SECONDS = 0.2  #: between two tallies
ANY_PARTITION = -1  #: the partitioner's choice
#: A message that arrived is told by the queue, which is shorter then: a call for each would cost more than to send it.
ONLY_FAILURES = {"delivery.report.only.error": True}

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
        self._renewal = KafkaRenewal(order.kafka, order.kafka_file)
        self._producer = self._made(self._renewal.properties)
        self._taken = self._failed = self._size = 0  # messages that librdkafka took, messages that failed, bytes
        self._error: tuple[str, str] | None = None
        self._report_at = 0.0

    def _made(self, kafka: Mapping[str, str]) -> Producer:
        with checked_properties():
            return Producer({**kafka, **FIXED, **ONLY_FAILURES}, logger=log)

    def run(self) -> None:
        """Send every lane to its end, or until the duration or the parent ends it."""
        try:
            self._send_lanes()
        except StoppedError:
            log.debug("asked to stop after %d messages", self._taken)
        except KafkaException as exc:  # this message is refused; librdkafka may be past taking any
            self._taken += 1
            self._failure(exc.args[0])

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
        produce, topic, failure = self._producer.produce, lane.topic, self._failure
        for key, value in lane.take(count):
            while True:
                try:
                    produce(topic, value, key, ANY_PARTITION, failure)  # by place: names take longer
                    break
                except BufferError:  # full: wait for acknowledgements, drop nothing
                    self._turn(0.05)
                    produce = self._producer.produce
            self._taken += 1
            self._size += len(key) + len(value)
        lane.left -= count

    def _failure(self, error: KafkaError | None, _: Message | None = None) -> None:
        """A message was given up."""
        self._failed += 1
        if self._error is None and error is not None:
            self._error = (error.name(), error.str())

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
            self._renew()

    def _renew(self) -> None:
        """Send on with the login and the certificates of now. What is under way goes by the old client before that: the
        messages of a key keep their order.
        """
        new = self._renewal.wanted(self._producer)
        if new is None:
            return
        with contextlib.suppress(SettingsError):  # a new certificate whose key is not there yet
            made = self._made(new)
            while len(self._producer) and not self._parent.poll():
                self._producer.flush(REPORT_SECONDS)
                self._parent.send(self._tally())
            if not len(self._producer):
                self._producer = made
                self._renewal.taken(new)

    def _flush(self) -> None:
        """Wait for what is under way, at most flush_timeout seconds; then give it up, which counts as failed."""
        ends = time.monotonic() + self._order.flush_timeout
        while len(self._producer) and time.monotonic() < ends:
            self._producer.flush(REPORT_SECONDS)
            self._parent.send(self._tally())
        if len(self._producer):
            self._producer.purge()
            self._producer.flush(1.0)

    def _tally(self, *, last: bool = False) -> Tally:
        """The queue holds what is under way, and now and then a word of librdkafka: `sent` is never too high."""
        waiting = len(self._producer)
        failed = self._failed + (waiting if last else 0)
        return Tally(self._taken - self._failed - waiting, failed, self._size, self._error, last)
