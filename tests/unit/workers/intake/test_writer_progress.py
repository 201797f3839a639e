"""What a consumer makes of its writer's reports, and what the supervisor hears of them."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest

from workers.contract.batch_figures import SIZE_BOUNDS, PhaseSeconds
from workers.contract.reports import Alive, Claimed, Committed, Position, Progress, SchemaWanted, Waiting, Warned
from workers.intake import writer_progress
from workers.intake.batch_rows import BatchRows
from workers.intake.linger import Linger
from workers.intake.writer_progress import WriterProgress

CLAIMED = Claimed(9, Position(1, 5))


@pytest.fixture
def progress() -> WriterProgress:
    return WriterProgress(Linger(0.01, 0.1), BatchRows(10))


def passed_on(progress: WriterProgress, *reports: object) -> list[object]:
    return [told for report in reports if (told := progress.take(report)) is not None]


def test_it_begins_where_the_writer_claimed(progress: WriterProgress) -> None:
    assert passed_on(progress, CLAIMED) == []
    assert progress.claimed == CLAIMED
    assert progress.report(-1, 0, backpressure=False) == Progress(5, -1, 0, 0, 0, 0, backpressure=False, waiting_for="")


def test_what_was_committed_is_counted(progress: WriterProgress) -> None:
    for produced, messages in ((3_000, 10), (2_000, 5), (None, 4)):
        progress.give(produced, messages)
    write, commit = PhaseSeconds(1.0, 2.0, 3.0, 0.5), PhaseSeconds(commit=0.5)
    first = Committed(10, 5, 4, 1, 0.1, 0.0, ends_batch=False, reasons={"E_VALUE": 1}, phases=write)
    rest = Committed(15, 5, 3, 2, 0.1, 0.0, altered=3, reasons={"E_VALUE": 1, "E_KEY": 1}, phases=commit, deletes=1)
    assert passed_on(progress, CLAIMED, first, rest, Committed(20, 5, 5, 0, 0.1, 0.0, deletes=2, reconnects=3)) == []
    assert (progress.offset, progress.batches, progress.unwritten) == (20, 2, 1)
    report = progress.report(18, 4, backpressure=True, read=6)
    told = Progress(20, 20, 12, 3, 2, 4, backpressure=True, waiting_for="", altered=3, figures=report.figures)
    assert report == dataclasses.replace(told, buffered=10)  # the log ends no earlier than what is committed
    assert (report.figures.deletes, report.figures.reconnects) == (3, 3)
    assert report.figures.phases == PhaseSeconds(1.0, 2.0, 3.0, 1.0)
    assert report.figures.reasons == {"E_VALUE": 2, "E_KEY": 1}
    assert sum(report.figures.ages.counts) == 2  # of batches, not of transactions
    assert report.figures.sizes.counts[SIZE_BOUNDS.index(10)] == 3
    assert report.figures.sizes.total == 15
    assert progress.report(30, 0, backpressure=False).end_offset == 30


def test_the_oldest_message_is_that_of_the_first_batch_not_committed_else_of_what_was_read(
    progress: WriterProgress,
) -> None:
    def oldest() -> int | None:
        return progress.report(30, 0, backpressure=False, oldest_read=9_000).oldest

    assert oldest() == 9_000
    progress.give(7_000, 2)
    progress.give(8_000, 2)
    assert oldest() == 7_000
    progress.take(Committed(9, 4, 4, 0, 0.1, 0.0, ends_batch=False))
    assert oldest() == 7_000
    progress.take(Committed(10, 1, 1, 0, 0.1, 0.0))
    assert oldest() == 8_000


def test_what_batches_cost_is_learnt() -> None:
    linger, size = Linger(0.01, 0.1), BatchRows(5_000)
    WriterProgress(linger, size).take(Committed(1, 5_000, 5_000, 0, 4.0, 0.1))
    assert linger.interval > 0.01
    assert size.rows == 2_500


def test_what_ended_the_last_batch_is_told(progress: WriterProgress) -> None:
    assert progress.report(0, 0, backpressure=False).limited_by is None
    progress.limited_by = "bytes"
    assert progress.report(0, 0, backpressure=False).limited_by == "bytes"


def test_a_wait_before_the_claim_is_passed_on_and_a_later_one_is_part_of_progress(progress: WriterProgress) -> None:
    reports = Waiting("no database"), CLAIMED, Waiting("no registry")
    assert passed_on(progress, *reports) == [Waiting("no database")]
    assert progress.report(9, 0, backpressure=False).waiting_for == "no registry"
    assert passed_on(progress, Waiting("")) == []
    assert progress.report(9, 0, backpressure=False).waiting_for == ""


def test_questions_and_warnings_are_for_the_supervisor_and_signs_of_life_are_not(progress: WriterProgress) -> None:
    assert not progress.asks
    assert passed_on(progress, SchemaWanted(7), Warned("a key"), Alive()) == [SchemaWanted(7), Warned("a key")]
    assert progress.asks


def test_it_is_silent_since_its_last_report(progress: WriterProgress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_progress, "time", SimpleNamespace(monotonic=lambda: 100.0))
    progress.take(Alive())
    assert progress.silent(107.5) == 7.5
