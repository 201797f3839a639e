"""What crosses from process to process arrives as it was sent."""

from __future__ import annotations

import pickle
from array import array
from collections.abc import Sequence

import pytest

from workers.contract.batch import Batch
from workers.contract.batch_figures import BatchFigures, Histogram, PhaseSeconds
from workers.contract.packed_bytes import PackedBytes
from workers.contract.reports import Alive, Committed, Progress


@pytest.mark.parametrize("offsets", [range(5, 7), [5, 9], range(0)])
def test_a_batch_arrives_as_it_was_sent(offsets: Sequence[int]) -> None:
    count = len(offsets)
    batch = Batch(
        first=5,
        next_offset=10,
        leader_epoch=3,
        offsets=offsets,
        values=PackedBytes([b"value", None][:count]),
        keys=PackedBytes([None] * count),
        timestamps=array("q", [1_700_000_000_000, -1][:count]),
        headers={1: [("name", None)]} if count else {},
    )
    arrived = pickle.loads(pickle.dumps(batch))
    assert arrived == batch
    assert type(arrived.offsets) is type(offsets)
    assert (arrived.size, arrived.oldest) == (batch.size, batch.oldest)


@pytest.mark.parametrize(
    "report",
    [
        Alive(0.5),
        Committed(7, 2, 1, 1, 0.25, 0.125, altered=1, ends_batch=False, reasons={"value": 1}, phases=PhaseSeconds(1.0)),
        Progress(
            offset=7,
            end_offset=9,
            rows=1,
            dead=1,
            batches=1,
            queue_depth=0,
            backpressure=True,
            waiting_for="the database",
            figures=BatchFigures(PhaseSeconds(commit=2.0), {"value": 1}, Histogram((1, 2), 3.0)),
        ),
    ],
)
def test_a_report_arrives_as_it_was_sent(report: object) -> None:
    assert pickle.loads(pickle.dumps(report)) == report
