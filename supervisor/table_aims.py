"""Which schema each table of `rtpipe table` is held against: a file's, or the newest in the registry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from avro_schemas.errors import SchemaError, SettingsError
from avro_schemas.naming import subject_for
from avro_schemas.registry_client import Registry
from avro_schemas.schema_files import SchemaFiles
from supervisor import partition_plan
from supervisor.cli_options import topic_names
from supervisor.registry_settings import open_registry
from supervisor.settings import Settings
from supervisor.table_plan import TableAim


def aims(settings: Settings, topics: list[str] | None, schema: Path | None) -> list[TableAim]:
    """An aim for each topic. SettingsError for no topic, SchemaError where there is no schema for one."""
    given = _from_file(schema, topics) if schema else {}
    names = topic_names(topics) if topics else list(given)
    if not names:
        raise SettingsError("no topic given", hint="for example: --topics orders, or --schema orders.avsc")
    partition_plan.check_tables(settings, names)
    registry = open_registry(settings) if settings.schema_registry_url.get_secret_value() else None
    return [_aim(name, settings, registry, given.get(name)) for name in names]


def _aim(topic: str, settings: Settings, registry: Registry | None, given: Any) -> TableAim:
    schema_id, schema = None, given
    if given is None:
        assert registry is not None
        schema_id, schema = registry.latest(subject_for(topic))

    def versions() -> Sequence[Any]:
        return [known for _, known in registry.versions(subject_for(topic))] if registry else ()

    chosen = settings.topic(topic)
    return TableAim(topic, partition_plan.table_of(topic, chosen), schema_id, schema, chosen.rules(), versions)


def _from_file(path: Path, topics: list[str] | None) -> dict[str, Any]:
    """Topic -> its schema. A file with one schema may be for a topic of another name."""
    found = {one.name: one.schema for one in SchemaFiles([path]).read(path)}
    names = topic_names(topics) if topics else list(found)
    if len(found) == len(names) == 1:
        return dict(zip(names, found.values(), strict=True))
    if missing := [name for name in names if name not in found]:
        raise SchemaError(
            f"{path}: no schema for {', '.join(missing)}", hint=f"it has schemas for {', '.join(sorted(found))}"
        )
    return {name: found[name] for name in names}
