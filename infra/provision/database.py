"""The database part of `infra create` and `setup`: database, users, tables, grants, each by the account that may."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Table

from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.hosts import HOSTS
from avro_schemas.tables.own_tables.journal import JOURNAL
from avro_schemas.tables.own_tables.offsets import OFFSETS
from avro_schemas.tables.own_tables.table_changes import CHANGES
from infra.provision import accounts as who
from infra.provision.accounts import Accounts
from infra.provision.items import ItemState, ProvisionItem
from infra.tables.database import Account, Sessions, run
from infra.tables.ddl import create_table_sql, demands_primary_key
from infra.tables.wanted_table import WantedTable
from rtpipe.credentials import AccessDeniedError
from rtpipe.mysql.engine import is_mariadb

#: The lines of all topics' tables, made or altered unless in a dry run, for a caller that knows how.
TopicTables = Callable[..., Sequence[ProvisionItem]]

_DATABASES = "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"


def database_items(
    sessions: Sessions,
    accounts: Accounts,
    tables: Sequence[WantedTable],
    *,
    dry_run: bool,
    topic_tables: TopicTables | None = None,
) -> list[ProvisionItem]:
    """Looks at, and unless `dry_run` makes, all that the topics' `tables` need in the database.

    `topic_tables(dry_run=...)` does that for the topics' own tables; by default those that are missing are made.
    Raises UnreachableError, AccessDeniedError with the SQL that somebody else must run, or DatabaseSetupError.
    """
    work = _DatabaseWork(sessions, accounts, tables, topic_tables, dry_run=dry_run)
    return [
        work.database_item(),
        *work.user_items(),
        *work.infra_grant_items(),
        *work.table_items(),
        *work.grant_items(),
    ]


class _DatabaseWork:
    """One pass over the database; the methods are called in the order in which one thing needs the other."""

    def __init__(
        self,
        sessions: Sessions,
        accounts: Accounts,
        topics: Sequence[WantedTable],
        topic_tables: TopicTables | None,
        *,
        dry_run: bool,
    ) -> None:
        self._sessions = sessions
        self._accounts = accounts
        tables = [*topics, *map(WantedTable, (OFFSETS, DEAD_LETTERS, CHANGES, HOSTS, JOURNAL))]
        self._tables = [one.table for one in tables]
        self._topic_tables = topic_tables
        #: those that are made here
        self._mine = tables if topic_tables is None else tables[len(topics) :]
        #: table name -> what the consumer needs on it
        self._needed = {
            str(one.table.name): who.table_privileges(str(one.table.name), one.rules)
            for one in tables
            if one.table is not CHANGES  # which is infra's alone
        }
        self._mariadb = False  # known once there is a connection
        self._there: set[str] = set()  # tables that exist by now
        self._keyed: set[str] = set()  # tables that get a primary key which nobody asked for
        self._dry_run = dry_run
        self._people = {account.user: account for account in (accounts.infra, accounts.consumer)}
        #: user name -> the user quoted for GRANT, None while it does not exist
        self._users = {user: who.login(sessions, account, accounts.admin) for user, account in self._people.items()}

    def database_item(self) -> ProvisionItem:
        sql = who.create_database_sql(self._accounts.database)
        with self._sessions.connected(self._accounts.privileged, doing="looking for the database") as connection:
            there = bool(connection.exec_driver_sql(_DATABASES, (self._accounts.database,)).scalar_one())
        if not there and not self._dry_run:
            self._run(self._accounts.privileged, [sql], "creating the database")
        return ProvisionItem("database", self._accounts.database, self._state(there=there), sql=sql)

    def user_items(self) -> list[ProvisionItem]:
        return [self._user_item(account) for account in self._people.values()]

    def _user_item(self, account: Account) -> ProvisionItem:
        there, admin = self._users[account.user] is not None, self._accounts.admin
        if not there and not self._dry_run and admin:
            with self._sessions.connected(admin, doing=f"creating the user {account.user}") as connection:
                who.create_user(connection, account)
            self._users[account.user] = who.new_user(account)
        return ProvisionItem("user", account.user, self._state(there=there), sql=who.create_user_sql(account))

    def infra_grant_items(self) -> list[ProvisionItem]:
        """What infra may do in the database: only an admin can give it; without one it is taken for given."""
        infra, admin = self._accounts.infra, self._accounts.admin
        if admin is None or admin.user == infra.user:
            return []
        user, database = self._users[infra.user], self._accounts.database
        grants = [(f"{database}.*", who.infra_grant_sql, who.infra_holds_all)]
        if not self._accounts.infra_is_consumer:
            grants.append((f"{database}.{CHANGES.name}", who.history_grant_sql, who.infra_holds_history))
        items = []
        for where, grant_sql, holds in grants:
            there = user is not None and holds(self._sessions, self._accounts, user)
            sql = grant_sql(self._accounts, user or who.new_user(infra))
            if not there and not self._dry_run:
                self._run(admin, [sql], f"giving privileges to {infra.user}")
            items.append(ProvisionItem("grant", f"{infra.user} on {where}", self._state(there=there), sql=sql))
        return items

    def table_items(self) -> list[ProvisionItem]:
        with self._sessions.connected(self._accounts.privileged, doing="comparing tables") as connection:
            self._mariadb = is_mariadb(connection)
            if demands_primary_key(connection):
                self._keyed = {str(one.table.name) for one in self._mine if not one.table.primary_key.columns}
                self._mine = [one.keyed() if one.table.name in self._keyed else one for one in self._mine]
            found = [one.differences(connection, self._accounts.database) for one in self._mine]
        mine = [self._table_item(one.table, lines) for one, lines in zip(self._mine, found, strict=True)]
        topics = self._topic_tables(dry_run=self._dry_run) if self._topic_tables else ()
        self._there |= {item.name for item in topics if item.state is not ItemState.TO_CREATE}
        return [*topics, *mine]

    def _table_item(self, table: Table, lines: list[str] | None) -> ProvisionItem:
        name, sql = table.name, create_table_sql(table, self._accounts.database, mariadb=self._mariadb)
        if lines is None and not self._dry_run:
            self._run(self._accounts.infra, [sql], f"creating the table {name}")
        if lines is not None or not self._dry_run:
            self._there.add(name)
        state = ItemState.DIFFERS if lines else self._state(there=lines is not None)
        details = list(lines or ())
        if name in self._keyed and not lines:
            details.append("primary key (_kafka_partition, _kafka_offset), since this server demands one")
        return ProvisionItem("table", name, state, "\n".join(details), sql)

    def grant_items(self) -> list[ProvisionItem]:
        """The consumer's privileges, table by table; an account that made the tables itself needs none."""
        consumer, admin = self._accounts.consumer, self._accounts.admin
        if self._accounts.infra_is_consumer or (admin and admin.user == consumer.user):
            return []
        user = self._users[consumer.user]
        missing: dict[str, Sequence[str]] = dict(self._needed)
        if user and self._there:
            with self._sessions.connected(consumer, doing="trying its privileges") as connection:
                missing |= {
                    str(table.name): self._missing(connection, table)
                    for table in self._tables
                    if table.name in self._needed
                }
        statements = {
            name: who.table_grant_sql(self._accounts.database, name, user or who.new_user(consumer), privileges)
            for name, privileges in self._needed.items()
        }
        if not self._dry_run:
            wanted = [statements[name] for name in self._needed if missing[name]]
            self._run(self._accounts.privileged, wanted, f"giving privileges to {consumer.user}")
        return [
            ProvisionItem(
                "grant",
                f"{consumer.user} on {self._accounts.database}.{name}",
                self._state(there=not missing[name]),
                ", ".join(self._needed[name]),
                sql,
            )
            for name, sql in statements.items()
        ]

    def _missing(self, connection: Connection, table: Table) -> Sequence[str]:
        name = str(table.name)
        if name not in self._there:
            return self._needed[name]
        column = str(table.columns[0].name)
        return who.missing_privileges(connection, self._accounts.database, name, column, self._needed[name])

    def _state(self, *, there: bool) -> ItemState:
        return ItemState.THERE if there else ItemState.TO_CREATE if self._dry_run else ItemState.CREATED

    def _run(self, account: Account, statements: Sequence[str], doing: str) -> None:
        """Runs statements that hold no secret; where one is denied, the error lists them all for somebody who may."""
        if not statements:
            return
        try:
            with self._sessions.connected(account, doing=doing) as connection:
                for sql in statements:
                    run(connection, sql)
        except AccessDeniedError as refused:
            lines = "".join(f"\n  {sql};" for sql in statements)
            hint = f"set RTPIPE_ADMIN_DATABASE_URL to an account that may, or have this run and try again:{lines}"
            raise AccessDeniedError(refused.message, hint=hint) from refused
