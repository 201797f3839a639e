"""Keeps a topic's table fit for every schema that arrives; runs in the supervisor, off its loop."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from avro_schemas.columns.found_table import FoundTable
from avro_schemas.columns.verdict import Cost
from avro_schemas.tables.changes import AddColumn, Change, MakeNullable, Widen, is_left_to_people
from avro_schemas.tables.evolution import EvolutionError, Placement, place
from avro_schemas.tables.key_schema import key_schema
from avro_schemas.tables.layout import TableLayout, placed, table_layout
from avro_schemas.tables.lineage import Lineage
from avro_schemas.tables.rules import TableRules
from avro_schemas.tables.unfit import TableUnfitError
from infra.provision.accounts import Accounts
from infra.tables.alter_table import Alteration, alterations, reasons
from infra.tables.table_session import Cause, TableBusyError, TableSession, connected
from rtpipe.credentials import AccessDeniedError, LoginRefusedError
from rtpipe.errors import RtpipeError, UnreachableError
from rtpipe.log import get_logger
from supervisor.schemas.column_limits import ColumnLimits
from workers.contract.refusal import Reason

log = get_logger("supervisor")


class DiscardedError(RtpipeError):
    """The table does not fit the schema, and the topic's settings make dead letters of its messages."""

    name = Reason.DISCARDED.value


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows of a schema, for which the table is to be fit."""

    cause: Cause
    layout: TableLayout


@dataclass(frozen=True, slots=True)
class KeyLayout:
    """What a table's key columns alone tell."""

    schema: Any  #: a record of the fields that fill them
    layout: TableLayout


@dataclass(slots=True)
class _Looked:
    """The table as it was last looked at, and whether it was altered since the first look."""

    table: FoundTable | None
    altered: bool = False


class TableFitter:
    """The only one that alters tables while rows flow: with the infra account, on a connection of its own, on which no
    row is ever written, and while the writer that asks has no transaction open.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._account = accounts.infra
        self._database = accounts.database
        self._limits = ColumnLimits()
        self._settled = set[str]()  # tables whose history a predecessor may have left open, and was looked at

    def fit(
        self, wanted: Sequence[Wanted], rules: TableRules, lineage: Callable[[], Lineage] = Lineage
    ) -> list[TableLayout | RtpipeError]:
        """The layout of each schema's rows in their table as it is now, after what had to be altered for them all.

        Or the error of that schema: EvolutionError and DiscardedError if the contract says so, AccessDeniedError with
        the SQL that somebody must run. A table that is not there is the writer's to complain of. UnreachableError
        is raised where another try may do.
        """
        table = wanted[0].layout.name
        with connected(self._account, self._database, table) as session:
            if table not in self._settled:
                session.settle_history()
            self._settled.discard(table)  # what is cut off from here on leaves an entry open
            found = _Looked(session.look())
            fitted = [self._fit(session, found, one, rules, lineage) for one in wanted]
            if found.altered:  # after which the first ones may have columns beside them that they did not have
                fitted = [self._fit(session, found, one, rules, lineage) for one in wanted]
            self._settled.add(table)
            return fitted

    def key_layout(self, table: str, rules: TableRules) -> KeyLayout:
        """The key columns of a table whose schema nobody has told yet. TableUnfitError if it does not have them."""
        with connected(self._account, self._database, table) as session:
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

    def tell_limits(self, wanted: Wanted, rules: TableRules, lineage: Callable[[], Lineage]) -> None:
        """Say which values the table's columns refuse or may change; alters nothing. Raises as `fit` does."""
        with connected(self._account, self._database, wanted.layout.name) as session:
            found = session.look()
        if found is not None:
            self._limits.tell(wanted.cause, place(wanted.layout, found, rules, lineage))

    def _fit(
        self, session: TableSession, found: _Looked, one: Wanted, rules: TableRules, lineage: Callable[[], Lineage]
    ) -> TableLayout | RtpipeError:
        """One of them, in the table as it was last looked at."""
        if found.table is None:
            return one.layout
        try:
            placement = place(one.layout, found.table, rules, lineage)
            self._limits.tell(one.cause, placement)
            if not placement.changes and not placement.refused:
                return placement.layout
            if rules.evolution != "evolve":
                return self._by_contract(one.cause, placement, rules)
            with session.locked():
                return self._evolved(session, found, one, rules, lineage)
        except (UnreachableError, LoginRefusedError):  # another try may do
            raise
        except RtpipeError as error:
            return error

    def _evolved(
        self, session: TableSession, found: _Looked, one: Wanted, rules: TableRules, lineage: Callable[[], Lineage]
    ) -> TableLayout:
        try:
            layout, found.table, altered = self._altered(session, one.cause, one.layout, rules, lineage)
        except (EvolutionError, AccessDeniedError):
            found.table, found.altered = session.look(), True  # a part of it may be done
            raise
        found.altered |= altered
        return layout

    def _by_contract(self, cause: Cause, placement: Placement, rules: TableRules) -> TableLayout:
        """What becomes of rows for which the table may not change. Those that only a wider column holds stop there."""
        wanted = [*map(str, placement.changes), *map(str, placement.refused)]
        landed = {column.name for column in placement.layout.columns}
        lasting = [
            one
            for one in placement.changes
            if not isinstance(one, AddColumn | Widen) and not (is_left_to_people(one) and one.column in landed)
        ]
        held = [*map(str, lasting), *(str(one) for one in placement.refused if not one.droppable)]
        if rules.evolution == "discard_row":
            raise DiscardedError(
                f"schema id {cause.schema_id} does not fit table {placement.layout.name}: {'; '.join(wanted)}"
            )
        if rules.evolution == "freeze" or held:
            raise EvolutionError(
                f'table {placement.layout.name} does not fit, and evolution = "{rules.evolution}" leaves it as it is: '
                + "; ".join(wanted if rules.evolution == "freeze" else held),
                hint=f"rtpipe table apply --topics {cause.topic}, then rtpipe resume {cause.topic}",
            )
        return placement.discarding()

    def _altered(
        self,
        session: TableSession,
        cause: Cause,
        layout: TableLayout,
        rules: TableRules,
        lineage: Callable[[], Lineage],
    ) -> tuple[TableLayout, FoundTable | None, bool]:
        """Alone with the table: look again, alter it, and look what became of it; and whether it was altered."""
        table, altered = session.look(), False
        if table is None:
            return layout, None, False
        placement = place(layout, table, rules, lineage)
        if placement.refused:
            raise _refusal(placement, cause)
        landed = {column.name for column in placement.layout.columns}
        theirs = [change for change in placement.changes if is_left_to_people(change)]
        if locked := [change for change in theirs if change.column not in landed]:
            raise _needs_leave(self._database, placement, table, locked, cause)
        ours = [change for change in placement.changes if not is_left_to_people(change)]
        for alteration in alterations(self._database, layout.name, table, ours):
            if alteration.cost is Cost.COPY and not rules.allow_copy:
                continue
            done = session.alter(alteration, cause, may_copy=rules.allow_copy)
            altered |= done
            _tell(alteration, cause, done=done)
            if not done and not all(isinstance(change, Widen) for change in alteration.changes):
                raise _needs_copy(alteration, layout.name, cause)
        if altered:
            table = session.look()
        if table is None:
            return layout, None, altered
        return _settled(place(layout, table, rules, lineage), table, self._database), table, altered


