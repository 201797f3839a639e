"""Histograms of a partition's batches, and counters by reason, stage or kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from supervisor.page.metrics.partition_metrics import skipped
from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.topic_status import TopicStatus
from workers.contract.batch_figures import AGE_BOUNDS, SIZE_BOUNDS, Histogram

#: The stages by the names that neighbouring tools have for them -> ours.
STAGES = {"poll": "waiting", "decode": "encoding", "insert": "writing", "commit": "commit"}
LABELS = ("topic", "partition", "table", "worker")


def labels_of(p: PartitionStatus) -> list[str]:
    """The values of LABELS."""
    return [p.topic, str(p.partition), p.table, p.key]


def batch_metrics(partitions: Sequence[PartitionStatus]) -> Iterable[Metric]:
    """All families of this module, for partitions that are known."""
    stages = HistogramMetricFamily(
        "rtpipe_stage_seconds", "Where the writer's time went, by batch", labels=[*LABELS, "stage"]
    )
    sizes = HistogramMetricFamily("rtpipe_batch_rows", "Messages of a transaction", labels=LABELS)
    ages = HistogramMetricFamily(
        "rtpipe_end_to_end_seconds", "From production to COMMIT, of the oldest message of a batch", labels=LABELS
    )
    dead = CounterMetricFamily("rtpipe_dead_letters", "Messages that could not become rows", labels=[*LABELS, "reason"])
    coerced = CounterMetricFamily(
        "rtpipe_values_coerced", "Values that lossy columns changed", labels=[*LABELS, "kind"]
    )
    passed = CounterMetricFamily(
        "rtpipe_records_skipped", "Messages without effect on the table", labels=[*LABELS, "reason"]
    )
    for p in partitions:
        labels = labels_of(p)
        for stage, phase in STAGES.items():
            # Of a phase only the sum is known: one bucket for all.
            stages.add_metric([*labels, stage], [("+Inf", p.batches or 0)], getattr(p.figures.phases, phase))
        sizes.add_metric(labels, _buckets(p.figures.sizes, SIZE_BOUNDS), p.figures.sizes.total)
        ages.add_metric(labels, _buckets(p.figures.ages, AGE_BOUNDS), p.figures.ages.total)
        for reason, count in sorted(p.figures.reasons.items()):
            dead.add_metric([*labels, reason], count)
        coerced.add_metric([*labels, "lossy"], p.altered)
        if (without_effect := skipped(p)) is not None:
            passed.add_metric([*labels, "tombstone"], without_effect)
    return stages, sizes, ages, dead, coerced, passed


def row_metrics(partitions: Sequence[PartitionStatus], topics: Sequence[TopicStatus]) -> Iterable[Metric]:
    """Messages that took effect on the table, by what they did to it. A topic of another version has no mode."""
    modes = {topic.topic: topic.mode for topic in topics}
    written = CounterMetricFamily(
        "rtpipe_rows_written", "Messages that took effect on the table", labels=[*LABELS, "op"]
    )
    for p in partitions:
        if p.rows is not None and (mode := modes.get(p.topic)):
            written.add_metric([*labels_of(p), mode], p.rows - p.figures.deletes)
            if mode != "insert":
                written.add_metric([*labels_of(p), "delete"], p.figures.deletes)
    return [written]


def _buckets(found: Histogram, bounds: Sequence[float]) -> list[tuple[str, float]]:
    """Cumulative, as Prometheus wants them. A histogram of another version, with other bounds, says nothing."""
    names = [*(f"{bound:g}" if bound < 1 else str(float(bound)) for bound in bounds), "+Inf"]
    counts = found.counts if len(found.counts) == len(names) else (0,) * len(names)
    return list(zip(names, accumulate(counts), strict=True))
