"""Prometheus asks; the last answer of the supervisor is given in its names."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from supervisor.page.feed import Feed
from supervisor.page.metrics.batch_metrics import LABELS, batch_metrics, labels_of, row_metrics
from supervisor.page.metrics.kafka_twins import kafka_twins
from supervisor.page.metrics.partition_metrics import COUNTERS, GAUGES
from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.pipeline_status import PipelineStatus, own_version
from workers.contract.death import KINDS


class PipelineCollector(Collector):
    """Only `rtpipe_supervisor_up` and `rtpipe_build_info` are there while the supervisor does not answer."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def collect(self) -> Iterable[Metric]:
        """All families, each once."""
        status = self._feed.fresh
        up = GaugeMetricFamily("rtpipe_supervisor_up", "1 if the supervisor answers")
        up.add_metric([], float(status is not None))
        yield up
        build = GaugeMetricFamily("rtpipe_build_info", "The version that runs", labels=["version"])
        build.add_metric([(status.version if status else "") or own_version()], 1)
        yield build
        if status is not None:
            known = [p for p in status.partitions if p.partition >= 0]
            yield from _plain(known)
            yield from batch_metrics(known)
            yield from row_metrics(known, status.topics)
            yield from kafka_twins(known)
            yield from self._counted(known)
            yield from _named(known)
            yield from _of_topics(status)
            yield from self._changes()

    def _counted(self, partitions: Sequence[PartitionStatus]) -> Iterable[Metric]:
        paused = CounterMetricFamily("rtpipe_paused_seconds", "Time in which it read nothing", labels=LABELS)
        commits = GaugeMetricFamily("rtpipe_last_commit_timestamp_seconds", "Of its last commit", labels=LABELS)
        answered = time.time() - self._feed.silence
        for p in partitions:
            paused.add_metric(labels_of(p), self._feed.seen.paused[p.key])
            if p.commit_age is not None:
                commits.add_metric(labels_of(p), answered - p.commit_age)
        return paused, commits

    def _changes(self) -> Iterable[Metric]:
        changes = CounterMetricFamily(
            "rtpipe_schema_changes", "Changes of a table, done or left to a person", labels=["topic", "kind"]
        )
        for (topic, kind), count in sorted(self._feed.seen.changes.items()):
            changes.add_metric([topic, kind], count)
        return [changes]


def registry_of(feed: Feed) -> CollectorRegistry:
    """With this collector alone: what Python itself counts is of the page's process, and of no interest."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PipelineCollector(feed))
    return registry


def _plain(partitions: Sequence[PartitionStatus]) -> Iterable[Metric]:
    for kind, metrics in ((GaugeMetricFamily, GAUGES), (CounterMetricFamily, COUNTERS)):
        for metric in metrics:
            family = kind(metric.name, metric.help, labels=LABELS)
            for p in partitions:
                if (value := metric.value(p)) is not None:
                    family.add_metric(labels_of(p), value)
            yield family


def _named(partitions: Sequence[PartitionStatus]) -> Iterable[Metric]:
    """What has a word as its label."""
    states = GaugeMetricFamily("rtpipe_partition_state", "1 for the state that it is in", labels=[*LABELS, "state"])
    conditions = GaugeMetricFamily("rtpipe_partition_condition", "1 for its condition", labels=[*LABELS, "condition"])
    restarts = CounterMetricFamily(
        "rtpipe_worker_restarts", "New generations after a death", labels=[*LABELS, "reason"]
    )
    for p in partitions:
        labels = labels_of(p)
        states.add_metric([*labels, p.state], 1)
        if p.condition:
            conditions.add_metric([*labels, p.condition], 1)
        for reason in KINDS if p.restarts is not None else ():  # also those with 0: the first one is an increase
            restarts.add_metric([*labels, reason], p.restart_reasons.get(reason, 0))
    return states, conditions, restarts


def _of_topics(status: PipelineStatus) -> Iterable[Metric]:
    info = GaugeMetricFamily(
        "rtpipe_schema_info", "1 for each schema id that was met", labels=["topic", "table", "schema_id"]
    )
    for topic in status.topics:
        for schema_id in topic.schema_ids:
            info.add_metric([topic.topic, topic.table, str(schema_id)], 1)
    yield info
    up = GaugeMetricFamily("rtpipe_mysql_up", "1 if a writer works with the database, 0 if all wait for it")
    if (answers := database_answers(status)) is not None:
        up.add_metric([], float(answers))
    yield up


def database_answers(status: PipelineStatus) -> bool | None:
    """A writer that runs asks the database every few seconds, busy or not. None: nothing tells."""
    if any(p.state == "running" for p in status.partitions):
        return True
    waits = [p.reason for p in status.partitions if p.state == "waiting"]
    return False if any("database" in reason for reason in waits) else None
