"""Properties of the producers of `rtpipe produce`."""

from __future__ import annotations

from collections.abc import Mapping

from workers.produce.order import ProduceOrder

#: What a caller's properties may tune.
TUNING: Mapping[str, str] = {
    "linger.ms": "10",
    "batch.size": "1000000",
    "queue.buffering.max.kbytes": "131072",
    "queue.buffering.max.messages": "30000",  # what a slow broker can still take within flush_timeout at a signal
}
#: What they may not: partitions as Java clients choose them, order, no loss.
FIXED: Mapping[str, str] = {"partitioner": "murmur2_random", "enable.idempotence": "true", "acks": "all"}


def kafka_properties(order: ProduceOrder) -> dict[str, str]:
    """Properties for librdkafka: the caller's over the tuning, the fixed ones over all."""
    timeout = {"delivery.timeout.ms": str(round(order.delivery_timeout * 1000))}
    return {**TUNING, **timeout, **order.kafka, **FIXED}
