"""One value of each partition, by its name for Prometheus: gauges and counters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from supervisor.page.seen import reads_nothing
from supervisor.status.facts.partition_status import PartitionStatus

Value = Callable[[PartitionStatus], float | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """A counter's name has no `_total`, as its client wants it. None: there is no sample."""

    name: str
    help: str
    value: Value


GAUGES = (
    Metric("rtpipe_worker_up", "1 if its worker runs, and waits for no service", lambda p: float(p.state == "running")),
    Metric("rtpipe_consumer_lag_records", "Messages in Kafka that are not in the table", lambda p: p.lag),
    Metric(
        "rtpipe_consumer_lag_seconds", "Age of the oldest message that is not in the table", lambda p: p.lag_seconds
    ),
    Metric("rtpipe_committed_offset", "Next offset to consume, by kafka_offsets", lambda p: p.offset),
    Metric("rtpipe_end_offset", "End of the partition's log in Kafka", lambda p: p.end_offset),
    Metric("rtpipe_buffered_records", "Messages that were read and are not in the table", lambda p: p.buffered),
    Metric("rtpipe_buffered_batches", "Batches between consumer and writer", lambda p: p.queue_depth),
    Metric(
        "rtpipe_paused",
        "1 if it reads nothing: its queue is full, or it is paused",
        lambda p: float(reads_nothing(p.state, backpressure=p.backpressure)),
    ),
    Metric("rtpipe_state_seconds", "Since when it is in its state", lambda p: p.state_seconds),
    Metric("rtpipe_memory_bytes", "Memory (PSS) of consumer and writer", lambda p: p.memory_bytes),
    Metric(
        "rtpipe_cpu_ratio",
        "Of one core, by consumer and writer",
        lambda p: None if p.cpu_percent is None else p.cpu_percent / 100,
    ),
    Metric(
        "rtpipe_database_round_trip_seconds",
        "The shortest question, at its writer's claim",
        lambda p: p.server.round_trip if p.server else None,
    ),
)


def _consumed(p: PartitionStatus) -> float | None:
    return p.figures.sizes.total if p.rows is not None else None


COUNTERS = (
    Metric("rtpipe_records_consumed", "Messages of committed batches", _consumed),
    Metric(
        "rtpipe_mysql_reconnects",
        "Connections of its writers beyond the first of each",
        lambda p: p.figures.reconnects if p.rows is not None else None,
    ),
)


def skipped(p: PartitionStatus) -> float | None:
    """Messages that were neither written nor dead letters: tombstones, where the topic's settings ignore them."""
    consumed = _consumed(p)
    if consumed is None or p.rows is None or p.dead is None:
        return None
    return max(0.0, consumed - p.rows - p.dead)
