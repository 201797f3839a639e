"""Who may do what: the database, its two users and their privileges.

consumer may SELECT and INSERT on the topics' tables (UPDATE and DELETE where a topic's mode needs it), UPDATE
`kafka_offsets` too, UPDATE and DELETE rows of `rtpipe_dead_letters`: a dead letter may be read again, or retried; and
DELETE rows of `rtpipe_journal` that are old.
SELECT, because people read what was consumed as the user that they know. infra may create, alter and read tables, and
write the history of what it altered. infra/mysql/init.sql grants infra the same for the embedded stack and
compose.yaml, before any table is there (tests/unit/project/test_compose.py compares them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from avro_schemas.naming import OFFSETS_TABLE
from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.hosts import HOSTS
from avro_schemas.tables.own_tables.journal import JOURNAL
from avro_schemas.tables.own_tables.table_changes import CHANGES
from avro_schemas.tables.rules import PLAIN, TableRules
from infra.tables.database import Account, Sessions, account_of, action_for, error_number, is_unknown_login, run
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import SettingsError
from rtpipe.mysql.error_numbers import OTHER_COLUMNS, REFUSED
from rtpipe.mysql.quoting import pattern, quoted, quoted_text

INFRA_PRIVILEGES = ("CREATE", "ALTER", "INDEX", "SELECT")
#: What a single account for everything needs in the database.
ALL_PRIVILEGES = (*INFRA_PRIVILEGES, "INSERT", "UPDATE", "DELETE")
TABLE_PRIVILEGES = ("SELECT", "INSERT")
OFFSETS_PRIVILEGES = ("SELECT", "INSERT", "UPDATE")
HOSTS_PRIVILEGES = ("SELECT", "INSERT", "UPDATE")
JOURNAL_PRIVILEGES = ("SELECT", "INSERT", "DELETE")
DEAD_LETTERS_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE")
#: Of infra, on the one table. CREATE is there so that it can be given before the table is made.
HISTORY_PRIVILEGES = ("CREATE", "INSERT", "UPDATE")

#: A grant on a database is a pattern, and shown only to its account; a role's grants are not among these.
_HELD = """
    SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = %(who)s
    UNION SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES
    WHERE GRANTEE = %(who)s AND %(database)s LIKE TABLE_SCHEMA
    UNION SELECT PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES
    WHERE GRANTEE = %(who)s AND TABLE_SCHEMA = %(database)s AND TABLE_NAME = %(table)s
"""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of one set-up; `infra` is `consumer` where only that was given."""

    consumer: Account
    infra: Account
    admin: Account | None
    database: str

    @property
    def privileged(self) -> Account:
        """The account that makes the database and gives privileges."""
        return self.admin or self.infra

    @property
    def infra_is_consumer(self) -> bool:
        """Whether one user does both."""
        return self.infra.user == self.consumer.user


def accounts_of(
    database_url: str, infra_database_url: str | None, admin_database_url: str | None, *, infra_file: str = ""
) -> Accounts:
    """The accounts of three URLs; `infra_file` is where that of infra is read again.

    SettingsError if one is no URL, or they do not agree on one database.
    """
    consumer = account_of(database_url, "RTPIPE_DATABASE_URL")
    infra = account_of(infra_database_url, "RTPIPE_INFRA_DATABASE_URL") if infra_database_url else consumer
    admin = account_of(admin_database_url, "RTPIPE_ADMIN_DATABASE_URL") if admin_database_url else None
    if not consumer.database:
        raise SettingsError(
            f"{consumer.setting} names no database",
            hint="it ends with one: mysql+pymysql://user:password@host:3306/bank",
        )
    if infra.database not in {"", consumer.database}:
        raise SettingsError(
            f"{consumer.setting} names the database {consumer.database!r}, {infra.setting} {infra.database!r}",
            hint="both must name the same one",
        )
    return Accounts(consumer, replace(infra, file=infra_file) if infra_file else infra, admin, consumer.database)


def login(sessions: Sessions, account: Account, admin: Account | None) -> str | None:
    """The user that the server takes the account for, quoted for GRANT, or None if the server has no such user.

    Only the admin can tell a missing user from a wrong password; AccessDeniedError where that is not known.
    """
    try:
        with sessions.connected(account, doing="logging in") as connection:
            user, _, host = str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one()).rpartition("@")
            return f"{quoted_text(user)}@{quoted_text(host)}"
    except AccessDeniedError as refused:
        if not is_unknown_login(refused.__cause__):
            raise
        if admin is None:
            sql = create_user_sql(account)
            raise AccessDeniedError(
                refused.message,
                hint=f"check {account.setting}; if there is no such user, set RTPIPE_ADMIN_DATABASE_URL, or run: {sql}",
            ) from refused
        with sessions.connected(admin, doing="looking for users") as connection:
            known = connection.exec_driver_sql("SELECT COUNT(*) FROM mysql.user WHERE User = %s", (account.user,))
            if known.scalar_one():
                raise
    if not account.password:
        raise SettingsError(f"{account.setting} has no password: rtpipe creates no user without one")
    return None


