"""`rtpipe chaos`: random kills and freezes on a moving stream, then a count of what was lost, doubled or altered.

The faults and their victims come from the seed, so a failure can be run again; what the processes are doing at that
moment is the machine's own chance.
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from supervisor.demo.database_faults import cut_connection, lock_on
from supervisor.demo.pipeline_driver import PipelineDriver
from supervisor.demo.until import DriverError, until
from supervisor.status.facts.partition_status import PartitionStatus

#: Seconds that a frozen process stays frozen, unless the supervisor kills it before.
_FROZEN = (0.5, 5.0)
_RECOVERY_LIMIT = 120.0
KINDS = (
    "kill worker",
    "kill writer",
    "kill supervisor",
    "kill forkserver",
    "freeze worker",
    "freeze writer",
    "lock row",
    "cut connection",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as it was done."""

    kind: str
    partition: str
    recovery: float  #: seconds until that partition (all, for the supervisor) committed again


@dataclass(frozen=True, slots=True)
class ChaosReport:
    """What came out. `differences` are rows lost, doubled or altered, and offsets behind, by verify's kinds."""

    seed: int
    rows: int
    faults: tuple[Fault, ...]
    orphans: int
    differences: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Nothing lost, doubled or altered, and nobody left behind."""
        return not self.differences and not self.orphans

    def recovery(self, share: float, kind: str = "") -> float:
        """Quantile of the recovery times, in seconds, of all faults or of one kind; 0 if there was none."""
        times = sorted(fault.recovery for fault in self.faults if kind in {"", fault.kind})
        if len(times) < 2:  # noqa: PLR2004 - quantiles need two points
            return times[0] if times else 0.0
        return statistics.quantiles(times, n=100, method="inclusive")[round(share * 100) - 1]

    def to_json(self) -> dict[str, Any]:
        """Stable keys."""
        kinds = Counter(fault.kind for fault in self.faults)
        return {
            "schema_version": 1,
            "seed": self.seed,
            "ok": self.ok,
            "rows": self.rows,
            "faults": len(self.faults),
            "faults_by_kind": dict(kinds),
            "lost": self.differences.get("missing", 0) + self.differences.get("not_consumed", 0),
            "doubled": self.differences.get("extra", 0),
            "altered": self.differences.get("altered", 0),
            "differences": self.differences,
            "orphans": self.orphans,
            "recovery_p50": round(self.recovery(0.50), 3),
            "recovery_p99": round(self.recovery(0.99), 3),
            "each": [asdict(fault) for fault in self.faults],
        }


class Chaos:
    """One run on a pipeline whose topics, tables and settings are ready."""

    def __init__(self, driver: PipelineDriver, database_url: str, seed: int, tell: Callable[[str], None]) -> None:
        self._driver = driver
        self._supervisor = driver.supervisor
        self._database_url = database_url
        self._seed = seed
        self._chance = random.Random(seed)
        self._tell = tell
        self._faults: list[Fault] = []
        self._frozen: list[psutil.Process] = []

    def run(self, duration: float, rate: int, kinds: Sequence[str] = KINDS) -> ChaosReport:
        """Faults for `duration` seconds on a stream of `rate` messages a second, then drain and compare."""
        self._supervisor.start()
        # The stream outlasts the faults: one that hits a pipeline at rest proves nothing.
        longest = str(duration + _RECOVERY_LIMIT)
        self._driver.load.start("--duration", longest, "--rate", str(rate), "--seed", str(self._seed))
        until(self._supervisor.running, "all partitions run", _RECOVERY_LIMIT)
        end = time.monotonic() + duration
        while time.monotonic() < end:
            self._one(self._chance.choice(kinds), self._chance.random())
            time.sleep(self._chance.uniform(0, 0.5))
        return self._report()

    def _one(self, kind: str, which: float) -> None:
        partitions = until(self._supervisor.running, "all partitions run", _RECOVERY_LIMIT)
        victim = partitions[int(which * len(partitions))]
        began = time.monotonic()
        watched = self._do(kind, victim, partitions)
        until(lambda: self._moved(watched), f"{kind} {victim.key}: committing again", _RECOVERY_LIMIT)
        fault = Fault(kind, victim.key, round(time.monotonic() - began, 3))
        self._faults.append(fault)
        self._tell(f"{len(self._faults):>4}  {kind:<16} {victim.key:<16} back after {fault.recovery:.2f} s")

    def _do(self, kind: str, victim: PartitionStatus, all_of_them: list[PartitionStatus]) -> list[PartitionStatus]:
        """Do it; the partitions whose recovery counts."""
        pids = {"worker": victim.pid, "writer": victim.writer_pid}
        verb, what = kind.split()
        if verb == "cut":
            cut_connection(self._database_url, victim.topic, victim.partition)
        elif verb == "lock":
            with lock_on(self._database_url, victim.topic, victim.partition):
                time.sleep(self._chance.uniform(*_FROZEN))
        elif verb == "freeze":
            self._freeze(pids[what])
        elif what == "supervisor":
            self._kill_supervisor()
            return all_of_them
        elif what == "forkserver":
            self._kill_helpers()
        else:
            _signal(pids[what], signal.SIGKILL)
        return [victim]

    def _freeze(self, pid: int | None) -> None:
        _signal(pid, signal.SIGSTOP)
        time.sleep(self._chance.uniform(*_FROZEN))
        _signal(pid, signal.SIGCONT)

    def _kill_supervisor(self) -> None:
        supervisor = self._supervisor.process
        children = self._supervisor.descendants()
        supervisor.kill()
        supervisor.wait()
        _, left = psutil.wait_procs(children, timeout=10)
        if left:
            raise DriverError(f"orphans after the supervisor's death: {', '.join(str(p.pid) for p in left)}")
        self._supervisor.start()

    def _kill_helpers(self) -> None:
        """Multiprocessing's forkserver and resource tracker: the supervisor's only direct children at first."""
        supervisor = self._supervisor.process
        for child in psutil.Process(supervisor.pid).children():
            with suppress(psutil.NoSuchProcess):  # one killed before, which nobody has missed yet, is a zombie
                if any("multiprocessing" in part for part in child.cmdline()) and child.pid not in self._workers():
                    child.kill()

    def _workers(self) -> set[int | None]:
        """Consumers and writers: orphans of a killed forkserver become the supervisor's own children."""
        return {pid for partition in self._supervisor.partitions() for pid in (partition.pid, partition.writer_pid)}

    def _moved(self, watched: list[PartitionStatus]) -> bool:
        now = {partition.key: partition for partition in self._supervisor.running()}
        return all(p.key in now and (now[p.key].offset or 0) > (p.offset or 0) for p in watched)

    def _report(self) -> ChaosReport:
        supervisor = self._supervisor.process
        self._driver.load.finish()
        self._supervisor.wait_caught_up()
        family = self._supervisor.descendants()
        supervisor.terminate()
        supervisor.wait(60)
        _, left = psutil.wait_procs(family, timeout=10)
        text = self._driver.commands.run(
            "verify", "--topics", self._driver.topics, "--values", "--json", accepted=(0, 3)
        )
        topics = json.loads(text)["topics"]
        counts: Counter[str] = Counter()
        for topic in topics:
            counts.update(topic["difference_counts"])
        rows = sum(topic["rows_in_table"] for topic in topics)
        return ChaosReport(self._seed, rows, tuple(self._faults), len(left), dict(counts))


def _signal(pid: int | None, number: signal.Signals) -> None:
    """To a process that `status` named a moment ago; one that is gone by now was hit by another fault."""
    try:
        if pid is not None:
            os.kill(pid, number)
    except ProcessLookupError:
        pass


def write_settings(directory: Path) -> None:
    """Small batches, so that there are many transactions to hit; offsets in the rows, so that each can be named."""
    (directory / "rtpipe.toml").write_text(
        '[defaults]\nbatch_rows = 500\nqueue_batches = 4\nmetadata_columns = ["_kafka_partition", "_kafka_offset"]\n'
    )
