"""A primary and its replica, two real servers of the same kind, GTID replication between them; either may be lost.

`ReplicaPair.fail_over` does what people and their tools do: the primary is gone, the replica applies what it has
received and takes writes from then on. `rebuild` makes a new replica in the place of the lost server, on its port.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pymysql

from infra.stack.artifacts.cache import artifact_paths, cache_directory
from infra.stack.layout import StackOptions, new_layout
from infra.stack.services.mariadb import mariadb_service
from infra.stack.services.service import ENVIRONMENT, NotReadyError
from tests.support.pipeline.raw_clients import connect
from tests.support.stack.mysql_server import HOST, cache_dir, free_port, running_server, unpacked_server
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.stack.state import Addresses


class Kind(ABC):
    """What differs between MySQL and MariaDB."""

    password: ClassVar[str]
    follow: ClassVar[str]
    semi_sync: ClassVar[tuple[str, str]]  #: statements of the primary, and of the replica
    position: ClassVar[str]  #: what a primary has
    has: ClassVar[str]  #: a replica waits until it has that, too: 0 once it has

    @abstractmethod
    def running(self, folder: Path, port: int, number: int) -> contextlib.AbstractContextManager[object]:
        """A server with new data, killed in the end."""


class Mysql(Kind):
    """GTIDs, and semi-synchronous replication by its plugins."""

    password = ""
    follow = (
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '{host}', SOURCE_PORT = {port}, SOURCE_USER = 'root',"
        " SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1, SOURCE_CONNECT_RETRY = 1"
    )
    semi_sync = (
        "SET GLOBAL rpl_semi_sync_source_enabled = ON, GLOBAL rpl_semi_sync_source_timeout = 3600000",
        "SET GLOBAL rpl_semi_sync_replica_enabled = ON",
    )
    position, has = "@@GLOBAL.gtid_executed", "WAIT_FOR_EXECUTED_GTID_SET('{gtids}', 60)"

    def running(self, folder: Path, port: int, number: int) -> contextlib.AbstractContextManager[object]:
        plugins = [f"--plugin-load-add=semisync_{side}.so" for side in ("source", "replica")]
        gtids = ["--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--skip-replica-start"]
        root = unpacked_server(cache_dir() / "mysql-server")
        return running_server(root, folder, f"--server-id={number}", *gtids, *plugins, port=port)


class Mariadb(Kind):
    """GTIDs; semi-synchronous replication is built in."""

    password = "root1!"
    follow = (
        "CHANGE MASTER TO MASTER_HOST = '{host}', MASTER_PORT = {port}, MASTER_USER = 'root',"
        " MASTER_PASSWORD = 'root1!', MASTER_USE_GTID = slave_pos, MASTER_SSL = 0, MASTER_CONNECT_RETRY = 1"
    )
    semi_sync = (
        (
            "SET GLOBAL rpl_semi_sync_master_enabled = ON, GLOBAL rpl_semi_sync_master_timeout = 3600000,"
            " GLOBAL rpl_semi_sync_master_wait_point = AFTER_SYNC"
        ),
        "SET GLOBAL rpl_semi_sync_slave_enabled = ON",
    )
    position, has = "@@GLOBAL.gtid_binlog_pos", "MASTER_GTID_WAIT('{gtids}', 60)"

    @contextlib.contextmanager
    def running(self, folder: Path, port: int, number: int) -> Iterator[None]:
        layout = dataclasses.replace(new_layout(folder, StackOptions()), database_port=port)
        service = mariadb_service(layout, artifact_paths(cache_directory()).mariadb)
        for needed in (service.directory, service.scratch):
            needed.mkdir(parents=True)
        service.prepare(service.directory)
        replicates = [f"--server-id={number}", "--log-bin=binlog", "--log-slave-updates=ON", "--skip-slave-start"]
        command = ["setpriv", "--pdeathsig", "KILL", *service.command(), "--gtid-strict-mode=ON", *replicates]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [*command, "--innodb-buffer-pool-size=128M"], cwd=folder, env=ENVIRONMENT, stdout=log, stderr=log
            )

        def answers() -> bool:
            assert process.poll() is None, (folder / "log").read_text()[-2000:]
            try:
                service.check(5)
            except NotReadyError:
                return False
            return True

        try:
            eventually(answers, within=60, what="mariadbd answers")
            yield
        finally:
            process.kill()
            process.wait()


@dataclasses.dataclass
class Member:
    """One server of a pair."""

    kind: Kind
    port: int
    life: contextlib.ExitStack  #: closed: killed

    @property
    def url(self) -> str:
        login = f"root:{self.kind.password.replace('!', '%21')}" if self.kind.password else "root"
        return f"mysql+pymysql://{login}@{HOST}:{self.port}/"

    def ask(self, sql: str, *more: str, database: str | None = None) -> list[dict[str, Any]]:
        """Run statements; the rows of the last one."""
        with contextlib.closing(connect(self.url, database)) as connection:
            cursor = connection.cursor(pymysql.cursors.DictCursor)
            for one in (sql, *more):
                cursor.execute(one)
            return list(cursor.fetchall())

    def replication(self) -> dict[str, Any]:
        """What a replica says of itself, in MySQL's words."""
        [found] = self.ask("SHOW REPLICA STATUS") or [{}]
        return {name.replace("Master", "Source").replace("Slave", "Replica"): value for name, value in found.items()}

    def read_only(self, *, on: bool) -> None:
        name = "super_read_only" if isinstance(self.kind, Mysql) else "read_only"
        self.ask(f"SET GLOBAL {name} = {'ON' if on else 'OFF'}", f"SET GLOBAL read_only = {'ON' if on else 'OFF'}")


