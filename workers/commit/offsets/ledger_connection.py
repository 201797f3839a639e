"""The one connection of a partition's writer: opened when it is needed, and what was seen of the server by it."""

from __future__ import annotations

from collections.abc import Callable

from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.journal import JOURNAL
from avro_schemas.tables.own_tables.offsets import OFFSETS
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import ServerSeen
from workers.database.errors import DatabaseTrouble
from workers.database.one_trip import OneTrip
from workers.database.session import DatabaseSession, open_session

#: Opens a session by a URL; the seconds after which a silent server counts as gone.
Open = Callable[[str, int], DatabaseSession]
#: Connections in a row that may be lost in the trial of a whole transaction at once.
_MOST_TRIALS_LOST = 2


class LedgerConnection:
    """Opens, checks and drops. What was seen is as of the last look."""

    def __init__(self, spec: PartitionSpec, open_: Open = open_session) -> None:
        self._spec = spec
        self._tables = [spec.table, OFFSETS.name, *([JOURNAL.name] if spec.journal else [])]
        self._open = open_
        self._session: DatabaseSession | None = None
        self.max_packet = 0  #: bytes of a statement that the server takes
        self.has_dead_letters = False  #: there is a table for them
        self.columns_mark = ""  #: another one after any change of the topic's table
        self.one_trip: OneTrip | None = None  #: takes a whole transaction at once
        self._trials_lost = 0  #: connections in a row that were lost when it was tried
        self.takes_load = False  #: rows of the topic's table may go by LOAD DATA LOCAL
        self.reconnects = -1  #: sessions so far, beyond the first

    @property
    def session(self) -> DatabaseSession:
        """The open session; a new one after `close`. Raises DatabaseTrouble, and SetupError as `look` does."""
        if self._session is None:
            session = self._open(self._spec.current_database_url(), self._spec.database_seconds)
            try:
                self.max_packet = session.max_packet
                self.one_trip = self._tried(session.one_trip)
                self._look(session)
                if self._spec.journal:
                    session.tables.require_takes_rows(JOURNAL)
            except BaseException:
                session.close()
                raise
            self._session = session
            self.reconnects += 1
        return self._session

    @property
    def server_seen(self) -> ServerSeen:
        """Which server it is, as the open session saw it."""
        return self.session.seen

    def _tried(self, one_trip: OneTrip) -> OneTrip | None:
        """None if it is not safe. Something in between may cut each connection that tries it: no third one does."""
        if self._trials_lost == _MOST_TRIALS_LOST:
            return None
        try:
            safe = one_trip.is_safe()
        except DatabaseTrouble:
            self._trials_lost += 1
            raise
        self._trials_lost = 0
        return one_trip if safe else None

    def look(self) -> None:
        """Look at the server and the tables again. SetupError if a table does not roll back with the offset, or cannot
        be updated by key: that must be seen before the next batch, since a lost connection would then double what is in
        it. A server that takes no writes any more is left, also by a writer that has nothing to write.
        """
        self.session.require_writable()
        self._look(self.session)

    def _look(self, session: DatabaseSession) -> None:
        self.has_dead_letters = session.tables.require_innodb(*self._tables, if_there=DEAD_LETTERS.name)
        self.columns_mark = session.tables.columns_mark(self._spec.table)
        if self._spec.rules.mode == "upsert":
            session.tables.require_key(self._spec.table, self._spec.rules.key)
        elif self._spec.load_data:
            self.takes_load = session.loads.takes_load(self._spec.table)

    def close(self) -> None:
        """Drop the session; the server rolls back what was open on it."""
        if self._session is not None:
            self._session.close()
            self._session = None
