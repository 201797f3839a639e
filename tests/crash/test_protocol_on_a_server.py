"""The core and the ledger against real servers: cuts, refusals, zombies and successors in any order, by seed."""

from __future__ import annotations

import contextlib
import random
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avro_schemas.tables.own_tables.journal import JOURNAL
from avro_schemas.tables.own_tables.offsets import OFFSETS
from infra.tables.ddl import create_table_sql
from tests.support.faults.database_proxy import DatabaseProxy, Do, Fault, Statement, database_proxy
from tests.support.pipeline.raw_clients import connect
from tests.support.samples.batches import batch_of
from tests.support.samples.specs import default_spec
from workers.commit.offsets.offset_ledger import OffsetLedger
from workers.commit.partition_owner import PartitionOwner
from workers.commit.work import Transaction
from workers.contract.batch import Batch
from workers.contract.errors import Fenced, TemporaryError
from workers.contract.partition_spec import PartitionKey
from workers.database.errors import DatabaseTrouble

if TYPE_CHECKING:
    import pymysql

    from infra.stack.state import Addresses

pytestmark = pytest.mark.faults

_STEPS = 12


class Impatient:
    """Waits for nothing; gives up on what never ends."""

    def __init__(self) -> None:
        self.pauses = 0

    def pause(self, reason: str, seconds: float) -> None:
        self.pauses += 1
        assert self.pauses < 100, reason

    def over(self) -> None:
        self.pauses = 0


class Frozen(Exception):  # noqa: N818
    """The writer stops in the middle of its transaction, and lives on as a zombie that holds the row's lock."""


class Inserts:
    """One statement for each offset, or one for all."""

    dead = 0

    def __init__(self, offsets: list[int], table: str, *, frozen: bool, apart: bool) -> None:
        self.rows = len(offsets)
        self._offsets = offsets
        self._table = table
        self._frozen = frozen
        values = ", ".join(f"({offset})" for offset in offsets)
        self.only_statement = None if frozen or apart else f"INSERT INTO {table} VALUES {values}".encode()

    def run(self, transaction: Transaction) -> None:
        for offset in self._offsets:
            transaction.execute(f"INSERT INTO {self._table} VALUES ({offset})".encode())
            if self._frozen:
                raise Frozen

    def give_up(self, trouble: DatabaseTrouble) -> bool:
        return False


class World:
    """One partition of a topic of its own, one table without any key, and whoever thinks that it is the owner."""

    def __init__(self, connection: pymysql.Connection[Any], proxy: DatabaseProxy, table: str, seed: int) -> None:
        self.cursor = connection.cursor()
        self.proxy = proxy
        self.chance = random.Random(seed)
        key = PartitionKey(f"t{uuid.uuid4().hex}", 0)
        self.spec = default_spec(key, group="g", table=table, database_url=proxy.url, database_seconds=2, journal=True)
        self.owners: list[tuple[PartitionOwner, OffsetLedger]] = []
        self.cursor.execute(f"DELETE FROM {table}")

    def newcomer(self) -> None:
        ledger = OffsetLedger(self.spec)
        owner = PartitionOwner(self.spec.key, ledger, Impatient())
        owner.claim()
        self.owners.append((owner, ledger))

    def step(self) -> int:
        """One batch by one of the owners, perhaps with a fault on its way; returns how many faults hit."""
        if not self.owners or self.chance.random() < 0.15:
            self.newcomer()
        owner, ledger = mine = self.chance.choice(self.owners)
        faults = [self.arm(self.chance.choice(BROKEN))]
        if self.chance.random() < 0.4:
            faults.append(self.arm(Do.CUT_AFTER))
        try:
            frozen = self.chance.random() < 0.1
            batch = self.batch(owner.position.offset)
            apart = self.chance.random() < 0.5
            owner.commit(batch, Inserts(list(batch.offsets), self.spec.table, frozen=frozen, apart=apart))
        except (Fenced, TemporaryError):
            self.owners.remove(mine)
            ledger.disconnect()
        except Frozen:
            self.newcomer()
        for fault in faults:
            fault.release()
        return sum(fault.hits for fault in faults)

    def arm(self, do: Do) -> Fault:
        """At one of a batch's statements."""
        statement = self.chance.choice([*Statement, None])
        if statement is None:
            return self.proxy.arm_at(f"INSERT INTO {JOURNAL.name}", do, number=1213)
        return self.proxy.arm(statement, do, number=1213)

    def batch(self, first: int) -> Batch:
        offsets = list(range(first, first + self.chance.randrange(1, 4)))
        count = len(offsets)
        return batch_of([b""] * count, offsets)

    def close(self) -> None:
        for _, ledger in self.owners:
            ledger.disconnect()

    def assert_exact(self) -> int:
        self.cursor.execute(f"SELECT n FROM {self.spec.table} ORDER BY n")
        rows = [row[0] for row in self.cursor.fetchall()]
        self.cursor.execute("SELECT `offset`, rows_total FROM kafka_offsets WHERE topic = %s", (self.spec.key.topic,))
        stored = self.cursor.fetchone()
        assert rows == list(range(len(rows)))
        assert stored == (len(rows), len(rows))
        self.assert_journal(len(rows))
        return len(rows)

    def assert_journal(self, end: int) -> None:
        """Each row begins where the one before it ended, and its offsets are the rows that it wrote."""
        columns = "first_offset, next_offset, rows_written, messages"
        where = "WHERE topic = %s ORDER BY id"
        self.cursor.execute(f"SELECT {columns} FROM {JOURNAL.name} {where}", (self.spec.key.topic,))
        at = 0
        for first, after, rows, messages in self.cursor.fetchall():
            assert (first, rows, messages) == (at, after - first, after - first)
            at = after
        assert at == end


BROKEN = [Do.CUT_BEFORE, Do.CUT_AFTER, Do.REFUSE]


@contextlib.contextmanager
def scratch_table(addresses: Addresses) -> Iterator[tuple[pymysql.Connection[Any], str]]:
    table = f"rows_{uuid.uuid4().hex[:8]}"
    with contextlib.closing(connect(addresses.admin_database_url, "bank")) as connection:
        cursor = connection.cursor()
        cursor.execute(create_table_sql(OFFSETS))
        cursor.execute(create_table_sql(JOURNAL))
        cursor.execute(f"CREATE TABLE {table} (n BIGINT NOT NULL) ENGINE = InnoDB")
        cursor.execute("GRANT SELECT, INSERT, UPDATE ON bank.kafka_offsets TO 'consumer'@'%'")
        cursor.execute(f"GRANT SELECT, INSERT, DELETE ON bank.{JOURNAL.name} TO 'consumer'@'%'")
        cursor.execute(f"GRANT SELECT, INSERT ON bank.{table} TO 'consumer'@'%'")
        yield connection, table
        cursor.execute(f"DROP TABLE {table}")


def test_any_schedule_writes_each_offset_once(database: Addresses) -> None:
    """F40: schedules of claims, batches, lost replies and rivals, drawn by hypothesis, on a real server."""
    with scratch_table(database) as (connection, table), database_proxy(database.database_url) as proxy:
        hits: list[int] = []

        @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.integers(0, 2**32))
        def explore(seed: int) -> None:
            world = World(connection, proxy, table, seed)
            try:
                hits.extend(world.step() for _ in range(_STEPS))
                assert world.assert_exact() > 0
            finally:
                world.close()

        explore()
        print(f"{len(hits)} batches, {sum(hits)} faults hit")
        assert sum(hits) > len(hits) // 2