def _settled(placement: Placement, table: FoundTable, database: str) -> TableLayout:
    """What is left may be columns that stay narrow or NOT NULL, which know the statement that helps."""
    left = [one for one in placement.changes if not isinstance(one, Widen) and not is_left_to_people(one)]
    if placement.refused or left:
        raise TableBusyError(f"table {placement.layout.name} was changed by somebody else meanwhile")
    changes = {(change.column, type(change)): change for change in placement.changes}

    def statement(column: str, kind: type[Change]) -> str:
        change = changes.get((column, kind))
        return _statement(database, placement.layout.name, table, change) if change else ""

    columns = [
        dataclasses.replace(column, narrow=statement(column.name, Widen), required=statement(column.name, MakeNullable))
        for column in placement.layout.columns
    ]
    return placed(placement.layout, columns, placement.layout.metadata, placement.layout.others)


def _statement(database: str, name: str, table: FoundTable, change: Change) -> str:
    [alteration] = alterations(database, name, table, [change])
    return alteration.sql


def _refusal(placement: Placement, cause: Cause) -> EvolutionError:
    return EvolutionError(
        f"table {placement.layout.name} cannot take it: {'; '.join(map(str, placement.refused))}",
        hint="change the schema, or the column by hand (`rename` or `columns` in rtpipe.toml may help), then"
        f" rtpipe resume {cause.topic}; docs/schemas.md has the rules",
    )


def _needs_copy(alteration: Alteration, name: str, cause: Cause) -> EvolutionError:
    return EvolutionError(
        f"table {name} can be altered only by copying it, which blocks its writers: {alteration.begin}",
        hint=f"rtpipe table apply --topics {cause.topic} does it, then rtpipe resume {cause.topic};"
        " or set allow_copy = true",
    )


def _needs_leave(
    database: str, placement: Placement, table: FoundTable, changes: Sequence[Change], cause: Cause
) -> EvolutionError:
    name = placement.layout.name
    statements = "; ".join(one.begin for one in alterations(database, name, table, changes))
    return EvolutionError(
        f"table {name} has columns that a person made NOT NULL, and this schema has no value for"
        f" {', '.join(change.column for change in changes)}",
        hint=f"give a default, or let NULL in: {statements}; `rtpipe table apply --topics {cause.topic}` asks and does"
        f" it; then rtpipe resume {cause.topic}",
    )


def _tell(alteration: Alteration, cause: Cause, *, done: bool) -> None:
    extra = {"event": "table_altered" if done else "table_not_altered", "topic": cause.topic, "sql": alteration.sql}
    extra["schema_id"] = str(cause.schema_id)
    if done:
        log.info("schema id %s of %s: %s", cause.schema_id, cause.topic, reasons(alteration.changes), extra=extra)
    else:
        log.warning("the server would copy the table: %s", alteration.begin, extra=extra)
