"""One embedded stack with filled topics, and competitors that run on it one after the other."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pymysql
from sqlalchemy.engine import make_url

from infra.stack.state import Addresses
from tests.bench import limit, processes

TOPICS = ("dataset1", "dataset2", "dataset3")
PARTITIONS = 3
ROOT = Path(__file__).parent.parent.parent
#: `rtpipe` of whichever checkout is the working directory, also of an older one
RTPIPE = (sys.executable, "-c", "from supervisor.cli import main; main()")


@dataclass(frozen=True, slots=True)
class Round:
    """One run of one competitor."""

    steady: float  #: rows/s between 20 % and 90 % of the rows
    whole: float  #: rows/s from the start of the process to the last row
    cpu: float  #: CPU seconds of its processes for a million rows, its start included
    memory: float  #: MB (PSS) of consumers and writers at rest, once all rows are in; 0 if not measured
    loaded: float  #: MB (PSS) of all its processes when 90 % of the rows are in
    micros: Mapping[str, float]  #: CPU microseconds a row between 20 % and 90 %, by kind of process
    batch: float  #: rows a COMMIT


@dataclass(frozen=True, slots=True)
class Point:
    """How far a run is."""

    seconds: float
    rows: int
    cpu: Mapping[str, float]  #: seconds so far, by kind of process


@dataclass(frozen=True, slots=True)
class Limit:
    """One run of LOAD DATA."""

    rate: float  #: rows/s
    micros: float  #: CPU microseconds a row of the database


class Bench:
    """The stack, filled topics, and the ways to empty the tables again."""

    def __init__(self, directory: Path, addresses: Addresses, rows: int) -> None:
        self.directory = directory
        self.addresses = addresses
        self.rows = rows // len(TOPICS) * len(TOPICS)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("RTPIPE_")} | {
            "RTPIPE_BOOTSTRAP_SERVERS": addresses.bootstrap_servers,
            "RTPIPE_SCHEMA_REGISTRY_URL": addresses.schema_registry_url,
            "RTPIPE_DATABASE_URL": addresses.database_url,
            "RTPIPE_INFRA_DATABASE_URL": addresses.infra_database_url,
            "RTPIPE_ADMIN_DATABASE_URL": addresses.admin_database_url,
            "RTPIPE_RUNTIME_DIR": str(directory / "run"),
            "PYTHONPATH": str(ROOT),
        }
        where = make_url(addresses.admin_database_url)
        self.services = {
            "database": _listener(where.port or 0),
            "broker": _listener(int(addresses.bootstrap_servers.split(",")[0].rpartition(":")[2])),
        }
        self.lines: list[bytes] = []
        self.database: pymysql.Connection[Any] = pymysql.connect(
            host=where.host or "",
            port=where.port or 0,
            user=where.username,
            password=str(where.password),
            autocommit=True,
            local_infile=True,
        )

    def sql(self, statement: str) -> Any:
        """The first value of the first row, if there is one."""
        with self.database.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone()
            return row[0] if row else None

    def rtpipe(self, *arguments: str) -> None:
        """A command to its end."""
        command = [*RTPIPE, *arguments]
        subprocess.run(command, check=True, cwd=self.directory, env=self.environment, stdout=subprocess.DEVNULL)

    def fill(self) -> None:
        """Topics, tables and all messages; the plain loop's account may write offsets as rtpipe's may."""
        schemas = self.directory / "schema_before.json"
        schemas.write_text((ROOT / "avro_schemas" / "schema_before.json").read_text())
        self.rtpipe("infra", "create", "--schemas", str(schemas), "--partitions", str(PARTITIONS))
        each = str(self.rows // len(TOPICS))
        produced = ("produce", "--topics", ",".join(TOPICS), "--count", each, "--seed", "1")
        self.rtpipe(*produced, "--schemas", str(self.directory / "schema_avro.json"))

    def empty(self, topics: Sequence[str]) -> None:
        """As before the first row."""
        for table in (*topics, "kafka_offsets", "rtpipe_dead_letters"):
            self.sql(f"TRUNCATE TABLE bank.{table}")

    def consumed(self) -> int:
        """Messages whose rows are committed, by the offsets in their transactions."""
        return int(self.sql("SELECT COALESCE(SUM(`offset`), 0) FROM bank.kafka_offsets"))

    def run(
        self,
        command: list[str],
        *,
        at_rest: bool = False,
        topics: Sequence[str] = TOPICS,
        dead: int = 0,
        root: Path = ROOT,
    ) -> Round:
        """One competitor from an empty database until every message is in, `dead` of them as dead letters."""
        self.empty(topics)
        began = time.monotonic()
        with self.process(command, root) as process:
            commits = self.commits()
            early = self._reach(0.2, process, began)
            late = self._reach(0.9, process, began)
            loaded = sum(processes.pss(found) for found in processes.kinds(process.pid).values())
            end = self._reach(1.0, process, began)
            commits = self.commits() - commits
            cpu = cpu_seconds(process.pid)
            memory = _settled_memory(process.pid) if at_rest else 0.0
        found = sum(int(self.sql(f"SELECT COUNT(*) FROM bank.{topic}")) for topic in topics)
        letters = int(self.sql("SELECT COUNT(*) FROM bank.rtpipe_dead_letters"))
        if (found, letters) != (self.rows - dead, dead):
            raise SystemExit(f"{command}: {found} rows and {letters} dead letters of {self.rows}, {dead} of them bad")
        between = max(late.rows - early.rows, 1)
        return Round(
            steady=between / max(late.seconds - early.seconds, 1e-9),
            whole=self.rows / end.seconds,
            cpu=cpu / self.rows * 1e6,
            memory=memory,
            loaded=loaded,
            micros={kind: (late.cpu[kind] - early.cpu.get(kind, 0.0)) / between * 1e6 for kind in late.cpu},
            batch=self.rows / max(commits, 1),
        )

    def _reach(self, share: float, process: subprocess.Popen[bytes], began: float) -> Point:
        """Wait until this share of the rows is in."""
        while (done := self.consumed()) < share * self.rows:
            if process.poll() is not None:
                raise SystemExit(f"{process.args!r} ended with exit code {process.returncode}")
            time.sleep(0.02)
        seconds = time.monotonic() - began
        cpu = processes.cpu_by_kind(processes.kinds(process.pid) | self.services)
        return Point(seconds, done, cpu)

    def commits(self) -> float:
        """COMMIT statements that the server has run."""
        with self.database.cursor() as cursor:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Com_commit'")
            row = cursor.fetchone()
        return float(row[1]) if row else 0.0

    @contextlib.contextmanager
    def process(self, command: list[str], root: Path = ROOT) -> Iterator[subprocess.Popen[bytes]]:
        """A command that runs meanwhile; `root`: the checkout whose code it runs."""
        environment = self.environment | {"PYTHONPATH": str(root)}
        with (self.directory / "log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.directory, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    def database_cpu(self) -> float:
        """CPU seconds that the database has used."""
        return processes.cpu(self.services["database"])

    def keep_rows(self) -> None:
        """Remember the rows that are in the tables now, as lines of a file for LOAD DATA."""
        self.lines = []
        for topic in TOPICS:
            with self.database.cursor() as cursor:
                cursor.execute(f"SELECT * FROM bank.{topic}")
                self.lines += ["\t".join(map(str, row)).encode() + b"\n" for row in cursor.fetchall()]

    def load_data(self, connections: int, rows: int) -> Limit:
        """LOAD DATA LOCAL of the kept rows, with nothing else running; `rows`: of each commit, 0 for whole files."""
        self.empty(TOPICS)
        tables = [f"bank.{topic}" for topic in TOPICS]
        before = self.database_cpu()
        rate = limit.load(self.addresses.admin_database_url, tables, self.lines, connections=connections, rows=rows)
        return Limit(rate, (self.database_cpu() - before) / len(self.lines) * 1e6)


def _listener(port: int) -> list[psutil.Process]:
    """The process that listens on this port of this machine."""
    found = [one for one in psutil.net_connections("tcp") if one.status == "LISTEN" and one.laddr[1:] == (port,)]
    return [psutil.Process(one.pid) for one in found if one.pid]


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """Of a process and its descendants that run."""
    return sum(sum(process.cpu_times()[:2]) for process in _family(pid))


def _settled_memory(pid: int) -> float:
    """PSS of consumers and writers once it no longer changes, in MB."""
    last = 0.0
    while True:
        time.sleep(4.0)
        workers = _family(pid)[1:]
        now = sum(process.memory_full_info().pss for process in workers if _is_worker(process)) / 1e6
        if abs(now - last) < 0.5:
            return now
        last = now


def _is_worker(process: psutil.Process) -> bool:
    """A consumer or a writer: both come from the forkserver, which itself does not."""
    return any("forkserver" in " ".join(parent.cmdline()) for parent in process.parents())
