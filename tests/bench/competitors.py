"""Who is measured: rtpipe, rtpipe without its extra, what people write by hand, and the bare database."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rtpipe.mysql.engine import mysql_url
from supervisor.bench.bare import BareDatabase
from supervisor.bench.figures import Bare, Run
from supervisor.bench.processes import KINDS
from tests.bench.bench import ROOT, RTPIPE, Bench
from tests.bench.cases import Case

#: Connections of the bare database, and whether each commits as many rows at once as rtpipe does or all of its own.
LIMITS = {"limit9": (9, True), "limit2": (2, False)}
#: One process, which is no part of rtpipe, or several that are.
ALONE = ("client",)


@dataclass(frozen=True, slots=True)
class Competitor:
    """A command that moves the messages of a case into its tables."""

    name: str
    command: Sequence[str]
    variables: dict[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ALONE

    def run(self, bench: Bench, case: Case, rows: int, seconds: float) -> Run:
        """Once; if all messages were moved, the number of rows is looked at."""
        found = bench.run(
            self.command, topics=case.topics, rows=rows, seconds=seconds, variables=self.variables, kinds=self.kinds
        )
        if found.rows == rows and case.mode == "insert":
            bench.check(case.topics, rows=rows)
        return found


def competitors(directory: Path, case: Case, against: Path | None) -> list[Competitor]:
    """All that take turns."""
    topics = ",".join(case.topics)
    supervise = [*RTPIPE, "supervise", "--topics", topics, "--log-format", "json"]
    told = {"RTPIPE_DEFAULTS": json.dumps(case.settings)}
    plain = {"RTPIPE_DEFAULTS": json.dumps(case.settings | {"load_data": False})}
    plain["PYTHONPATH"] = f"{_without_polars(directory)}:{ROOT}"
    found = [Competitor("rtpipe", supervise, told, KINDS)]
    if against:
        found.append(Competitor("the version before", supervise, told | {"PYTHONPATH": str(against.resolve())}, KINDS))
    found.append(Competitor("without extra", supervise, plain, KINDS))
    loops = [("plain loop", 5_000)]
    if case == Case():  # it is as slow in each of the others
        loops.append(("a row each", 1))
    for name, batch in loops:
        loop = (sys.executable, "-m", "tests.bench.plain_loop", topics, str(case.partitions // len(case.topics)))
        found.append(Competitor(name, [*loop, str(batch), case.mode]))
    return found


def bare(bench: Bench, case: Case, rows: int) -> BareDatabase:
    """The rows that are in the tables now."""
    where = mysql_url(bench.addresses.admin_database_url).set(database="bank")
    return BareDatabase(where, case.topics, rows=rows, upsert=case.mode == "upsert")


def limit(database: BareDatabase, bench: Bench, name: str, rows_a_commit: float) -> Bare:
    """One run of the bare database."""
    connections, same = LIMITS[name]
    return database.run(connections, round(rows_a_commit) if same else 0, bench.database_cpu)


def _without_polars(directory: Path) -> Path:
    """A folder in which Python finds a polars that cannot be imported, as if the extra were not installed."""
    folder = directory / "without"
    (folder / "polars").mkdir(parents=True, exist_ok=True)
    (folder / "polars" / "__init__.py").write_text('raise ImportError("measured without it")\n')
    return folder
