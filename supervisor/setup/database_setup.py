"""`rtpipe setup`: from topics and schemas that exist to database, users, tables and privileges.

Kafka and the registry are only read. What the topics' tables need is what `rtpipe table plan` shows; all the rest is
made as `rtpipe infra create` makes it. Running it twice changes nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from avro_schemas.registry.errors import SchemaNotFoundError
from infra.provision.accounts import Accounts
from infra.provision.database import database_items
from infra.provision.items import ItemState, ProvisionItem, ProvisionResult
from infra.provision.topics import FoundTopic, TopicAdmin
from infra.tables.database import Sessions
from infra.tables.wanted_table import WantedTable
from rtpipe.errors import SchemaError
from supervisor.schemas.table_plans.planned_tables import plan_tables
from supervisor.schemas.table_plans.table_apply import make_fit, refuse
from supervisor.schemas.table_plans.table_plan import UNASKED, TablePlan, TableTarget
from supervisor.schemas.table_plans.table_plan_view import lines_of
from supervisor.schemas.table_plans.table_targets import targets
from supervisor.settings.accounts import accounts
from supervisor.settings.settings import Settings
from workers.contract.errors import SetupError


class Setup:
    """What some topics need in the database: `plan` looks, `carry_out` does it. Both raise whatever stands in the way:
    SetupError for a topic that is not there, SchemaError without a schema, EvolutionError for a table that cannot
    take it, and as `infra.provision.provision` does for services and accounts.
    """

    def __init__(self, settings: Settings, topics: Sequence[str]) -> None:
        """Looks at Kafka and the registry."""
        found = _topics_of(settings)
        if missing := [topic for topic in topics if topic not in found]:
            raise _no_topics(missing, found, settings.bootstrap_servers)
        self._facts = {topic: found[topic] for topic in topics}
        try:
            self._targets: list[TableTarget] = targets(settings, list(topics), None)
        except SchemaNotFoundError as error:
            raise SchemaError(
                f"there is no schema for the values of a topic: {error.message}",
                hint="its producer registers it; from a schema file: rtpipe infra create --schemas FILE --topic TOPIC",
            ) from error
        self._accounts: Accounts = accounts(settings)
        #: of every topic's table, as `plan` found it
        self.tables: list[TablePlan] = []

    def plan(self) -> ProvisionResult:
        """What is there, and what `carry_out` would do. Changes nothing."""
        return self._items(dry_run=True)

    def refuse(self) -> None:
        """EvolutionError if a table that `plan` found cannot take its topic's schema."""
        refuse(self.tables)

    def carry_out(self) -> ProvisionResult:
        """Makes what is missing."""
        return self._items(dry_run=False)

    def _items(self, *, dry_run: bool) -> ProvisionResult:
        with closing(Sessions()) as sessions:
            database = database_items(
                sessions, self._accounts, self._layouts(), dry_run=dry_run, topic_tables=self._topic_tables
            )
        return ProvisionResult((*self._sources(), *database))

    def _sources(self) -> list[ProvisionItem]:
        """What is only read: each topic, and below it the schemas that its table is for."""
        items = []
        for topic, facts in self._facts.items():
            items.append(
                ProvisionItem("topic", topic, ItemState.THERE, f"{facts.partitions} partition{_s(facts.partitions)}")
            )
            for target in self._targets:
                if target.topic == topic:
                    detail = f"schema id {target.schema_id}, the newest of topic {topic}"
                    items.append(ProvisionItem("schema", _record_of(target.schema), ItemState.THERE, detail))
        return items

    def _layouts(self) -> list[WantedTable]:
        made = [target.layout() for target in self._targets]
        return [
            WantedTable(layout.table, target.rules, layout) for target, layout in zip(self._targets, made, strict=True)
        ]

    def _topic_tables(self, *, dry_run: bool) -> list[ProvisionItem]:
        """The topics' tables; looked at by the account that surely exists and may see them."""
        if dry_run:
            self.tables = self._looked_at(self._targets)
        plans = self.tables if dry_run else [self._made(target) for target in self._targets]
        by_table: dict[str, list[TablePlan]] = {}
        for plan in plans:
            by_table.setdefault(plan.target.table, []).append(plan)
        return [_item(some, done=not dry_run) for some in by_table.values()]

    def _looked_at(self, targets: Sequence[TableTarget]) -> list[TablePlan]:
        return plan_tables(targets, self._accounts.privileged, self._accounts.database, UNASKED)

    def _made(self, target: TableTarget) -> TablePlan:
        """The plan that was carried out; one that copies the table is left to a person who knows when."""
        [plan] = self._looked_at([target])
        return make_fit(target, self._accounts, UNASKED) if plan.differs and not plan.questions else plan


def _item(plans: Sequence[TablePlan], *, done: bool) -> ProvisionItem:
    """The line of one table, for which each of its records has a plan."""
    state = next(one for one in _STATES[done] if one in {_state(plan, done=done) for plan in plans})
    notes = [note for plan in plans for note in _notes(plan)]
    statements = [f"{sql};\n" for plan in plans for sql in plan.statements]
    return ProvisionItem("table", plans[0].target.table, state, "\n".join(notes), "".join(statements))


#: Of a table of several records, the first that one of them has, before and after the work.
_STATES = {
    False: (ItemState.DIFFERS, ItemState.TO_CREATE, ItemState.TO_CHANGE, ItemState.THERE),
    True: (ItemState.DIFFERS, ItemState.CREATED, ItemState.CHANGED, ItemState.THERE),
}


def _state(plan: TablePlan, *, done: bool) -> ItemState:
    """Missing, short of something that can be given, or other than the schema asks for."""
    if plan.create:
        return ItemState.CREATED if done else ItemState.TO_CREATE
    if plan.refused or plan.questions:
        return ItemState.DIFFERS
    if plan.changes:
        return ItemState.CHANGED if done else ItemState.TO_CHANGE
    return ItemState.THERE


def _notes(plan: TablePlan) -> list[str]:
    if plan.create:
        return list(plan.layout.warnings)
    advice = f"`rtpipe table apply --topics {plan.target.topic}` does it, at a time that you choose"
    return [*lines_of(plan), *([advice] if plan.questions and not plan.refused else [])]


def _topics_of(settings: Settings) -> Mapping[str, FoundTopic]:
    return TopicAdmin(settings.librdkafka()).describe().topics


def _no_topics(missing: Sequence[str], found: Mapping[str, FoundTopic], servers: str) -> SetupError:
    near = {name for topic in missing for name in difflib.get_close_matches(topic, found, n=1)}
    return SetupError(
        f"Kafka at {servers} has no topic {', '.join(missing)}",
        hint=f"did you mean {' or '.join(sorted(near))}?"
        if near
        else "its producer makes it, or, from a schema file: rtpipe infra create --schemas FILE",
    )


def _record_of(schema: Any) -> str:
    """The full name of a record."""
    if not isinstance(schema, dict):
        return "schema"
    return ".".join(filter(None, (schema.get("namespace"), schema.get("name"))))


def _s(number: int) -> str:
    return "" if number == 1 else "s"
