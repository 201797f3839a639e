"""Keeps a topic's table fit for every schema that arrives; runs in the supervisor, off its loop."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from avro_schemas.column_fit import Cost
from avro_schemas.errors import RtpipeError
from avro_schemas.evolution import EvolutionError, Placement, place
from avro_schemas.found_table import FoundTable
from avro_schemas.lineage import Lineage
from avro_schemas.table_changes import AddColumn, Change, Widen
from avro_schemas.table_layout import TableLayout, placed
from avro_schemas.table_rules import TableRules
from infra.accounts import Accounts
from infra.alter_table import Alteration, alterations, reasons
from infra.table_session import Cause, TableBusyError, TableSession, connected
from workers.process_log import get_logger

log = get_logger("supervisor")


class DiscardedError(RtpipeError):
    """The table does not fit the schema, and the topic's settings make dead letters of its messages."""

    name = "E_DISCARDED"


class TableKeeper:
    """The only one that alters tables while rows flow: with the infra account, on a connection of its own, on which no
    row is ever written, and while the writer that asks has no transaction open.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._account = accounts.infra
        self._database = accounts.database
        self._settled = set[str]()  # tables whose history a predecessor may have left open, and was looked at

    def fit(
        self, cause: Cause, layout: TableLayout, rules: TableRules, lineage: Callable[[], Lineage] = Lineage
    ) -> TableLayout:
        """The layout of the schema's rows in the table as it is now, after what had to be altered for it.

        A table that is not there is the writer's to complain of. EvolutionError and DiscardedError if the contract says
        so; UnreachableError where another try may do; AccessDeniedError with the SQL that somebody must run.
        """
        with connected(self._account, self._database, layout.name) as session:
            table = session.look()
            if table is None:
                return layout
            if layout.name not in self._settled:
                session.settle_history()
                self._settled.add(layout.name)
            placement = place(layout, table, rules, lineage)
            if not placement.changes and not placement.refused:
                return placement.layout
            if rules.evolution != "evolve":
                return self._by_contract(cause, placement, rules)
            with session.locked():
                return self._altered(session, cause, layout, rules, lineage)

    def _by_contract(self, cause: Cause, placement: Placement, rules: TableRules) -> TableLayout:
        """What becomes of rows for which the table may not change. Those that only a wider column holds stop there."""
        wanted = [*map(str, placement.changes), *map(str, placement.refused)]
        lasting = [one for one in placement.changes if not isinstance(one, AddColumn | Widen)]
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
    ) -> TableLayout:
        """Alone with the table: look again, alter it, and look what became of it."""
        table = session.look()
        if table is None:
            return layout
        placement = place(layout, table, rules, lineage)
        if placement.refused:
            raise _refusal(placement, cause)
        for alteration in alterations(self._database, layout.name, table, placement.changes):
            if alteration.cost is Cost.COPY and not rules.allow_copy:
                continue
            done = session.alter(alteration, cause, may_copy=rules.allow_copy)
            _tell(alteration, cause, done=done)
            if not done and not all(isinstance(change, Widen) for change in alteration.changes):
                raise _needs_copy(alteration, layout.name, cause)
        table = session.look()
        if table is None:
            return layout
        return _settled(place(layout, table, rules, lineage), table, self._database)


def _settled(placement: Placement, table: FoundTable, database: str) -> TableLayout:
    """What is left may be columns that stay narrow, which know the statement that widens them."""
    if placement.refused or any(not isinstance(change, Widen) for change in placement.changes):
        raise TableBusyError(f"table {placement.layout.name} was changed by somebody else meanwhile")
    statements = {
        change.column: _statement(database, placement.layout.name, table, change) for change in placement.changes
    }
    columns = [
        dataclasses.replace(column, narrow=statements.get(column.name, "")) for column in placement.layout.columns
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


def _tell(alteration: Alteration, cause: Cause, *, done: bool) -> None:
    extra = {"event": "table_altered" if done else "table_not_altered", "topic": cause.topic, "sql": alteration.sql}
    extra["schema_id"] = str(cause.schema_id)
    if done:
        log.info("schema id %s of %s: %s", cause.schema_id, cause.topic, reasons(alteration.changes), extra=extra)
    else:
        log.warning("the server would copy the table: %s", alteration.begin, extra=extra)
