"""A writer of a partition on a database in memory, but for the process around it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from avro_schemas.tables.rules import TableRules
from tests.support.fakes.memory_database import MemoryServer
from tests.support.samples.batches import batch_of
from tests.support.samples.small_orders import SmallSchemas
from tests.support.samples.specs import default_spec
from workers.commit.encoding.batch_encoder import BatchEncoder
from workers.commit.offsets.ledger_connection import LedgerConnection
from workers.commit.offsets.offset_ledger import OffsetLedger
from workers.commit.partition_owner import PartitionOwner
from workers.commit.table_writer import TableWriter, Written
from workers.contract.partition_spec import PartitionKey, PartitionSpec

SPEC = default_spec(PartitionKey("orders", 0), rules=TableRules(metadata=()))


class Patience:
    """Waits for nothing."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def pause(self, reason: str, seconds: float) -> None:
        assert seconds >= 0
        self.reasons.append(reason)
        assert len(self.reasons) < 20

    def over(self) -> None:
        """It goes on."""


class Rig:
    """A writer that owns the partition."""

    def __init__(self, spec: PartitionSpec = SPEC) -> None:
        self.server = MemoryServer()
        self.schemas = SmallSchemas(spec.rules)
        self.patience = Patience()
        connection = LedgerConnection(spec, self.server.open)
        self.owner = PartitionOwner(spec.key, OffsetLedger(spec, connection=connection), self.patience)
        self.owner.claim()
        self.writer = TableWriter(spec, self.owner, connection, BatchEncoder(spec, self.schemas))
        self.written: list[Written] = []

    def write(self, *values: bytes | None, keys: Sequence[bytes | None] = ()) -> None:
        first = self.owner.position.offset
        batch = batch_of(values, range(first, first + len(values)), keys=keys)
        for done in self.writer.write(batch):
            self.written.append(done)

    def stored(self) -> tuple[Any, ...]:
        """Offset, rows and dead letters by kafka_offsets."""
        [found] = self.server.rows("SELECT `offset`, rows_total, dead_total FROM kafka_offsets")
        return found

    def reported(self) -> tuple[int, int, int]:
        """The same by what the writer said."""
        dead = sum(done.dead.total() for done in self.written)
        return self.written[-1].next_offset, sum(done.rows for done in self.written), dead

    def journal(self) -> list[tuple[Any, ...]]:
        """Kind, offsets, messages, rows and dead letters of each row of the journal, as they were written."""
        return journal_of(self.server)

    def table(self) -> list[tuple[Any, ...]]:
        return self.server.rows("SELECT a, b FROM orders ORDER BY a")

    def letters(self) -> list[tuple[Any, ...]]:
        return self.server.rows("SELECT `offset`, error_name FROM rtpipe_dead_letters ORDER BY `offset`")


def journal_of(server: MemoryServer) -> list[tuple[Any, ...]]:
    """The journal, which must be whole: each row begins where the one before it ended, the last one where kafka_offsets
    is; and the sums are its totals.
    """
    columns = "kind, first_offset, next_offset, messages, rows_written, dead_letters"
    kept = server.rows(f"SELECT {columns} FROM rtpipe_journal ORDER BY id")
    [stored] = server.rows("SELECT `offset`, rows_total, dead_total FROM kafka_offsets")
    assert [row[1] for row in kept[1:]] == [row[2] for row in kept[:-1]]
    assert stored == (kept[-1][2] if kept else stored[0], sum(row[4] for row in kept), sum(row[5] for row in kept))
    return kept


def spec_with(**changes: Any) -> PartitionSpec:
    return dataclasses.replace(SPEC, **changes)
