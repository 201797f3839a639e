"""What `rtpipe bench` makes and removes again: a database, a topic and its subject, under a name that nobody has."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import closing
from typing import Any

from confluent_kafka.admin import AdminClient

from avro_schemas.registry.client import Registry
from infra.provision.topics import TopicAdmin, copies_for
from infra.tables.database import Account, Sessions, account_of, run
from rtpipe.credentials import AccessDeniedError, LoginRefusedError
from rtpipe.mysql.quoting import pattern, quoted, quoted_text
from supervisor.settings.settings import Settings

PREFIX = "bench_rtpipe_"
#: Seconds in which Kafka deletes a topic.
_DELETION = 30
#: What rtpipe, and the measurement beside it, must be able to do in the database.
_PROBES = (
    "CREATE TABLE {0}.probe (a INT NOT NULL PRIMARY KEY)",
    "ALTER TABLE {0}.probe ADD COLUMN b INT",
    "INSERT INTO {0}.probe VALUES (1, 1)",
    "UPDATE {0}.probe SET b = 2 WHERE a = 1",
    "DELETE FROM {0}.probe",
    "DROP TABLE {0}.probe",
)


class Throwaway:
    """One name for everything; `remove` takes away what was made, and says what it could not."""

    def __init__(self, settings: Settings) -> None:
        self.name = PREFIX + secrets.token_hex(6)
        self.account = _account(settings)
        self._settings = settings
        self._made: dict[str, Callable[[], None]] = {}

    def make_database(self) -> str:
        """The database, by the account that may most; what its server says of itself.

        AccessDeniedError, with the SQL that helps, if the account may not make, fill and drop it.
        """
        made = f"database {self.name}"
        try:
            with closing(Sessions()) as sessions, sessions.connected(self.account, doing="making it") as connection:
                version = run(connection, "SELECT VERSION()").scalar()
                self._made[made] = self._drop_database
                run(connection, f"CREATE DATABASE {quoted(self.name)} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
                for statement in _PROBES:
                    run(connection, statement.format(quoted(self.name)))
        except AccessDeniedError as error:
            raise _refused(error, self.account) from error
        return str(version)

    def make_topic(self, partitions: int, schema: dict[str, Any]) -> None:
        """A topic, and the schema of its values under its subject."""
        admin = TopicAdmin(self._settings.librdkafka())
        copies = copies_for(admin.describe().brokers, None)
        self._made[f"topic {self.name}"] = self._delete_topic
        admin.create([self.name], partitions=partitions, copies=copies)
        self._made[f"subject {self.subject}"] = self._delete_subject
        with closing(self._registry()) as registry:
            registry.register(self.subject, schema)

    def remove(self) -> list[str]:
        """Takes everything away, the last first. What is left, and why, in a line each."""
        left = []
        for what, remove in reversed(self._made.items()):
            try:
                remove()
            except Exception as error:
                left.append(f"{what} could not be removed: {error}")
        self._made.clear()
        return left

    @property
    def subject(self) -> str:
        """Of the topic's values."""
        return f"{self.name}-value"

    def _registry(self) -> Registry:
        return Registry(self._settings.schema_registry_url.get_secret_value(), self._settings.registry)

    def _drop_database(self) -> None:
        with closing(Sessions()) as sessions, sessions.connected(self.account, doing="dropping it") as connection:
            run(connection, f"DROP DATABASE IF EXISTS {quoted(self.name)}")

    def _delete_topic(self) -> None:
        admin = AdminClient({**self._settings.librdkafka()})
        admin.delete_topics([self.name], operation_timeout=_DELETION)[self.name].result(_DELETION)

    def _delete_subject(self) -> None:
        with closing(self._registry()) as registry:
            registry.delete(self.subject)


def _account(settings: Settings) -> Account:
    """The one that may most: tables of a database that is made for a moment need no account of their own."""
    for name in ("admin_database_url", "infra_database_url", "database_url"):
        url = getattr(settings, name).get_secret_value()
        if url:
            return account_of(url, name)
    raise AssertionError("no database URL")  # the command asks for one


def _refused(error: AccessDeniedError, account: Account) -> AccessDeniedError:
    """The same with the statement that an administrator may run; a login that fails is left as it is."""
    if isinstance(error, LoginRefusedError):
        return error
    grant = f"GRANT ALL ON {quoted(pattern(PREFIX) + '%')}.* TO {quoted_text(account.user)}@'%'"
    return AccessDeniedError(
        f"{error.message}: `rtpipe bench` makes a database of its own, named {PREFIX}…, and drops it at the end",
        hint=f"set RTPIPE_ADMIN_DATABASE_URL, or let an administrator run: {grant};",
    )
