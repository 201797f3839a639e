"""What a writer sees of its server and its tables, also where tables are missing without which no writer starts."""

from __future__ import annotations

import contextlib

from workers.commit.offsets.ledger_connection import LedgerConnection
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionSpec
from workers.database.session import open_session


class TrialServer:
    """As of the start of a trial. Raises DatabaseTrouble."""

    def __init__(self, spec: PartitionSpec) -> None:
        self.connection = LedgerConnection(spec)
        self.problem: SetupError | None = None  #: why a writer would not start
        try:
            self.max_packet = self.connection.session.max_packet
        except SetupError as problem:
            self.problem = problem
            with contextlib.closing(open_session(spec.current_database_url(), spec.database_seconds)) as session:
                self.max_packet = session.max_packet
        self.has_dead_letters = self.problem is not None or self.connection.has_dead_letters
        self.columns_mark = self.connection.columns_mark
        self.takes_load = self.connection.takes_load
