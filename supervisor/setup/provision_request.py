"""What `rtpipe infra create` asks for: settings and options -> ProvisionRequest."""

from __future__ import annotations

from pathlib import Path

from infra.provision.provision import ProvisionRequest
from supervisor import partition_plan
from supervisor.settings.settings import Settings


def request_of(
    settings: Settings,
    schemas: Path,
    *,
    root: Path | None,
    topic: str | None,
    new_versions: bool,
    partitions: int | None,
    replication_factor: int | None,
) -> ProvisionRequest:
    """The request for the schemas of one file."""
    return ProvisionRequest(
        schemas=schemas,
        schema_root=root,
        kafka=settings.librdkafka(),
        registry_url=settings.schema_registry_url.get_secret_value(),
        registry_config=settings.registry,
        database_url=settings.database_url.get_secret_value(),
        infra_database_url=settings.infra_database_url.get_secret_value() or None,
        admin_database_url=settings.admin_database_url.get_secret_value() or None,
        topic=topic,
        new_versions=new_versions,
        partitions=partitions,
        replication_factor=replication_factor,
        table_of=lambda topic: partition_plan.table_of(topic, settings.topic(topic)),
        subjects_of=lambda topic: settings.topic(topic).subjects(),
        rules_of=lambda topic: settings.topic(topic).rules(),
    )
