"""The memory of `rtpipe verify --values` does not grow with the messages and rows that it compares."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Mapping

import pytest

from supervisor.kafka.topic_reader import TopicMessage
from supervisor.verify.outcome.report import DifferenceKind
from supervisor.verify.table.row_reader import RowPackets, RowReader
from tests.support.samples.row_packets import row_packet
from tests.support.samples.verified_topic import FakeRows, FakeTopic, Verified, message

COUNT, BATCH = 30_000, 1_000
NAME = "n" * 480
HELD = COUNT * len(NAME)  #: bytes that all rows of one side would take at least


class ManyMessages(FakeTopic):
    def messages(self, topic: str, ranges: Mapping[int, tuple[int, int]]) -> Iterator[list[TopicMessage]]:
        assert (topic, ranges) == ("orders", {0: (0, COUNT)})
        for start in range(0, COUNT, BATCH):
            yield [message(n, n, NAME) for n in range(start, start + BATCH)]


class ManyRows(FakeRows):
    lost: int | None = None

    def count(self, table: str) -> int:
        return COUNT

    def packets(self, table: str, rows: RowReader) -> Iterator[RowPackets]:
        for start in range(COUNT - BATCH, -BATCH, -BATCH):
            numbers = [n for n in range(start, start + BATCH) if n != self.lost]
            yield RowPackets([True, True], [row_packet([str(n).encode(), NAME.encode()]) for n in numbers])


@pytest.mark.parametrize("lost", [None, 17])
def test_neither_side_is_ever_held(monkeypatch: pytest.MonkeyPatch, lost: int | None) -> None:
    verified, rows = Verified(monkeypatch), ManyRows([], {0: (COUNT, COUNT, 0)})
    rows.lost = lost
    tracemalloc.start()
    try:
        report = verified.all_of(ManyMessages([], [{0: (0, COUNT)}]), rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.topics[0].messages_read == COUNT
    assert (DifferenceKind.MISSING in report.topics[0].counts) == (lost is not None)
    assert peak < HELD
