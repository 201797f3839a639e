"""Keeps a topic's table fit for every schema that arrives; runs in the supervisor, off its loop."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from avro_schemas.columns.found_table import FoundTable
from avro_schemas.tables.evolution import EvolutionError
from avro_schemas.tables.key_schema import key_schema
from avro_schemas.tables.layout import TableLayout, table_layout
from avro_schemas.tables.rules import TableRules
from avro_schemas.tables.unfit import TableUnfitError
from infra.provision.accounts import Accounts
from infra.tables.alter_table import Alteration, reasons
from infra.tables.change_history import Cause
from infra.tables.table_session import TableSession, connected
from rtpipe.credentials import AccessDeniedError, LoginRefusedError
from rtpipe.errors import RtpipeError, UnreachableError
from rtpipe.log import get_logger
from supervisor.schemas.column_limits import ColumnLimits
from supervisor.schemas.table_plans.plan_run import carried_out
from supervisor.schemas.table_plans.plan_verdict import (
    layout_with_rest,
    layout_without_changes,
    require_done,
    require_no_person,
)
from supervisor.schemas.table_plans.table_plan import TableTarget, plan_existing
from supervisor.schemas.topic_facts import TopicFacts

log = get_logger("supervisor")


@dataclass(frozen=True, slots=True)
class KeyLayout:
    """What a table's key columns alone tell."""

    schema: Any  #: a record of the fields that fill them
    layout: TableLayout


@dataclass(frozen=True, slots=True)
class _Looked:
    """The table as it was last looked at, and whether it was altered since the first look."""

    table: FoundTable | None
    altered: bool = False


#: What one schema gets, and the table after that.
_Fitted = tuple[TableLayout | RtpipeError, _Looked]


class TableFitter:
    """The only one that alters tables while rows flow: with the infra account, on a connection of its own, on which no
    row is ever written, and while the writer that asks has no transaction open.
    """

    def __init__(self, accounts: Accounts, facts: TopicFacts | None = None) -> None:
        """`facts` learns what was altered."""
        self._facts = facts or TopicFacts()
        self._account = accounts.infra
        self._database = accounts.database
        self._limits = ColumnLimits()
        self._closed = set[str]()  # tables in whose history no entry is left open

    def fit(self, targets: Sequence[TableTarget]) -> list[TableLayout | RtpipeError]:
        """The layout of each schema's rows in their one table as it is now, after what had to be altered for them all.

        Or the error of that schema: SchemaError and SettingsError if it gives no table, EvolutionError and
        DiscardedError if the settings say so, AccessDeniedError with the SQL that somebody must run. A table that does
        not exist is no error here: the writer reports it. Raises UnreachableError where another try may help.
        """
        table = targets[0].table
        with self._connected(table) as session:
            if table not in self._closed:
                session.close_open_entries()
            self._closed.discard(table)  # what is cut off from here on leaves an entry open
            fitted, last = self._fit_all(session, targets, session.look())
            if last.altered:  # after which the first ones may have columns beside them that they did not have
                fitted, _ = self._fit_all(session, targets, last.table)
            self._closed.add(table)
            return fitted

    def key_layout(self, table: str, rules: TableRules) -> KeyLayout:
        """The key columns of a table, for a topic of which no schema is known. TableUnfitError if they are missing."""
        with self._connected(table) as session:
            found = session.look()
        schema = key_schema(found, rules) if found is not None else None
        if schema is None:
            raise TableUnfitError(
                f"table {table} is not there, or has not the key columns {', '.join(rules.key)}",
                hint="rtpipe setup makes it, once the topic has a message with a value, or from a schema's file:"
                " rtpipe table apply --schema FILE",
            )
        only_key = TableRules(mode=rules.mode, key=rules.key, key_format=rules.key_format, rename=rules.rename)
        return KeyLayout(schema, table_layout(schema, table=table, rules=only_key))

    def tell_limits(self, target: TableTarget) -> None:
        """Say which values the table's columns refuse or may change; alters nothing. Raises as `fit` does."""
        with self._connected(target.table) as session:
            found = session.look()
        if found is not None:
            self._limits.tell(plan_existing(target, found, self._database))

    def _connected(self, table: str) -> AbstractContextManager[TableSession]:
        return connected(self._account, self._database, table)

    def _fit_all(
        self, session: TableSession, targets: Sequence[TableTarget], found: FoundTable | None
    ) -> tuple[list[TableLayout | RtpipeError], _Looked]:
        looked, fitted = _Looked(found), list[TableLayout | RtpipeError]()
        for target in targets:
            one, looked = self._fit(session, target, looked)
            fitted.append(one)
        return fitted, looked

    def _fit(self, session: TableSession, target: TableTarget, looked: _Looked) -> _Fitted:
        """One of them, in the table as it was last looked at."""
        try:
            if looked.table is None:
                return target.layout(), looked
            plan = plan_existing(target, looked.table, self._database)
            self._limits.tell(plan)
            if not plan.differs:
                return plan.rows, looked
            if target.rules.evolution != "evolve":
                return layout_without_changes(plan), looked
            with session.locked():
                return self._evolved(session, target, looked)
        except (UnreachableError, LoginRefusedError):  # another try may do
            raise
        except RtpipeError as error:
            return error, looked

    def _evolved(self, session: TableSession, target: TableTarget, looked: _Looked) -> _Fitted:
        """Alone with the table: look again, alter it, and look what became of it."""
        found, altered = session.look(), False
        if found is None:
            return target.layout(), _Looked(None, looked.altered)
        plan = plan_existing(target, found, self._database)
        try:
            require_no_person(plan)
            for alteration, done in carried_out(plan, session, may_copy=target.rules.allow_copy):
                altered |= done
                self._tell(alteration, plan.cause, done=done)
                require_done(alteration, plan, done=done)
        except (EvolutionError, AccessDeniedError) as error:
            return error, _Looked(session.look(), looked.altered or altered)  # a part of it may be done
        if altered:
            found = session.look()
        if found is None:
            return target.layout(), _Looked(None, altered)
        layout = layout_with_rest(plan_existing(target, found, self._database))
        return layout, _Looked(found, looked.altered or altered)

    def _tell(self, alteration: Alteration, cause: Cause, *, done: bool) -> None:
        extra = {"event": "table_altered" if done else "table_not_altered", "topic": cause.topic, "sql": alteration.sql}
        extra["schema_id"] = str(cause.schema_id)
        if done:
            self._facts.changed(cause.topic, cause.schema_id, alteration.sql)
            log.info("schema id %s of %s: %s", cause.schema_id, cause.topic, reasons(alteration.changes), extra=extra)
        else:
            log.warning("the server would copy the table: %s", alteration.begin, extra=extra)
