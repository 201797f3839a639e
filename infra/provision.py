"""`rtpipe infra create`: from a schema file to subjects, topics, tables, users and privileges.

Everything is looked at before anything is made: a bad file, a service that is down, a refused password or an
incompatible schema leaves all as it was. What is there already is never altered; where it is not what the schemas
ask for, it is reported as `differs`, the rest is still made, and the exit code is 3. Running it twice changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avro_schemas.datasets import avro_path, avro_text, dump_avro, read_datasets
from avro_schemas.errors import ExitCode, SchemaError, SettingsError
from avro_schemas.naming import subject_for, table_for
from avro_schemas.registry_client import Registry
from avro_schemas.table_layout import TableLayout, table_layout
from avro_schemas.table_rules import PLAIN, TableRules
from infra.accounts import Accounts, accounts_of
from infra.database import Sessions
from infra.provision_database import database_items
from infra.provision_items import ProvisionItem, State
from infra.topics import Cluster, TopicAdmin, TopicFacts, copies_for

log = logging.getLogger("rtpipe.infra.create")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionRequest:
    """What to make and where; the URLs hold passwords, so `repr` shows none of them."""

    schemas: Path  #: a schema_before.json; schema_avro.json is written beside it
    kafka: Mapping[str, str] = field(repr=False)  #: librdkafka properties, at least `bootstrap.servers`
    registry_url: str = field(repr=False)
    database_url: str = field(repr=False)  #: the consumer's; serves for the others where they are None
    infra_database_url: str | None = field(default=None, repr=False)
    admin_database_url: str | None = field(default=None, repr=False)
    registry_config: Mapping[str, str] = field(default_factory=dict, repr=False)
    partitions: int = 3
    replication_factor: int | None = None  #: None: 3, or the number of brokers where that is less
    table_of: Callable[[str], str] = table_for  #: topic -> table
    rules_of: Callable[[str], TableRules] = lambda _topic: PLAIN  #: topic -> what its settings ask of the table


@dataclass(frozen=True, slots=True)
class ProvisionResult:
    """What was found and done, in the order of the work."""

    items: tuple[ProvisionItem, ...]

    @property
    def exit_code(self) -> ExitCode:
        """DIFFERENT if something is there and is not what the schemas ask for."""
        differs = any(item.state is State.DIFFERS for item in self.items)
        return ExitCode.DIFFERENT if differs else ExitCode.DONE


def plan(request: ProvisionRequest) -> ProvisionResult:
    """What `create` would do now, as the same items in the states `to create`, `already there` and `differs`.

    Changes nothing. Raises SettingsError and SchemaError (with every problem of the file), UnreachableError within
    seconds, AccessDeniedError (whose hint is the SQL to run where SQL helps), DatabaseSetupError and TopicSetupError.
    """
    with closing(_Provision(request)) as provision:
        return ProvisionResult(provision.items(dry_run=True))


def create(request: ProvisionRequest) -> ProvisionResult:
    """Makes what is missing, after `plan` found nothing to complain of; raises as `plan` does."""
    with closing(_Provision(request)) as provision:
        provision.items(dry_run=True)
        return ProvisionResult(provision.items(dry_run=False))


class _Provision:
    """One run: what the schema file asks for, and the clients to look and work with."""

    def __init__(self, request: ProvisionRequest) -> None:
        log.info("data pipeline setting start...")
        if request.partitions < 1 or (request.replication_factor or 1) < 1:
            raise SettingsError("partitions and replication factor are numbers of at least 1")
        self._request = request
        self._schemas = read_datasets(request.schemas)
        self._layouts = _layouts(self._schemas, request)
        self._accounts: Accounts = accounts_of(
            request.database_url, request.infra_database_url, request.admin_database_url
        )
        self._registry = Registry(request.registry_url, request.registry_config)
        self._topics = TopicAdmin(request.kafka)
        self._sessions = Sessions()

    def close(self) -> None:
        """Closes the connections."""
        self._sessions.close()
        self._registry.close()

    def items(self, *, dry_run: bool) -> tuple[ProvisionItem, ...]:
        """One look at everything, and unless `dry_run` the work."""
        self._registry.check()
        cluster = self._topics.describe()
        tables = [
            (layout.table, self._request.rules_of(schema["name"]))
            for layout, schema in zip(self._layouts, self._schemas, strict=True)
        ]
        return (
            self._schema_file(dry_run=dry_run),
            *(self._subject(schema, dry_run=dry_run) for schema in self._schemas),
            *self._topic_items(cluster, dry_run=dry_run),
            *database_items(self._sessions, self._accounts, tables, dry_run=dry_run),
        )

    def _schema_file(self, *, dry_run: bool) -> ProvisionItem:
        target = avro_path(self._request.schemas)
        old = target.read_text(encoding="utf-8", errors="replace") if target.is_file() else None
        if old == avro_text(self._schemas):
            return ProvisionItem("schema file", str(target), State.THERE)
        if not dry_run:
            dump_avro(self._schemas, self._request.schemas)
            log.info("Avro schema Json dumped successfully ... %s", target)
        detail = "" if old is None else "replaces an older one"
        return ProvisionItem("schema file", str(target), _made(dry_run), detail)

    def _subject(self, schema: Mapping[str, Any], *, dry_run: bool) -> ProvisionItem:
        subject = subject_for(schema["name"])
        schema_id = self._registry.find(subject, schema)
        if schema_id is not None:
            return ProvisionItem("subject", subject, State.THERE, f"schema id {schema_id}")
        if not self._registry.accepts(subject, schema):
            raise SchemaError(
                f"{self._request.schemas}: dataset {schema['name']!r}: the registry holds the schema for incompatible "
                f"with the newest one of {subject}",
                hint="give new fields a ?, keep the types of the others, or change the subject's compatibility rule",
            )
        if dry_run:
            return ProvisionItem("subject", subject, State.TO_CREATE)
        schema_id = self._registry.register(subject, schema)
        return ProvisionItem("subject", subject, State.CREATED, f"schema id {schema_id}")

    def _topic_items(self, cluster: Cluster, *, dry_run: bool) -> list[ProvisionItem]:
        names = [schema["name"] for schema in self._schemas]
        for name in names:
            if neighbour := cluster.neighbour(name):
                raise SchemaError(
                    f"{self._request.schemas}: dataset {name!r}: there is a topic {neighbour!r} that Kafka or MySQL "
                    "cannot tell from it",
                    hint="rename the dataset: names must differ in more than case, and '.' counts as '_'",
                )
        missing = [name for name in names if name not in cluster.topics]
        wanted = TopicFacts(self._request.partitions, copies_for(cluster.brokers, self._request.replication_factor))
        if not dry_run:
            self._topics.create(missing, partitions=wanted.partitions, copies=wanted.copies)
        return [self._topic(name, cluster.topics.get(name), wanted, dry_run=dry_run) for name in names]

    def _topic(self, name: str, found: TopicFacts | None, wanted: TopicFacts, *, dry_run: bool) -> ProvisionItem:
        detail = f"{wanted.partitions} partitions, replication factor {wanted.copies}"
        if found is None:
            return ProvisionItem("topic", name, _made(dry_run), detail)
        copies_differ = self._request.replication_factor is not None and found.copies != wanted.copies
        if found.partitions != wanted.partitions or copies_differ:
            is_now = f"{found.partitions} partitions, replication factor {found.copies}"
            return ProvisionItem("topic", name, State.DIFFERS, f"{is_now} instead of {detail}")
        return ProvisionItem(
            "topic", name, State.THERE, f"{found.partitions} partitions, replication factor {found.copies}"
        )


def _layouts(schemas: Iterable[Mapping[str, Any]], request: ProvisionRequest) -> list[TableLayout]:
    """The tables of all schemas; every one that is refused is told."""
    layouts, problems = [], []
    for schema in schemas:
        name = schema["name"]
        try:
            layout = table_layout(schema, table=request.table_of(name), rules=request.rules_of(name))
        except SchemaError as error:
            problems.append(error.message)
            continue
        for warning in layout.warnings:
            log.warning("dataset %s: %s", name, warning)
        log.info("Avro schema created successfully ... %s", name)
        layouts.append(layout)
    if problems:
        raise SchemaError(f"{request.schemas}: " + "\n  ".join(problems), hint="nothing was created")
    return layouts


def _made(dry_run: bool) -> State:
    return State.TO_CREATE if dry_run else State.CREATED
