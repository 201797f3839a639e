"""An advisory lock for each consumer group: a second supervisor is refused before it takes partitions from the first.

Supervisors that share partitions as members of one group in Kafka share the lock: one of them holds it, and a second
lock beside it, of the members alone. So one without membership, or of another group, is refused.

Exactly once does not depend on it: the epoch in kafka_offsets decides which of two writers may commit.
"""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Iterable

from sqlalchemy import Connection, text

from rtpipe.errors import RtpipeError
from rtpipe.log import get_logger
from rtpipe.mysql.error_numbers import PASSING, Action
from rtpipe.secret_files import current_url
from workers.contract.errors import TemporaryError
from workers.database.errors import DatabaseTrouble, translated
from workers.database.session import DatabaseSession, open_session

log = get_logger("supervisor")
#: Seconds for a killed predecessor's connection to be noticed by the server.
_PATIENCE = 3
_FOREVER = 31_536_000
#: Seconds between two looks at the lock's connection.
_LOOK_EVERY = 10.0
_GET = text("SELECT GET_LOCK(:name, :patience)")
_SAME_HOLDER = text("SELECT IS_USED_LOCK(:name) = IS_USED_LOCK(:members)")


class GroupHeldError(TemporaryError):
    """Another supervisor works for the consumer group."""

    name = "E_LOCKED"


class GroupLock:
    """Held from `acquire` until `release` or until the process ends, by its database connection."""

    def __init__(
        self,
        database_url: str,
        groups: Iterable[str],
        silence: int,
        *,
        file: str = "",
        patient: bool = True,
        members: str = "",
    ) -> None:
        """`silence`: seconds until a silent database counts as gone.

        `file`: where the URL is read again at each connection. `patient`: an account that may not log in for now, or a
        certificate that is wrong, is left to the workers, who wait. `members`: the group in Kafka whose members share
        the lock; "": nobody does.
        """
        self._patient = patient
        self._members = members
        self._url, self._silence, self._file = database_url, silence, file
        self._groups = set(groups)
        self._with_others: set[str] = set()  #: locks that another member holds
        self._session: DatabaseSession | None = None
        self._guard = threading.Lock()  # two threads may ask the server: the one that keeps, and one that adds
        self._unwanted: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._news = threading.Event()
        self._over = False

    def acquire(self) -> None:
        """Raises GroupHeldError, naming the holder. A database that does not answer is left to the workers."""
        try:
            self._session = open_session(current_url(self._url, self._file), self._silence)
            with translated():
                connection = self._session.connection
                connection.exec_driver_sql(f"SET SESSION wait_timeout={_FOREVER}")
                for group in sorted(self._groups):
                    self._lock(connection, group)
                connection.commit()
        except DatabaseTrouble as trouble:
            self._drop()
            passing = {*PASSING, Action.UNKNOWN} - (set() if self._patient else {Action.LOGIN})
            if trouble.action not in passing or (trouble.of_tls and not self._patient):
                raise trouble.as_command_error("looking for another supervisor") from trouble

    def _lock(self, connection: Connection, group: str) -> None:
        """Hold it, or know that another member does."""
        if self._members and self._is_shared(connection, group):
            self._with_others.add(group)
        elif connection.execute(_GET, {"name": _name(group), "patience": _PATIENCE}).scalar() == 1:
            self._with_others.discard(group)
            if self._members:
                connection.execute(_GET, {"name": _name(group, self._members), "patience": 0})
        elif not self._members:
            raise GroupHeldError(
                f"group {group} is held by {_holder(connection, group)}",
                hint="stop that supervisor, or take its partitions with --take-over, or have all of them share the"
                " partitions with --group-membership",
            )
        elif not self._is_shared(connection, group):  # nor did the one that has it become a member meanwhile
            raise GroupHeldError(
                f"group {group} is held by {_holder(connection, group)}, which is no member of the group"
                f" {self._members} in Kafka",
                hint="start all supervisors of these topics with --group-membership and the same membership_group",
            )

    def _is_shared(self, connection: Connection, group: str) -> bool:
        names = {"name": _name(group), "members": _name(group, self._members)}
        return connection.execute(_SAME_HOLDER, names).scalar() == 1

    def keep(self) -> None:
        """In a thread: take it again when its connection is lost, when its server takes no writes any more, or when the
        supervisor that held it has ended.
        """
        threading.Thread(target=self._keep, name="group-lock", daemon=True).start()

    def _keep(self) -> None:
        while not self._over:
            self._news.wait(_LOOK_EVERY)
            self._news.clear()
            with self._guard:
                if not self._over:
                    self._look()

    def _look(self) -> None:
        try:
            if self._session is None:
                self._forget_unwanted()
                self.acquire()
            else:
                self._session.require_writable()  # the others go to the new primary, too
                with translated():
                    self._forget_unwanted()
                    for group in sorted(self._with_others):
                        self._lock(self._session.connection, group)
                    self._session.connection.commit()
        except (DatabaseTrouble, RtpipeError):
            self._drop()

    def add(self, group: str) -> None:
        """Hold another group, too; may wait for the server. Raises GroupHeldError.

        Without a connection it is taken with the others, once there is one again.
        """
        with self._guard:
            try:
                with translated():
                    self._forget_unwanted()
                    if group not in self._groups and self._session is not None:
                        self._lock(self._session.connection, group)
                        self._session.connection.commit()
            except DatabaseTrouble:
                self._drop()
            self._groups.add(group)

    def drop(self, groups: Iterable[str]) -> None:
        """Hold these no more; done a moment later, so that the caller does not wait for the server."""
        for group in groups:
            self._unwanted.put(group)
        self._news.set()

    def _forget_unwanted(self) -> None:
        while not self._unwanted.empty():
            group = self._unwanted.get()
            self._groups.discard(group)
            self._with_others.discard(group)
            if self._session is not None:
                self._session.connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": _name(group)})

    def release(self) -> None:
        """Close the connection at once: the garbage collector would wait for a silent server."""
        self._over = True
        self._news.set()
        self._drop()

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def _holder(connection: Connection, group: str) -> str:
    """Who owns partitions of the group, as far as kafka_offsets tells."""
    found = connection.execute(
        text("SELECT owner FROM kafka_offsets WHERE consumer_group = :g AND owner IS NOT NULL LIMIT 1"), {"g": group}
    ).scalar()
    return str(found or "another supervisor")


def _name(group: str, members: str = "") -> str:
    """Of the lock of a group, or of the one beside it: names are limited to 64 characters, groups are not."""
    return "rtpipe:" + hashlib.sha256(f"{group}\n{members}".encode() if members else group.encode()).hexdigest()[:48]
