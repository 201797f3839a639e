"""`rtpipe chaos`: random kills and freezes on a moving stream, then a count of what was lost, doubled or altered.

The faults and their victims come from the seed, so a failure can be run again; what the processes are doing at that
moment is the machine's own chance.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence

from supervisor.demo.chaos.chaos_faults import ChaosFaults
from supervisor.demo.chaos.chaos_hosts import ChaosHosts
from supervisor.demo.chaos.chaos_report import ChaosReport, Fault
from supervisor.demo.pipeline_driver import PipelineDriver
from supervisor.demo.until import until

_RECOVERY_LIMIT = 120.0


class Chaos:
    """One run on a pipeline whose topics, tables and settings are ready."""

    def __init__(
        self, driver: PipelineDriver, hosts: ChaosHosts, database_url: str, seed: int, tell: Callable[[str], None]
    ) -> None:
        """`driver`: for commands and load; `hosts`: what the faults are done to."""
        self._driver = driver
        self._hosts = hosts
        self._seed = seed
        self._chance = random.Random(seed)
        self._does = ChaosFaults(hosts, database_url, self._chance)
        self._tell = tell
        self._faults: list[Fault] = []

    def run(self, duration: float, rate: int, kinds: Sequence[str]) -> ChaosReport:
        """Faults for `duration` seconds on a stream of `rate` messages a second, then drain and compare."""
        self._hosts.start()
        # The stream outlasts the faults: one that hits a pipeline at rest proves nothing.
        longest = str(duration + _RECOVERY_LIMIT)
        self._driver.load.start("--duration", longest, "--rate", str(rate), "--seed", str(self._seed))
        until(self._hosts.running, "all partitions run", _RECOVERY_LIMIT)
        end = time.monotonic() + duration
        while time.monotonic() < end:
            self._one(self._chance.choice(kinds), self._chance.random())
            time.sleep(self._chance.uniform(0, 0.5))
        return self._report()

    def _one(self, kind: str, which: float) -> None:
        placed = list(until(self._hosts.running, "all partitions run", _RECOVERY_LIMIT).values())
        victim = placed[int(which * len(placed))]
        name, began = victim.status.key, time.monotonic()
        done = self._does.do(kind, victim, placed)
        until(lambda: self._hosts.moved(done.watched), f"{kind} {name}: committing again", _RECOVERY_LIMIT)
        fault = Fault(kind, name, round(time.monotonic() - began, 3))
        done.after()
        self._faults.append(fault)
        self._tell(f"{len(self._faults):>4}  {kind:<16} {name:<16} back after {fault.recovery:.2f} s")

    def _report(self) -> ChaosReport:
        self._driver.load.finish()
        self._hosts.wait_caught_up()
        orphans = self._hosts.end()
        text = self._driver.commands.run(
            "verify", "--topics", self._driver.topics, "--values", "--json", accepted=(0, 3)
        )
        topics = json.loads(text)["topics"]
        counts: Counter[str] = Counter()
        for topic in topics:
            counts.update(topic["difference_counts"])
        rows = sum(topic["rows_in_table"] for topic in topics)
        return ChaosReport(self._seed, rows, tuple(self._faults), orphans, dict(counts))
