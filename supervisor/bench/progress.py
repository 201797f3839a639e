"""How far a run on a user's stack is: asked of its own database, where nobody else writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from sqlalchemy import URL

from rtpipe.mysql.engine import bare_connection
from rtpipe.mysql.quoting import quoted
from supervisor.status.facts.partition_status import PartitionStatus

#: Seconds between two questions to the supervisor, whether its queues are full.
_QUEUES = 0.5


class Progress:
    """One run. `begins`: where the log of each partition begins; `partitions`: what the supervisor says of them."""

    def __init__(
        self, where: URL, begins: Mapping[int, int], partitions: Callable[[], Sequence[PartitionStatus]]
    ) -> None:
        self._connection = bare_connection(where, autocommit=True)
        self._begins = begins
        self._partitions = partitions
        self._offsets: dict[int, int] = {}
        self._asked = 0.0
        #: COMMITs, as far as they were seen one by one: two between two looks count as one
        self.commits = 0
        #: at each look at a partition, whether its queue was full
        self.full: list[bool] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def empty(self, table: str) -> None:
        """As before the first row."""
        with self._connection.cursor() as cursor:
            for name in (table, "kafka_offsets", "rtpipe_dead_letters"):
                cursor.execute(f"TRUNCATE TABLE {quoted(name)}")

    def done(self) -> int:
        """Messages whose rows are committed."""
        if time.monotonic() - self._asked > _QUEUES:
            self._asked = time.monotonic()
            self.full += [bool(one.backpressure) for one in self._partitions() if one.state == "running"]
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT `partition`, `offset` FROM kafka_offsets")
            found = {int(partition): int(offset) for partition, offset in cursor.fetchall()}
        before = {**self._begins, **self._offsets}
        self.commits += sum(offset != before[partition] for partition, offset in found.items())
        self._offsets = found
        return sum(offset - self._begins[partition] for partition, offset in found.items())