class ReplicaPair:
    """`primary` takes writes and `replica` follows it; after a failover the other way round."""

    def __init__(self, kind: Kind, directory: Path, *, semi_sync: bool = False) -> None:
        self._kind = kind
        self._directory = directory
        self._semi_sync = semi_sync
        self._made = 0
        self.ports = (free_port(), free_port())
        self.primary = self._member(self.ports[0])
        self.replica = self._replica(self.ports[1])

    def _member(self, port: int) -> Member:
        self._made += 1
        folder = self._directory / f"server-{self._made}"
        folder.mkdir()
        life = contextlib.ExitStack()
        life.callback(shutil.rmtree, folder)
        life.enter_context(self._kind.running(folder, port, self._made))
        return Member(self._kind, port, life)

    def _replica(self, port: int) -> Member:
        """A new server that has all that the primary has, and follows it."""
        made = self._member(port)
        self._follow(made)
        return made

    def _follow(self, made: Member) -> None:
        if self._semi_sync:
            made.ask(self._kind.semi_sync[1])
        made.ask(self._kind.follow.format(host=HOST, port=self.primary.port), "START REPLICA")
        made.read_only(on=True)
        if self._semi_sync:
            self.primary.ask(self._kind.semi_sync[0])
        [has] = self.primary.ask(f"SELECT {self._kind.position} AS gtids")
        [waited] = made.ask(f"SELECT {self._kind.has.format(**has)} AS late")
        assert waited["late"] == 0, made.replication()

    def fail_over(self) -> None:
        """The primary is gone (SIGKILL), and the replica takes its place with all that it has received."""
        self.primary.life.close()
        self.promote()

    def promote(self) -> None:
        """The replica applies what it has received, and takes writes; what was the primary does what it likes."""
        eventually(self._applied, within=60, what="the replica has applied what it received")
        self.replica.ask("STOP REPLICA", "RESET REPLICA ALL")
        self.replica.read_only(on=False)
        self.primary, self.replica = self.replica, self.primary

    def _applied(self) -> bool:
        """All transactions that it received as a whole; of the last one it may have only a part."""
        says = self.replica.replication()
        assert not says["Last_SQL_Error"], says["Last_SQL_Error"]
        if "has read all relay log" not in says["Replica_SQL_Running_State"]:
            return False
        if "Retrieved_Gtid_Set" not in says:  # MariaDB, which applies in one thread
            return True
        subset = f"GTID_SUBSET('{says['Retrieved_Gtid_Set']}', @@GLOBAL.gtid_executed)"
        return self.replica.ask(f"SELECT {subset} AS has") == [{"has": 1}]

    def rejoin(self) -> None:
        """What was the primary before has nothing of its own, and follows the new one with all that it has."""
        self._follow(self.replica)

    def rebuild(self) -> None:
        """What was the primary before begins anew, as the replica of the new one."""
        self.replica.life.close()
        self.replica = self._replica(self.replica.port)

    def close(self) -> None:
        for member in (self.primary, self.replica):
            member.life.close()

    def on(self, stack: Addresses, at: str = "") -> Addresses:
        """The stack with this pair in the place of its database: both servers in the URL, or what is `at`; for tests
        the primary.
        """
        both = at or ",".join(f"{HOST}:{port}" for port in self.ports)
        root = self.primary.url.partition("@")[0]
        return dataclasses.replace(
            stack,
            database_url=f"mysql+pymysql://consumer:consumer1%21@{both}/bank",
            infra_database_url=f"{root}@{both}/bank",
            admin_database_url=self.primary.url,
        )


@contextlib.contextmanager
def replica_pair(kind: Kind, directory: Path, *, semi_sync: bool = False) -> Iterator[ReplicaPair]:
    """A pair with the database `bank` and the account `consumer`; both servers are gone in the end."""
    pair = ReplicaPair(kind, directory, semi_sync=semi_sync)
    try:
        pair.primary.ask("CREATE DATABASE IF NOT EXISTS bank")
        pair.primary.ask("CREATE USER IF NOT EXISTS 'consumer'@'%' IDENTIFIED BY 'consumer1!'")
        yield pair
    finally:
        pair.close()
