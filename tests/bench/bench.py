"""One embedded stack with one database server, and runs on it, one after the other."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pymysql
from sqlalchemy.engine import make_url

from infra.stack.state import Addresses
from supervisor.bench import processes
from supervisor.bench.figures import Run, run_of
from supervisor.bench.processes import KINDS, Watched, listeners
from supervisor.bench.watch import BenchError, watch

ROOT = Path(__file__).parent.parent.parent
#: `rtpipe` of whichever checkout is the working directory, also of an older one
RTPIPE = (sys.executable, "-c", "from supervisor.cli import main; main()")
_NO_VARIABLES: Mapping[str, str] = {}


class Bench:
    """The services, the environment of commands, and the ways to run them and to look at them."""

    def __init__(self, directory: Path, addresses: Addresses) -> None:
        self.directory = directory
        self.addresses = addresses
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("RTPIPE_")} | {
            "RTPIPE_BOOTSTRAP_SERVERS": addresses.bootstrap_servers,
            "RTPIPE_SCHEMA_REGISTRY_URL": addresses.schema_registry_url,
            "RTPIPE_DATABASE_URL": addresses.database_url,
            "RTPIPE_INFRA_DATABASE_URL": addresses.infra_database_url,
            "RTPIPE_ADMIN_DATABASE_URL": addresses.admin_database_url,
            "RTPIPE_RUNTIME_DIR": str(directory / "run"),
            # An older version, which may be measured too, refuses a variable of ours that it does not know.
            "XDG_STATE_HOME": str(directory / "state"),
            "PYTHONPATH": str(ROOT),
        }
        where = make_url(addresses.admin_database_url)
        self.services = {
            "database": listeners(where.port or 0),
            "broker": listeners(int(addresses.bootstrap_servers.split(",")[0].rpartition(":")[2])),
        }
        self._database: pymysql.Connection[Any] = pymysql.connect(
            host=where.host or "",
            port=where.port or 0,
            user=where.username,
            password=str(where.password or ""),
            autocommit=True,
        )

    def sql(self, statement: str, column: int = 0) -> Any:
        """A value of the first row, if there is one."""
        with self._database.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone()
            return row[column] if row else None

    def rtpipe(self, *arguments: str, variables: Mapping[str, str] = _NO_VARIABLES) -> str:
        """A command to its end, and what it wrote to its standard output."""
        done = subprocess.run(
            [*RTPIPE, *arguments],
            check=False,
            cwd=self.directory,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"rtpipe {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def empty(self, topics: Sequence[str]) -> None:
        """As before the first row."""
        for table in (*topics, "kafka_offsets", "rtpipe_dead_letters"):
            self.sql(f"TRUNCATE TABLE bank.{table}")

    def consumed(self) -> int:
        """Messages whose rows are committed, by the offsets in their transactions."""
        return int(self.sql("SELECT COALESCE(SUM(`offset`), 0) FROM bank.kafka_offsets"))

    def run(
        self,
        command: Sequence[str],
        *,
        topics: Sequence[str],
        rows: int,
        seconds: float = 600.0,
        variables: Mapping[str, str] = _NO_VARIABLES,
        kinds: tuple[str, ...] = KINDS,
    ) -> Run:
        """One command from empty tables until so many messages are in, or for so many seconds after the first row."""
        self.empty(topics)
        began, commits = time.monotonic(), self.commits()
        with self.process(command, variables) as process:
            watched = Watched(process, self.services, kinds)
            try:
                points = watch(watched, self.consumed, rows=rows, began=began, seconds=seconds)
            except BenchError as error:
                log = "\n".join((self.directory / "log").read_text().splitlines()[-10:])
                raise SystemExit(f"{' '.join(command)}: {error.message}\n{log}") from error
            commits, memory = self.commits() - commits, watched.pss()
        return run_of(points, rows_a_commit=points[-1].rows / max(commits, 1), memory=memory)

    def check(self, topics: Sequence[str], *, rows: int, dead: int = 0) -> None:
        """SystemExit unless the tables hold so many rows, and so many messages are dead letters."""
        found = sum(int(self.sql(f"SELECT COUNT(*) FROM bank.{topic}")) for topic in topics)
        letters = int(self.sql("SELECT COUNT(*) FROM bank.rtpipe_dead_letters"))
        if (found, letters) != (rows, dead):
            raise SystemExit(f"{found} rows and {letters} dead letters, and not {rows} and {dead}")

    def commits(self) -> float:
        """COMMIT statements that the server has run."""
        return float(self.sql("SHOW GLOBAL STATUS LIKE 'Com_commit'", 1) or 0)

    @contextlib.contextmanager
    def process(
        self, command: Sequence[str], variables: Mapping[str, str] = _NO_VARIABLES
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A command that runs meanwhile."""
        with (self.directory / "log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                env={**self.environment, **variables},
                stdout=log,
                stderr=log,
                start_new_session=True,
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
