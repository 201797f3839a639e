"""Other programs that move topics into tables, by scripts that stay in the foreground: `peer_NAME.sh`, in a folder.

A script finds topics dataset1 to dataset3 and tables of these names, which are empty, in the database `bench` of a
server on 127.0.0.1, for the user `bench` with that password; BENCH_KAFKA_PORT, BENCH_REG_PORT and BENCH_DB_PORT;
BENCH_GROUP, a new consumer group; BENCH_STATE, an empty folder; BENCH_MODE, insert or upsert by key_field1;
BENCH_SERVER, mariadb or mysql. One whose program is not on this machine, or that cannot do the mode, ends by itself: it
is left out.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from sqlalchemy.engine import make_url

from supervisor.bench.figures import Run, run_of
from supervisor.bench.processes import Watched
from supervisor.bench.watch import BenchError, watch
from tests.bench.bench import Bench
from tests.bench.cases import Case
from tests.bench.competitors import ALONE

_TRIED = 3.0  #: seconds after which a script that still runs has found its program


@dataclass(frozen=True, slots=True)
class Peer:
    """One script."""

    name: str
    script: Path

    def run(self, bench: Bench, case: Case, rows: int, seconds: float) -> Run:
        """Once, from empty tables. BenchError if it ends by itself."""
        for topic in case.topics:
            bench.sql(f"DROP TABLE IF EXISTS bench.{topic}")
            bench.sql(f"CREATE TABLE bench.{topic} LIKE bank.{topic}")
        bench.sql("DROP TABLE IF EXISTS bench.kafka_offsets")
        before = _written(bench)
        began, commits = time.monotonic(), bench.commits()
        with tempfile.TemporaryDirectory(dir=bench.directory) as state:
            command = ["bash", str(self.script)]
            with bench.process(command, variables=_variables(bench, case, state)) as process:
                watched = Watched(process, bench.services, ALONE)
                points = watch(
                    watched, lambda: max(0, _written(bench) - before), rows=rows, began=began, seconds=seconds
                )
                commits, memory = bench.commits() - commits, watched.pss()
        return run_of(points, rows_a_commit=points[-1].rows / max(commits, 1), memory=memory)


def peers_in(folder: Path, bench: Bench, case: Case) -> list[Peer]:
    """Those that run on this machine; the others, and why, are told on stderr."""
    console = Console(stderr=True, highlight=False)
    if case.topics != Case().topics:
        console.print(f"  peers are measured with the topics of the usual case only ({Case().name})")
        return []
    bench.sql("CREATE DATABASE IF NOT EXISTS bench")
    for host in ("%", "localhost"):
        bench.sql(f"CREATE USER IF NOT EXISTS 'bench'@'{host}' IDENTIFIED BY 'bench'")
        bench.sql(f"GRANT ALL ON bench.* TO 'bench'@'{host}'")
    found = []
    for script in sorted(folder.resolve().glob("peer_*.sh")):
        peer = Peer(script.stem.removeprefix("peer_"), script)
        try:
            peer.run(bench, case, 1, _TRIED)
        except BenchError as error:
            console.print(f"  {peer.name} is left out: {error.message}")
        else:
            found.append(peer)
    return found


def _variables(bench: Bench, case: Case, state: str) -> dict[str, str]:
    addresses = bench.addresses
    return {
        "BENCH_GROUP": f"bench-{uuid.uuid4().hex[:8]}",
        "BENCH_STATE": state,
        "BENCH_MODE": case.mode,
        "BENCH_SERVER": case.server,
        "BENCH_KAFKA_PORT": addresses.bootstrap_servers.rpartition(":")[2],
        "BENCH_REG_PORT": str(urlsplit(addresses.schema_registry_url).port),
        "BENCH_DB_PORT": str(make_url(addresses.admin_database_url).port),
    }


def _written(bench: Bench) -> int:
    """Rows that the server has written so far."""
    return int(bench.sql("SHOW GLOBAL STATUS LIKE 'Handler_write'", 1) or 0)
