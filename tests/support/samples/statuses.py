"""Statuses that a supervisor could give, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.pipeline_status import PipelineStatus

FACTS: dict[str, Any] = {
    "topic": "orders",
    "partition": 0,
    "state": "running",
    "reason": "",
    "pid": 4_711,
    "writer_pid": 4_712,
    "epoch": 1,
    "end_offset": 1_500,
    "offset": 1_000,
    "rows": 900,
    "dead": 3,
    "rows_per_second": 1_234.5,
    "queue_depth": 3,
    "backpressure": False,
    "restarts": 2,
    "memory_bytes": 27_400_000,
    "cpu_percent": 12.0,
    "condition": "ok",
    "table": "orders",
    "group": "group-orders",
}


def partition_status(**changes: Any) -> PartitionStatus:
    """`orders/0`, which runs and is well, but for the changes."""
    return PartitionStatus(**FACTS | changes)


def pipeline_status(*changes: dict[str, Any], **of_run: Any) -> PipelineStatus:
    """One partition for each of the changes, numbered from 0."""
    partitions = tuple(partition_status(**{"partition": n} | change) for n, change in enumerate(changes))
    run: dict[str, Any] = {"supervisor_pid": 1, "uptime_seconds": 60.0, "draining": False} | of_run
    return PipelineStatus(partitions=partitions, **run)
