"""One embedded stack with filled topics, and competitors that run on it one after the other."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pymysql
from sqlalchemy.engine import make_url

from infra.stack.state import Addresses

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
    cpu: float  #: CPU seconds of its processes for a million rows
    memory: float  #: MB (PSS) of its processes at rest, once all rows are in; 0 if not measured


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
            points = [(0.0, 0)]
            while points[-1][1] < self.rows:
                if process.poll() is not None:
                    raise SystemExit(f"{command} ended with exit code {process.returncode}")
                time.sleep(0.02)
                points.append((time.monotonic() - began, self.consumed()))
            cpu = cpu_seconds(process.pid)
            memory = _settled_memory(process.pid) if at_rest else 0.0
        found = sum(int(self.sql(f"SELECT COUNT(*) FROM bank.{topic}")) for topic in topics)
        letters = int(self.sql("SELECT COUNT(*) FROM bank.rtpipe_dead_letters"))
        if (found, letters) != (self.rows - dead, dead):
            raise SystemExit(f"{command}: {found} rows and {letters} dead letters of {self.rows}, {dead} of them bad")
        early = next(point for point in points if point[1] >= 0.2 * self.rows)
        late = next(point for point in points if point[1] >= 0.9 * self.rows)
        steady = (late[1] - early[1]) / max(late[0] - early[0], 1e-9)
        return Round(steady, self.rows / points[-1][0], cpu / self.rows * 1e6, memory)

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
        path = next(self.directory.rglob("mariadb.pid"))
        return sum(psutil.Process(int(path.read_text())).cpu_times()[:2])

    def load_data(self) -> float:
        """Rows/s of LOAD DATA LOCAL of a finished file, on one connection, with nothing else running."""
        self.empty(TOPICS)
        path = self.directory / "rows.tsv"
        with path.open("w") as out:
            out.writelines(f"abcdef\t{1679818410755 + index}\t0.{index}\tghijkl\n" for index in range(self.rows))
        began = time.monotonic()
        self.sql(f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE bank.{TOPICS[0]}")
        return self.rows / (time.monotonic() - began)


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
