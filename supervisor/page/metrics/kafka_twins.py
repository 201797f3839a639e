"""The names that exporters of Kafka have for the same facts: dashboards that are made for them show rtpipe, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from supervisor.status.facts.partition_status import PartitionStatus

_OF_GROUP = ("consumergroup", "topic", "partition")


def kafka_twins(partitions: Sequence[PartitionStatus]) -> Iterable[Metric]:
    """All families of this module. What is not known has no sample."""
    lag = GaugeMetricFamily("kafka_consumergroup_lag", "As rtpipe_consumer_lag_records", labels=_OF_GROUP)
    offset = GaugeMetricFamily("kafka_consumergroup_current_offset", "As rtpipe_committed_offset", labels=_OF_GROUP)
    late = GaugeMetricFamily(
        "kafka_consumergroup_group_lag_seconds", "As rtpipe_consumer_lag_seconds", labels=("group", *_OF_GROUP[1:])
    )
    end = GaugeMetricFamily("kafka_topic_partition_current_offset", "As rtpipe_end_offset", labels=_OF_GROUP[1:])
    for p in partitions:
        place = [p.topic, str(p.partition)]
        for family, value in ((lag, p.lag), (offset, p.offset), (late, p.lag_seconds)):
            if value is not None:
                family.add_metric([p.group, *place], value)
        if p.end_offset is not None:
            end.add_metric(place, p.end_offset)
    return lag, offset, late, end
