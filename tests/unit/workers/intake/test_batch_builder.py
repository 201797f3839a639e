from __future__ import annotations

from typing import Any, ClassVar

from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples.kafka_messages import FakeMessage, message
from tests.support.samples.specs import default_limits
from workers.contract.reports import Limit
from workers.intake.batch_builder import BatchBuilder
from workers.intake.batch_rows import BatchRows

SMALL = default_limits(batch_rows=3, batch_bytes=100, linger_seconds=1.0)


def test_nothing_gathered_is_never_due() -> None:
    assert BatchBuilder(SMALL, 5, -1).lingers(now=100.0) is None


def test_a_message_waits_for_more_until_the_linger_is_over() -> None:
    builder = BatchBuilder(SMALL, 5, -1)
    builder.add([message(5, b"x", 4)], now=10.0)
    assert builder.lingers(now=10.5) == 0.5
    assert builder.lingers(now=11.0) == 0.0


def test_rows_fill_a_batch() -> None:
    builder = BatchBuilder(SMALL, 0, -1)
    for offset in range(3):
        assert not builder.full
        builder.add([message(offset, b"", 4)], now=0.0)
    assert builder.full
    assert builder.lingers(now=0.0) == 0.0


def test_bytes_fill_a_batch() -> None:
    builder = BatchBuilder(SMALL, 0, -1)
    builder.add([message(0, b"x" * 100, 4)], now=0.0)
    assert builder.full


def test_of_large_messages_no_more_are_polled_than_fill_a_batch() -> None:
    builder = BatchBuilder(default_limits(batch_rows=5_000, batch_bytes=100), 0, -1)
    builder.add([message(0, b"x" * 30, 4)], now=0.0)
    assert builder.room() == 3
    builder.take(0.0)
    assert builder.room() == 4


def test_what_ended_a_batch_is_known() -> None:
    builder = BatchBuilder(SMALL, 0, -1)
    ended = [builder.limited_by]
    cases: list[tuple[bytes, int, Limit | None]]
    cases = [(b"", 3, None), (b"x" * 100, 1, None), (b"", 1, None), (b"", 1, "end")]
    for content, count, limit in cases:
        builder.add([message(builder.next_offset + at, content, 4) for at in range(count)], now=0.0)
        builder.take(0.0, limit)
        ended.append(builder.limited_by)
    assert ended == [None, "rows", "bytes", "linger", "end"]


def test_the_bound_may_change_while_a_batch_is_gathered() -> None:
    size = BatchRows(3)
    builder = BatchBuilder(SMALL, 0, -1, size=size)
    builder.add([message(offset, b"", 4) for offset in range(2)], now=0.0)
    size.rows = 1
    assert builder.full
    assert builder.room() == 1
    assert [len(batch.offsets) for batch in builder.add([message(2, b"", 4), message(3, b"", 4)], now=0.0)] == [2, 1]


def test_headers_that_cannot_be_read_take_no_message_along() -> None:
    builder = BatchBuilder(SMALL, 0, -1)
    builder.add([message(0, b"headers that are no UTF-8", 4)], now=0.0)
    builder.add([message(1, b"x", 4, [("h", b"v")])], now=0.0)
    batch = builder.take(0.0)
    assert (list(batch.offsets), batch.headers) == ([0, 1], {0: None, 1: [("h", b"v")]})


def test_headers_are_asked_for_once() -> None:
    """The client's second answer about a header that it cannot give is a crash; here it is a KeyError."""

    class Fragile(FakeMessage):
        asked: ClassVar[set[int]] = set()

        def headers(self) -> list[tuple[str, bytes | None]] | None:
            if self.at in self.asked:
                raise KeyError(self.at)
            self.asked.add(self.at)
            return super().headers()

    messages: Any = [Fragile(at, b"headers that are no UTF-8", 4) for at in range(8)]
    builder = BatchBuilder(SMALL, 0, -1)
    batches = [*builder.add(messages, now=0.0), builder.take(0.0)]
    assert all(set(batch.headers) == {*range(len(batch.offsets))} for batch in batches)
    assert [offset for batch in batches for offset in batch.offsets] == [*range(8)]