def new_user(account: Account) -> str:
    """The user that `create_user` makes, quoted for GRANT: one that may log in from every host."""
    return f"{quoted_text(account.user)}@'%'"


def create_user_sql(account: Account) -> str:
    """How the user is made, for people: the password is not shown."""
    return f"CREATE USER IF NOT EXISTS {new_user(account)} IDENTIFIED BY '***'"


def create_user(connection: Connection, account: Account) -> None:
    """Makes the user with the password of its URL."""
    connection.exec_driver_sql("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", (account.user, account.password))


def create_database_sql(database: str) -> str:
    """Tables name their own character set, this is for those that others make."""
    return f"CREATE DATABASE IF NOT EXISTS {quoted(database)} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"


def infra_grant_sql(accounts: Accounts, user: str) -> str:
    """The privileges of infra in the one database, whose name is a pattern here: `_` and `%` are made literal."""
    privileges = ALL_PRIVILEGES if accounts.infra_is_consumer else INFRA_PRIVILEGES
    return f"GRANT {', '.join(privileges)} ON {quoted(pattern(accounts.database))}.* TO {user}"


def history_grant_sql(accounts: Accounts, user: str) -> str:
    """The privileges of infra on the history of what it altered."""
    return f"GRANT {', '.join(HISTORY_PRIVILEGES)} ON {quoted(accounts.database, CHANGES.name)} TO {user}"


def infra_holds_all(sessions: Sessions, accounts: Accounts, user: str) -> bool:
    """Whether infra has its privileges in the database already, as the account itself sees it."""
    needed = ALL_PRIVILEGES if accounts.infra_is_consumer else INFRA_PRIVILEGES
    return set(needed) <= _held(sessions, accounts, user, "")


def infra_holds_history(sessions: Sessions, accounts: Accounts, user: str) -> bool:
    """Whether infra has its privileges on the history already."""
    return set(HISTORY_PRIVILEGES) <= _held(sessions, accounts, user, CHANGES.name)


def _held(sessions: Sessions, accounts: Accounts, user: str, table: str) -> set[str]:
    """Privileges on a table, or on the whole database."""
    with sessions.connected(accounts.infra, doing="reading its privileges") as connection:
        rows = connection.exec_driver_sql(_HELD, {"who": user, "database": accounts.database, "table": table})
        return {row[0] for row in rows}


def table_privileges(table: str, rules: TableRules = PLAIN) -> tuple[str, ...]:
    """What the consumer needs on a table: one of rtpipe's own, or a topic's with these rules."""
    own = {
        OFFSETS_TABLE: OFFSETS_PRIVILEGES,
        DEAD_LETTERS.name: DEAD_LETTERS_PRIVILEGES,
        HOSTS.name: HOSTS_PRIVILEGES,
        JOURNAL.name: JOURNAL_PRIVILEGES,
    }
    if table in own:
        return own[table]
    updates = ("UPDATE",) if rules.mode == "upsert" else ()
    return (*TABLE_PRIVILEGES, *updates, *(("DELETE",) if rules.tombstones == "delete" else ()))


def table_grant_sql(database: str, table: str, user: str, privileges: Sequence[str]) -> str:
    """The consumer's privileges on one table."""
    return f"GRANT {', '.join(privileges)} ON {quoted(database, table)} TO {user}"


def missing_privileges(
    connection: Connection, database: str, table: str, column: str, privileges: Sequence[str]
) -> list[str]:
    """Which of these privileges on the table the connected account lacks; `column` is any of its columns.

    The server itself is asked, which knows roles and patterns, too; SELECT without rows and EXPLAIN change nothing.
    """
    where, name = quoted(database, table), quoted(column)
    probes = {
        "SELECT": f"SELECT 1 FROM {where} LIMIT 0",
        "INSERT": f"EXPLAIN INSERT INTO {where} ({name}) VALUES (NULL)",
        "DELETE": f"EXPLAIN DELETE FROM {where} WHERE FALSE",
        "UPDATE": f"EXPLAIN UPDATE {where} SET {name} = {name} WHERE FALSE",
    }
    return [privilege for privilege in privileges if not _allowed(connection, probes[privilege])]


def _allowed(connection: Connection, probe: str) -> bool:
    try:
        run(connection, probe)
    except DBAPIError as error:
        if action_for(error) in REFUSED:
            return False
        if error_number(error) not in OTHER_COLUMNS:  # which are told where tables are compared
            raise
    return True
