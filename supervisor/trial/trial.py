"""What `rtpipe try` does: the partitions of each topic one after the other, then what their table lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rtpipe.errors import RtpipeError, UnreachableError
from supervisor import partition_plan
from supervisor.kafka.cluster_view import ClusterView
from supervisor.schemas.schema_requests import SchemaRequests
from supervisor.schemas.table_plans.planned_tables import plan_tables
from supervisor.schemas.table_plans.table_plan import UNASKED
from supervisor.schemas.table_plans.table_targets import targets
from supervisor.schemas.table_preview import TablePreview
from supervisor.settings.accounts import accounts
from supervisor.settings.fields.registry_settings import open_registry
from supervisor.settings.settings import Settings
from supervisor.trial.outcome import PartitionTrial, TopicTrial
from supervisor.trial.partition_trial import OnePartition
from workers.contract.partition_spec import PartitionSpec


def try_topics(settings: Settings, topics: Sequence[str], rows: int) -> Iterator[TopicTrial]:
    """At most `rows` messages of each topic. Changes nothing. Raises as ClusterView, and UnreachableError."""
    cluster = ClusterView(settings.librdkafka())
    specs = partition_plan.plan(settings, topics, cluster, partition_plan.supervisor_name())
    ends = cluster.log_ends([spec.key for spec in specs])
    for topic in topics:
        ours = [spec for spec in specs if spec.key.topic == topic]
        for spec in ours:
            if spec.key not in ends.known or spec.first_offset < 0:
                why = ends.silent.get(spec.key, "Kafka does not say where its log begins")
                raise UnreachableError(f"{spec.key}: {why}", hint="try again once all partitions have a leader")
        yield _topic(settings, ours, [ends.known[spec.key] for spec in ours], rows)


def _topic(settings: Settings, specs: Sequence[PartitionSpec], ends: Sequence[int], rows: int) -> TopicTrial:
    topic, table = specs[0].key.topic, specs[0].table
    preview = TablePreview(accounts(settings))
    requests = SchemaRequests(lambda: open_registry(settings), preview, patient=False)
    found: list[PartitionTrial] = []
    for at, (spec, end) in enumerate(zip(specs, ends, strict=True)):
        share = -(-rows // (len(specs) - at))
        found.append(OnePartition(spec, requests, preview).run(end, share))
        rows -= found[-1].messages
    missing = table in preview.missing
    statements, note = preview.statements.get(table, []), ""
    if missing:
        statements, note = _to_create(settings, topic)
    return TopicTrial(topic, table, found, missing, statements, note)


def _to_create(settings: Settings, topic: str) -> tuple[list[str], str]:
    """The statements that make the topic's table, as `rtpipe setup` would; or why they are not known."""
    try:
        known = accounts(settings)
        plans = plan_tables(targets(settings, [topic], None), known.infra, known.database, UNASKED)
    except RtpipeError as error:
        return [], error.message
    return [statement for plan in plans for statement in plan.statements], ""
