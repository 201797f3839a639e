"""The plan: topics and settings in, one PartitionSpec for each partition out."""

from __future__ import annotations

import dataclasses
import os
import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence

from avro_schemas import naming
from avro_schemas.tables.metadata_columns import POSITION
from rtpipe.errors import SettingsError
from supervisor.kafka.cluster_view import ClusterView
from supervisor.settings.fields.topic_settings import TopicSettings
from supervisor.settings.settings import Settings
from workers.contract.partition_spec import Limits, PartitionKey, PartitionSpec

#: Stands for the first offset of a partition whose leader has not said it yet; its worker waits for it.
UNKNOWN = -1
#: Signs of life that a process gives in `heartbeat_seconds`, at least, and the longest silence between two of them.
_SIGNS_OF_LIFE, _LONGEST_SILENCE = 3, 10.0
#: Of this machine's cores, what all writers together may spend on batches that are not full.
_SMALL_BATCHES_SHARE = 1 / 8


def supervisor_name() -> str:
    """Names this process: a number alone comes again, in a container at each start."""
    return f"{os.getpid()}-{secrets.token_hex(3)}"


def plan(
    settings: Settings, topics: Sequence[str], cluster: ClusterView, supervisor: str, *, others: int = 0
) -> list[PartitionSpec]:
    """One spec for every partition of every topic, in order; without a first offset where a partition has no leader.

    `supervisor`: as `supervisor_name` says. `others`: partitions beside which these are served. Raises as ClusterView
    and `check_tables` do.
    """
    check_tables(settings.topic, topics)
    facts = cluster.topics(topics)
    cluster_id = cluster.cluster_id(topics[0])
    first = cluster.log_begins([key for topic in facts for key in topic.partitions]).known
    specs = []
    for topic in facts:
        for key in topic.partitions:
            spec = spec_of(
                settings, key, topic_id=topic.topic_id, cluster_id=cluster_id, first_offset=first.get(key, UNKNOWN)
            )
            specs.append(dataclasses.replace(spec, supervisor=supervisor, armed=settings.kill_point))
    share = _SMALL_BATCHES_SHARE * len(os.sched_getaffinity(0)) / max(1, others + len(specs))
    return [dataclasses.replace(spec, limits=dataclasses.replace(spec.limits, cpu_share=share)) for spec in specs]


def spec_of(
    settings: Settings, key: PartitionKey, *, topic_id: str, cluster_id: str, first_offset: int
) -> PartitionSpec:
    """What the settings say of one partition, with what Kafka says of it."""
    chosen = settings.topic(key.topic)
    return PartitionSpec(
        key=key,
        group=chosen.group or naming.group_for(key.topic),
        table=table_of(key.topic, chosen),
        first_offset=first_offset,
        topic_id=topic_id,
        cluster_id=cluster_id,
        kafka=settings.librdkafka(),
        kafka_file=settings.secret_file("kafka"),
        database_url=settings.database_url.get_secret_value(),
        database_url_file=settings.secret_file("database_url"),
        database_seconds=settings.database_seconds,
        rules=chosen.rules(),
        subjects=chosen.subjects(),
        load_data=chosen.load_data,
        journal=chosen.journal,
        dead_letters=chosen.on_error == "dead_letter",
        dead_letters_per_minute=chosen.dead_letters_per_minute,
        limits=limits_of(chosen),
        heartbeat_every=min(_LONGEST_SILENCE, settings.heartbeat_seconds / _SIGNS_OF_LIFE),
        log_format=settings.log_format,
        log_level=settings.log_level,
    )


def retuned(spec: PartitionSpec, chosen: TopicSettings) -> PartitionSpec:
    """With those of the topic's settings that may change while its partitions are served."""
    return dataclasses.replace(
        spec,
        limits=dataclasses.replace(limits_of(chosen), cpu_share=spec.limits.cpu_share),
        load_data=chosen.load_data,
        journal=chosen.journal,
        dead_letters=chosen.on_error == "dead_letter",
        dead_letters_per_minute=chosen.dead_letters_per_minute,
    )


def new_partition(other: PartitionSpec, key: PartitionKey) -> PartitionSpec:
    """The spec of a partition that the topic got while `other` of its partitions was served."""
    return dataclasses.replace(other, key=key, first_offset=UNKNOWN, known=False, last_epoch=-1, armed="")


def table_of(topic: str, chosen: TopicSettings) -> str:
    """The table that a topic's rows go to."""
    return chosen.table or naming.table_for(topic)


def limits_of(chosen: TopicSettings) -> Limits:
    """A topic's settings as the worker takes them."""
    return Limits(
        batch_rows=chosen.batch_rows,
        batch_bytes=chosen.batch_bytes,
        linger_seconds=chosen.linger_ms / 1000,
        cpu_share=_SMALL_BATCHES_SHARE,
        queue_batches=chosen.queue_batches,
        queue_low=chosen.queue_batches // 4,
    )


def check_tables(settings_of: Callable[[str], TopicSettings], topics: Sequence[str]) -> None:
    """Refuse two topics that would share a table without anybody having asked for it."""
    users = defaultdict(list)
    for topic in topics:
        chosen = settings_of(topic)
        if chosen.shared_table and chosen.mode == "insert" and set(POSITION) <= set(chosen.metadata_columns):
            raise SettingsError(
                f"topic {topic}: shared_table = true, and {' and '.join(POSITION)} would be the primary key of its"
                " table, which says nothing of the topic",
                hint="leave the two out of metadata_columns",
            )
        if not chosen.shared_table:
            users[table_of(topic, chosen).casefold()].append(topic)
        if problem := naming.own_table_problem(table_of(topic, chosen)):
            raise SettingsError(f"topic {topic}: table {table_of(topic, chosen)}: {problem}")
    for table, sharing in users.items():
        if len(sharing) > 1:
            raise SettingsError(
                f"topics {', '.join(sharing)} would all go to table {table}",
                hint="give each a `table` of its own in rtpipe.toml, or say shared_table = true for them",
            )