def test_a_batch_covers_the_gap_that_markers_leave() -> None:
    builder = BatchBuilder(SMALL, 10, -1)
    builder.add([message(12, b"x", 4)], now=0.0)
    builder.reach(15, now=0.0)
    batch = builder.take(0.0)
    assert (batch.first, batch.next_offset, list(batch.offsets), batch.leader_epoch) == (10, 15, [12], 4)
    assert builder.take(0.0).first == 15


def test_the_end_of_the_log_alone_moves_the_offset() -> None:
    builder = BatchBuilder(SMALL, 10, -1)
    builder.reach(11, now=0.0)
    assert builder.lingers(now=9.0) == 0.0
    assert list(builder.take(0.0).offsets) == []


def test_offsets_are_a_range_while_none_is_missing() -> None:
    builder = BatchBuilder(default_limits(), 5, -1)
    builder.add([message(offset, b"x", 4) for offset in (5, 6)], now=0.0)
    builder.add([message(7, b"x", 4)], now=0.0)
    whole = builder.take(0.0)
    assert whole.offsets == range(5, 8)
    assert whole.part(1, 2).offsets == range(6, 7)
    builder.add([message(8, b"x", 4)], now=0.0)
    builder.add([message(10, b"x", 4)], now=0.0)
    assert builder.take(0.0).offsets == [8, 10]


def test_a_message_that_comes_twice_is_taken_once() -> None:
    builder = BatchBuilder(SMALL, 0, -1)
    builder.add([message(offset, b"x", 4) for offset in (0, 1, 0)], now=0.0)
    builder.add([message(offset, b"x", 4) for offset in (1, 2)], now=0.0)
    assert list(builder.take(0.0).offsets) == [0, 1, 2]


@given(st.lists(st.lists(st.integers(0, 60))), st.integers(1, 7), st.integers(1, 30))
def test_batches_follow_each_other_without_gap_or_overlap(polls: list[list[int]], rows: int, size: int) -> None:
    builder = BatchBuilder(default_limits(batch_rows=rows, batch_bytes=size), 0, -1)
    batches = []
    for poll in polls:
        batches += builder.add([message(offset, b"x" * (offset % 5), 4) for offset in poll], now=0.0)
    batches.append(builder.take(0.0))
    offsets = [offset for poll in polls for offset in poll]
    position = 0
    for batch in batches:
        sizes = [len(value or b"") + len(b"k") for value in batch.values]
        assert [len(value or b"") for value in batch.values] == [offset % 5 for offset in batch.offsets]
        assert list(batch.timestamps) == [1_000 + offset for offset in batch.offsets]
        assert len(sizes) <= rows
        assert sum(sizes[:-1]) < size
        assert batch.first == position
        assert list(batch.offsets) == sorted(set(batch.offsets))
        assert all(batch.first <= offset < batch.next_offset for offset in batch.offsets)
        position = batch.next_offset
    assert position == max([offset + 1 for offset in offsets], default=0)


def test_the_leader_epoch_is_that_of_the_newest_message_and_of_nothing_else() -> None:
    builder = BatchBuilder(SMALL, 0, 1)
    builder.reach(1, now=0.0)
    assert builder.take(0.0).leader_epoch == 1
    builder.add([message(1, b"x", 2)], now=0.0)
    builder.add([message(2, b"x", None)], now=0.0)
    builder.reach(9, now=0.0)
    assert builder.take(0.0).leader_epoch == 2


def test_a_part_of_a_batch_keeps_what_belongs_to_its_messages() -> None:
    builder = BatchBuilder(default_limits(), 10, -1)
    for offset in (10, 12, 15):
        builder.add([message(offset, b"%d" % offset, 1, [("h", None)] if offset == 12 else None)], now=0.0)
    builder.reach(20, now=0.0)
    batch = builder.take(0.0)
    assert (list(batch.keys), list(batch.timestamps), batch.headers) == (
        [b"k"] * 3,
        [1010, 1012, 1015],
        {1: [("h", None)]},
    )
    front, back = batch.part(0, 1), batch.part(1, 3)
    assert (front.first, front.next_offset, front.offsets, front.headers) == (10, 12, [10], {})
    assert (back.first, back.next_offset, list(back.values), back.headers) == (
        12,
        20,
        [b"12", b"15"],
        {0: [("h", None)]},
    )
