"""Which schema each table of `rtpipe table` is held against: a file's, or the newest in the registry."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from avro_schemas.files.schema_files import SchemaFiles
from avro_schemas.registry.errors import SchemaNotFoundError
from avro_schemas.registry.subject_names import record_name
from avro_schemas.registry.topic_schemas import TopicSchemas
from avro_schemas.tables.lineage import lineage_of
from rtpipe.errors import SchemaError, SettingsError
from supervisor import partition_plan
from supervisor.kafka.topic_sample import known_schemas, sampled_ids
from supervisor.schemas.table_plans.table_plan import TableTarget
from supervisor.settings import settings as settings_module
from supervisor.settings.fields.registry_settings import open_registry
from supervisor.settings.settings import Settings


def targets(
    settings: Settings, topics: Sequence[str], schema: Path | None, schema_id: int | None = None
) -> list[TableTarget]:
    """A target for each topic, or several where its subjects are those of its records. `schema_id`: not the newest.

    Without `topics`: those of the file `schema`. SettingsError for no topic, SchemaError for one without a schema.
    """
    given = _from_file(schema, topics) if schema else {}
    names = topics or list(given)
    if not names:
        raise SettingsError("no topic given", hint="for example: --topics orders, or --schema orders.avsc")
    partition_plan.check_tables(settings.topic, names)
    if schema_id is not None and (len(names) > 1 or schema):
        raise SettingsError("--schema-id is for one topic, and instead of --schema")
    registry = open_registry(settings) if settings.schema_registry_url.get_secret_value() else None
    found: list[TableTarget] = []
    for name in names:
        schemas = TopicSchemas(lambda: registry, name, settings.topic(name).subjects()) if registry else None
        if schema:
            found += _targets_of(name, settings, schemas, [(None, given[name])])
        elif schemas is None:
            raise SettingsError("--schema-registry-url is missing", hint="or name a file: --schema orders.avsc")
        else:
            newest = _newest(name, settings, schemas) if schema_id is None else {schema_id: schemas.value(schema_id)}
            found += _targets_of(name, settings, schemas, list(newest.items()))
    return found


def _targets_of(
    topic: str, settings: Settings, schemas: TopicSchemas | None, wanted: Sequence[tuple[int | None, Any]]
) -> list[TableTarget]:
    """One for each schema; those of other records are versions, too: their columns are in the same table."""

    @cache
    def versions() -> Sequence[Any]:
        found = schemas.versions(schema for _, schema in wanted) if schemas else {}
        others = {number: one for number, one in wanted if number is not None}
        return [one for _, one in sorted((found | others).items())]

    chosen = settings.topic(topic)
    table, rules, by_record = partition_plan.table_of(topic, chosen), chosen.rules(), chosen.subjects().by_record

    def target(schema_id: int | None, schema: Any) -> TableTarget:
        lineage = cache(lambda: lineage_of([*versions(), schema], table, rules))
        return TableTarget(topic, table, schema_id, schema, rules, lineage, by_record)

    return [target(number, schema) for number, schema in wanted]


def _newest(topic: str, settings: Settings, schemas: TopicSchemas) -> dict[int, Any]:
    """Id -> the newest schema; without a subject that says so, that of each record in the newest messages."""
    newest = schemas.newest()
    if newest is not None:
        return dict([newest])
    settings_module.require(settings, "bootstrap_servers")
    met = known_schemas(schemas, sampled_ids(settings.librdkafka(), topic))
    known = {**met, **schemas.versions(met.values())}
    of_record = {record_name(known[number]): number for number in sorted(known)}
    if not of_record:
        names = settings.topic(topic).subjects()
        raise SchemaNotFoundError(
            f"topic {topic}: the registry has no subject {names.of_value(topic) or names.values}, and none of the"
            " newest messages has a schema of the topic's",
            hint="`subject` in rtpipe.toml says under which subjects they are; or name one: --schema, --schema-id",
        )
    return {number: known[number] for number in of_record.values()}


def _from_file(path: Path, topics: Sequence[str]) -> dict[str, Any]:
    """Topic -> its schema. A file with one schema may be for a topic of another name."""
    found = {one.name: one.schema for one in SchemaFiles([path]).read(path)}
    names = topics or list(found)
    if len(found) == len(names) == 1:
        return dict(zip(names, found.values(), strict=True))
    if missing := [name for name in names if name not in found]:
        raise SchemaError(
            f"{path}: no schema for {', '.join(missing)}", hint=f"it has schemas for {', '.join(sorted(found))}"
        )
    return {name: found[name] for name in names}
