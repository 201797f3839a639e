"""The database: whether a writer gets in, how the server is set, what the accounts may do, whose clock differs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing

from sqlalchemy import Connection, make_url

from avro_schemas.naming import OFFSETS_TABLE
from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.journal import JOURNAL
from infra.provision import accounts as who
from infra.provision.accounts import Accounts
from infra.tables.database import Sessions
from rtpipe.mysql.error_numbers import READ_ONLY
from rtpipe.mysql.quoting import quoted_text
from supervisor import partition_plan
from supervisor.doctor import server_settings
from supervisor.doctor.examination import Area, Check
from supervisor.doctor.finding import Finding, failure, fine, warning
from supervisor.settings.accounts import accounts
from supervisor.settings.settings import Settings
from workers.database.errors import DatabaseTrouble, login_of
from workers.database.session import open_session

#: Seconds by which two clocks may differ before that is worth a word.
_APART = 2.0
_COLUMN = """
    SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s
    ORDER BY ORDINAL_POSITION LIMIT 1
"""


class DatabaseChecks:
    """Each method is one check, over a connection of its own. They raise what `Sessions` raises."""

    def __init__(self, settings: Settings, topics: Sequence[str], partitions: int, *, loads: bool) -> None:
        self._settings = settings
        self._topics = topics
        self._partitions = partitions
        self._loads = loads

    def area(self) -> Area:
        """All of them."""
        checks = (
            Check("connection", self.connection),
            Check("server", self.server),
            Check("privileges", self.privileges),
            Check("account for tables", self.infra),
            Check("clock", self.clock),
        )
        return Area("database", checks)

    def connection(self) -> list[Finding]:
        """By the writers' account, with the settings that a writer pins for its session."""
        url = self._settings.database_url.get_secret_value()
        try:
            open_session(url, self._settings.database_seconds).close()
        except DatabaseTrouble as trouble:
            if trouble.number != READ_ONLY:
                raise trouble.as_command_error("connecting as a writer does") from None
        pinned = "its session takes sql_mode, time zone, isolation, wait_timeout and character set"
        return [fine("connection", f"{login_of(make_url(url))}; {pinned}")]

    def server(self) -> list[Finding]:
        """Version and settings of the server."""
        with closing(Sessions()) as sessions, self._connected(sessions, "reading its settings") as connection:
            names = ", ".join(f"'{name}'" for name in server_settings.ASKED)
            rows = connection.exec_driver_sql(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")
            values = {str(name): str(value) for name, value in rows}
        batch = max(self._settings.topic(topic).batch_bytes for topic in self._topics or [""])
        return server_settings.judged(values, partitions=self._partitions, batch_bytes=batch, loads=self._loads)

    def privileges(self) -> list[Finding]:
        """What the writers' account may do, table by table."""
        known = accounts(self._settings)
        with closing(Sessions()) as sessions, self._connected(sessions, "trying its privileges") as connection:
            needed = {OFFSETS_TABLE: who.OFFSETS_PRIVILEGES, DEAD_LETTERS.name: who.DEAD_LETTERS_PRIVILEGES}
            for topic in self._topics:
                chosen = self._settings.topic(topic)
                table = partition_plan.table_of(topic, chosen)
                needed[table] = who.table_privileges(table, chosen.rules())
                if chosen.journal:
                    needed[JOURNAL.name] = who.JOURNAL_PRIVILEGES
            user = str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one())
            return [self._of_table(connection, known, (table, wanted), user) for table, wanted in needed.items()]

    def _of_table(
        self, connection: Connection, known: Accounts, needed: tuple[str, Sequence[str]], user: str
    ) -> Finding:
        table, wanted = needed
        name = f"privileges on {table}"
        column = connection.exec_driver_sql(_COLUMN, (known.database, table)).scalar()
        topics = ",".join(self._topics) or "TOPIC"
        if column is None:
            return failure(
                name, f"{known.consumer.user} sees no such table", "it is not there, or nothing of it is granted",
                f"rtpipe setup --topics {topics}",
            )  # fmt: skip
        missing = who.missing_privileges(connection, known.database, table, str(column), wanted)
        if not missing:
            return fine(name, f"{known.consumer.user}: {', '.join(wanted)}")
        grant = who.table_grant_sql(known.database, table, "@".join(map(quoted_text, user.rsplit("@", 1))), missing)
        return failure(name, f"{known.consumer.user} lacks {', '.join(missing)}", "its rows are refused", f"{grant};")

    def infra(self) -> list[Finding]:
        """The account that alters tables for new schemas."""
        known, name = accounts(self._settings), "account for tables"
        with closing(Sessions()) as sessions:
            user = who.login(sessions, known.infra, None) or who.new_user(known.infra)
            holds = who.infra_holds_all(sessions, known, user)
        if not holds:
            return [
                warning(
                    name,
                    f"{known.infra.user} holds not all of {', '.join(who.INFRA_PRIVILEGES)} by itself",
                    "unless a role gives them, tables are not altered when a schema changes, and partitions are held",
                    f"{who.infra_grant_sql(known, user)};",
                )
            ]
        if known.infra_is_consumer:
            return [
                warning(
                    name,
                    f"{known.infra.user} writes rows and alters tables",
                    "whoever has the writers' password may alter tables, too",
                    "set RTPIPE_INFRA_DATABASE_URL to an account of its own; `rtpipe setup` makes it",
                )
            ]
        return [fine(name, f"{known.infra.user}: {', '.join(who.INFRA_PRIVILEGES)}")]

    def clock(self) -> list[Finding]:
        """The difference between the server's clock and ours."""
        with closing(Sessions()) as sessions, self._connected(sessions, "asking for its time") as connection:
            before = time.time()
            theirs = float(connection.exec_driver_sql("SELECT UNIX_TIMESTAMP(NOW(6))").scalar_one())
            ours = (before + time.time()) / 2
        apart = theirs - ours
        if abs(apart) <= _APART:
            return [fine("clock", f"{abs(apart):.1f} s from ours")]
        side = "ahead of" if apart > 0 else "behind"
        return [
            warning(
                "clock",
                f"{abs(apart):,.1f} s {side} ours",
                "times in rtpipe's tables and log do not agree; rows are right",
                "timedatectl set-ntp true  # on the machine whose clock is wrong",
            )
        ]

    def _connected(self, sessions: Sessions, doing: str) -> AbstractContextManager[Connection]:
        return sessions.connected(accounts(self._settings).consumer, doing=doing)
