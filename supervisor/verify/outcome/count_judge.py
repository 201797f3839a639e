"""Offsets and counts become differences: what is consumed, and how many rows there are, by three sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from supervisor.verify.outcome.differences import Differences
from supervisor.verify.outcome.report import DifferenceKind, PartitionReport


def judge_offsets(
    differences: Differences, topic: str, partitions: Sequence[PartitionReport], ends: Mapping[int, int]
) -> None:
    """Compare stored offsets with the watermarks; `ends` are the watermarks read after the offsets."""
    for at in partitions:
        name = f"{topic}/{at.partition}"
        _judge_offset(differences, name, at, ends.get(at.partition))
        _judge_counters(differences, name, at)


def _judge_offset(differences: Differences, name: str, at: PartitionReport, end: int | None) -> None:
    if end is None:
        differences.add(
            DifferenceKind.BEYOND_END,
            f"kafka_offsets has {name} at {at.stored}, but the topic has no such partition",
            partition=at.partition,
            found=at.stored,
        )
    elif at.stored is None:
        if at.high:
            differences.add(
                DifferenceKind.NOT_CONSUMED,
                f"{name} has no row in kafka_offsets: none of the offsets up to {at.high} is consumed",
                partition=at.partition,
                expected=at.high,
            )
    elif at.stored < at.high:
        differences.add(
            DifferenceKind.NOT_CONSUMED,
            f"{name} is consumed up to {at.stored} of {at.high}: {at.high - at.stored} to go",
            partition=at.partition,
            offset=at.stored,
            expected=at.high,
            found=at.stored,
        )
    elif at.stored > end:
        differences.add(
            DifferenceKind.BEYOND_END,
            f"{name} is stored as consumed up to {at.stored}, but ends at {end}: was the topic made again?",
            partition=at.partition,
            offset=end,
            expected=end,
            found=at.stored,
        )


def _judge_counters(differences: Differences, name: str, at: PartitionReport) -> None:
    counted = at.rows_total + at.dead_total
    if at.stored is not None and counted > at.stored:
        differences.add(
            DifferenceKind.OVERCOUNTED,
            f"{name}: {counted} rows and dead letters were counted at commit, but only {at.stored} offsets consumed",
            partition=at.partition,
            expected=at.stored,
            found=counted,
        )


def judge_count(differences: Differences, table: str, partitions: Sequence[PartitionReport], rows: int) -> None:
    """Compare the rows counted at commit with those in the table, unless the rows were named one by one before."""
    expected = sum(at.rows_total for at in partitions)
    named = differences.counts[DifferenceKind.EXTRA] - differences.counts[DifferenceKind.MISSING]
    if rows - expected not in {0, named}:
        what = f"{expected - rows} missing" if rows < expected else f"{rows - expected} too many"
        differences.add(
            DifferenceKind.ROW_COUNT,
            f"table {table} has {rows} rows, {expected} were counted at commit: {what}",
            expected=expected,
            found=rows,
        )
