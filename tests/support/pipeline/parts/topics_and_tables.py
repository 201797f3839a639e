"""The topics of a pipeline, their tables, and the settings of both."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.hosts import HOSTS
from avro_schemas.tables.own_tables.journal import JOURNAL
from avro_schemas.tables.own_tables.offsets import OFFSETS
from avro_schemas.tables.rules import TableRules
from infra.provision.accounts import table_privileges
from infra.stack.state import Addresses
from infra.tables.ddl import create_table_sql
from supervisor.settings.fields.topic_settings import TopicSettings
from tests.support.pipeline.raw_clients import connect


def schema_named(name: str) -> dict[str, Any]:
    """`key` and `seq` (a sequence number per key) tell every message from every other one."""
    return {
        "type": "record",
        "name": name.replace("-", "_"),
        "namespace": "com.exam",
        "fields": [
            {"name": "key", "type": {"type": "string", "maxLength": 64}},
            {"name": "seq", "type": "long"},
            {"name": "payload", "type": "string"},
        ],
    }


def as_toml(value: Any) -> str:
    """A value for rtpipe.toml."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {as_toml(one)}" for name, one in value.items()) + "}"
    return json.dumps(value)


@dataclass
class TopicsAndTables:
    """`partitions` of each of `topics`; tables with `_kafka_partition` and `_kafka_offset` unless told otherwise."""

    addresses: Addresses
    directory: Path
    topics: list[str]
    partitions: int = 3
    metadata: bool = True
    settings: dict[str, Any] = field(default_factory=dict)
    database: str = "bank"
    topic_config: dict[str, str] = field(default_factory=dict)
    copies: int = 1  #: replicas of each partition
    prefix: tuple[str, ...] = ()  #: what its commands are run by
    _sequence: Counter[str] = field(default_factory=Counter)
    _schema_ids: dict[str, int] = field(default_factory=dict)
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def create(self) -> None:
        """Subjects, topics, tables and grants."""
        with SchemaRegistryClient({"url": self.addresses.schema_registry_url}) as registry:
            for topic in self.topics:
                text = json.dumps(schema_named(topic))
                self._schema_ids[topic] = registry.register_schema(f"{topic}-value", Schema(text, "AVRO"))
        admin = AdminClient({"bootstrap.servers": self.addresses.bootstrap_servers})
        created = admin.create_topics(
            [NewTopic(topic, self.partitions, self.copies, config=self.topic_config) for topic in self.topics]
        )
        for future in created.values():
            future.result(30)
        with contextlib.closing(connect(self.addresses.admin_database_url, self.database)) as connection:
            cursor = connection.cursor()
            cursor.execute(create_table_sql(OFFSETS))
            cursor.execute(create_table_sql(DEAD_LETTERS))
            cursor.execute(create_table_sql(HOSTS))
            cursor.execute(create_table_sql(JOURNAL))
            grantee = f"'{self.user}'@'%'"
            cursor.execute(f"GRANT SELECT, INSERT, UPDATE ON {self.database}.kafka_offsets TO {grantee}")
            cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {self.database}.{DEAD_LETTERS.name} TO {grantee}")
            cursor.execute(f"GRANT SELECT, INSERT, UPDATE ON {self.database}.{HOSTS.name} TO {grantee}")
            cursor.execute(f"GRANT SELECT, INSERT, DELETE ON {self.database}.{JOURNAL.name} TO {grantee}")
            cursor.execute("SELECT VERSION()")
            mariadb = "mariadb" in str(cursor.fetchone()).lower()
            for topic in self.topics:
                layout = table_layout(schema_named(topic), table=topic, rules=self.rules)
                cursor.execute(create_table_sql(layout.table, mariadb=mariadb))
                privileges = ", ".join(table_privileges(topic, self.rules))
                cursor.execute(f"GRANT {privileges} ON {self.database}.`{topic}` TO {grantee}")
        self.write_settings()

    @property
    def user(self) -> str:
        """The writers' account, also of a URL that names several servers."""
        return self.addresses.database_url.partition("://")[2].partition(":")[0]

    @property
    def rules(self) -> TableRules:
        """What the settings ask of each table."""
        place = {"metadata_columns": ("_kafka_partition", "_kafka_offset")} if self.metadata else {}
        return TopicSettings.model_validate(place | self.settings).rules()

    def write_settings(self) -> None:
        """rtpipe.toml in the pipeline's directory."""
        lines = ["[defaults]"]
        if self.metadata:
            lines.append('metadata_columns = ["_kafka_partition", "_kafka_offset"]')
        settings = {"on_error": "stop"} | self.settings
        lines += [f"{name} = {as_toml(value)}" for name, value in settings.items()]
        (self.directory / "rtpipe.toml").write_text("\n".join(lines) + "\n")
