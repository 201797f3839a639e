"""`rtpipe infra create`: from a schema file to subjects, topics, tables, users and privileges.

Everything is looked at before anything is made: a bad file, a service that is down, a refused password or an
incompatible schema leaves all as it was. What is there already is never altered; where it is not what the schemas
ask for, it is reported as `differs`, the rest is still made, and the exit code is 3. Running it twice changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from avro_schemas.files.avro_file import avro_path, avro_text, dump_avro
from avro_schemas.files.file_kinds import FileKind
from avro_schemas.files.schema_files import FileSchema, SchemaFiles
from avro_schemas.naming import collision_key, table_for, topic_problem
from avro_schemas.registry.client import Registry
from avro_schemas.registry.subject_names import USUAL, SubjectNames
from avro_schemas.tables.layout import TableLayout, table_layout
from avro_schemas.tables.lineage import Lineage, lineage_of
from avro_schemas.tables.rules import PLAIN, TableRules
from infra.provision.accounts import Accounts, accounts_of
from infra.provision.database import database_items
from infra.provision.items import ItemState, ProvisionItem, ProvisionResult
from infra.provision.topics import Cluster, FoundTopic, TopicAdmin, copies_for
from infra.tables.database import Sessions
from infra.tables.wanted_table import WantedTable
from rtpipe.errors import SchemaError, SettingsError

#: Partitions of a new topic, unless asked for.
USUAL_PARTITIONS = 3
#: The option by which a person allows what every producer of the topic will meet.
NEW_VERSIONS = "--new-versions"

log = logging.getLogger("rtpipe.infra.create")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionRequest:
    """What to make and where; the URLs hold passwords, so `repr` shows none of them."""

    schemas: Path  #: a file of schemas of any kind; beside a schema_before.json schema_avro.json is written
    schema_root: Path | None = None  #: the folder below which references of JSON Schema may lead
    kafka: Mapping[str, str] = field(repr=False)  #: librdkafka properties, at least `bootstrap.servers`
    registry_url: str = field(repr=False)
    database_url: str = field(repr=False)  #: the consumer's; serves for the others where they are None
    infra_database_url: str | None = field(default=None, repr=False)
    admin_database_url: str | None = field(default=None, repr=False)
    registry_config: Mapping[str, str] = field(default_factory=dict, repr=False)
    topic: str | None = None  #: for a file of one schema: the topic, where that is not called like the record
    new_versions: bool = False  #: whether a schema may be the next version of a subject that exists
    partitions: int | None = None  #: None: 3, and any number for a topic that exists
    replication_factor: int | None = None  #: None: 3, or the number of brokers where that is less
    table_of: Callable[[str], str] = table_for  #: topic -> table
    subjects_of: Callable[[str], SubjectNames] = lambda _topic: USUAL  #: topic -> where its schemas are registered
    rules_of: Callable[[str], TableRules] = lambda _topic: PLAIN  #: topic -> what its settings ask of the table


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
        provision.require_leave()
        return ProvisionResult(provision.items(dry_run=False))


class _Provision:
    """One run: what the schema file asks for, and the clients to look and work with."""

    def __init__(self, request: ProvisionRequest) -> None:
        log.info("data pipeline setting start...")
        asked = (request.partitions, request.replication_factor)
        if any(number is not None and number < 1 for number in asked):
            raise SettingsError("partitions and replication factor are numbers of at least 1")
        self._request = request
        self._schemas = _schemas(request)
        self._layouts = _layouts(self._schemas, request)
        self._accounts: Accounts = accounts_of(
            request.database_url, request.infra_database_url, request.admin_database_url
        )
        self._registry = Registry(request.registry_url, request.registry_config)
        self._topics = TopicAdmin(request.kafka)
        self._sessions = Sessions()
        self._versions_to_come: list[str] = []

    def close(self) -> None:
        """Closes the connections."""
        self._sessions.close()
        self._registry.close()

    def items(self, *, dry_run: bool) -> tuple[ProvisionItem, ...]:
        """One look at everything, and unless `dry_run` the work."""
        self._registry.check()
        cluster = self._topics.describe()
        tables = [self._table(layout, one) for layout, one in zip(self._layouts, self._schemas, strict=True)]
        return (
            *self._schema_file(dry_run=dry_run),
            *(self._subject(one, dry_run=dry_run) for one in self._schemas),
            *self._topic_items(cluster, dry_run=dry_run),
            *database_items(self._sessions, self._accounts, tables, dry_run=dry_run),
        )

    def _table(self, layout: TableLayout, found: FileSchema) -> WantedTable:
        rules = self._request.rules_of(found.name)

        def lineage() -> Lineage:
            versions = [schema for _, schema in self._registry.versions(self._subject_of(found))]
            return lineage_of([*versions, found.schema], layout.name, rules)

        return WantedTable(layout.table, rules, layout, lineage)

    def _schema_file(self, *, dry_run: bool) -> list[ProvisionItem]:
        """The converted datasets; none for schemas that are Avro, or have another source than datasets."""
        if self._schemas[0].kind is not FileKind.DATASETS:
            return []
        schemas = [one.schema for one in self._schemas]
        target = avro_path(self._request.schemas)
        old = target.read_text(encoding="utf-8", errors="replace") if target.is_file() else None
        if old == avro_text(schemas):
            return [ProvisionItem("schema file", str(target), ItemState.THERE)]
        if not dry_run:
            dump_avro(schemas, self._request.schemas)
            log.info("Avro schema Json dumped successfully ... %s", target)
        detail = "" if old is None else "replaces an older one"
        return [ProvisionItem("schema file", str(target), _made(dry_run), detail)]

    def _subject_of(self, found: FileSchema) -> str:
        return self._request.subjects_of(found.name).of_value(found.name, found.schema) or ""

    def _subject(self, found: FileSchema, *, dry_run: bool) -> ProvisionItem:
        subject, schema = self._subject_of(found), found.schema
        schema_id = self._registry.find(subject, schema)
        if schema_id is not None:
            return ProvisionItem("subject", subject, ItemState.THERE, f"schema id {schema_id}")
        newest = self._registry.newest_version(subject)
        if not self._registry.accepts(subject, schema):
            raise SchemaError(
                f"{self._request.schemas}: schema {found.name!r}: the registry holds the schema for incompatible "
                f"with the newest one of {subject}",
                hint="give new fields a ?, keep the types of the others, or change the subject's compatibility rule",
            )
        version = f"new version {newest + 1} of subject {subject}" if newest else ""
        if dry_run:
            if newest and not self._request.new_versions:
                self._versions_to_come.append(version)
                return ProvisionItem("subject", subject, ItemState.DIFFERS, f"{version}; only with {NEW_VERSIONS}")
            return ProvisionItem("subject", subject, ItemState.TO_CREATE, version)
        schema_id = self._registry.register(subject, schema)
        detail = f"{version}, schema id {schema_id}" if newest else f"schema id {schema_id}"
        return ProvisionItem("subject", subject, ItemState.CREATED, detail)

    def require_leave(self) -> None:
        """SettingsError if the last look found that subjects which exist would get another version, unasked."""
        if self._versions_to_come:
            raise SettingsError(
                f"{self._request.schemas}: this would register {', '.join(self._versions_to_come)}; nothing was made",
                hint=f"if that is meant: {NEW_VERSIONS}; for the tables of what is registered already: rtpipe setup",
            )

    def _topic_items(self, cluster: Cluster, *, dry_run: bool) -> list[ProvisionItem]:
        names = [one.name for one in self._schemas]
        for name in names:
            if neighbour := cluster.neighbour(name):
                raise SchemaError(
                    f"{self._request.schemas}: schema {name!r}: there is a topic {neighbour!r} that Kafka or MySQL "
                    "cannot tell from it",
                    hint="rename it: names must differ in more than case, and '.' counts as '_'",
                )
        missing = [name for name in names if name not in cluster.topics]
        wanted = FoundTopic(
            self._request.partitions or USUAL_PARTITIONS, copies_for(cluster.brokers, self._request.replication_factor)
        )
        if not dry_run:
            self._topics.create(missing, partitions=wanted.partitions, copies=wanted.copies)
        return [self._topic(name, cluster.topics.get(name), wanted, dry_run=dry_run) for name in names]

    def _topic(self, name: str, found: FoundTopic | None, wanted: FoundTopic, *, dry_run: bool) -> ProvisionItem:
        detail = f"{wanted.partitions} partitions, replication factor {wanted.copies}"
        if found is None:
            return ProvisionItem("topic", name, _made(dry_run), detail)
        copies_differ = self._request.replication_factor is not None and found.copies != wanted.copies
        partitions_differ = self._request.partitions is not None and found.partitions != wanted.partitions
        if partitions_differ or copies_differ:
            is_now = f"{found.partitions} partitions, replication factor {found.copies}"
            return ProvisionItem("topic", name, ItemState.DIFFERS, f"{is_now} instead of {detail}")
        return ProvisionItem(
            "topic", name, ItemState.THERE, f"{found.partitions} partitions, replication factor {found.copies}"
        )


def _schemas(request: ProvisionRequest) -> list[FileSchema]:
    """The schemas of the file, each under the name of its topic."""
    roots = [request.schema_root] if request.schema_root else []
    found = SchemaFiles([request.schemas], roots=roots).read(request.schemas)
    if request.topic is None:
        return found
    if len(found) > 1:
        raise SettingsError(
            f"{request.schemas} has {len(found)} schemas, and one topic was given: {request.topic}",
            hint="--topic is for a file with one schema",
        )
    if problem := topic_problem(request.topic):
        raise SettingsError(f"topic {request.topic!r}: {problem}")
    return [replace(found[0], name=request.topic)]


def _layouts(schemas: Iterable[FileSchema], request: ProvisionRequest) -> list[TableLayout]:
    """The tables of all schemas; every one that is refused is told."""
    layouts, problems = [], []
    taken: dict[str, str] = {}
    for one in schemas:
        name = one.name
        if (other := taken.setdefault(collision_key(name), name)) != name:
            problems.append(f"schema {name!r}: too like {other!r}; Kafka or MySQL may not tell such names apart")
        try:
            layout = table_layout(one.schema, table=request.table_of(name), rules=request.rules_of(name))
        except SchemaError as error:
            problems.append(error.message)
            continue
        for warning in dict.fromkeys((*one.warnings, *layout.warnings)):
            log.warning("schema %s: %s", name, warning)
        log.info("Avro schema created successfully ... %s", name)
        layouts.append(layout)
    if problems:
        raise SchemaError(f"{request.schemas}: " + "\n  ".join(problems), hint="nothing was created")
    return layouts


def _made(dry_run: bool) -> ItemState:
    return ItemState.TO_CREATE if dry_run else ItemState.CREATED
