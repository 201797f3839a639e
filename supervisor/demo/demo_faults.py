"""The faults of `rtpipe demo`: real kills in mid-stream and a locked row, each with what it did to the pipeline."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import psutil

from supervisor.demo.database_faults import lock_on
from supervisor.demo.pipeline_driver import PipelineDriver
from supervisor.demo.steps import Steps
from supervisor.demo.until import DriverError, until
from supervisor.status.facts.partition_status import PartitionStatus


class DemoFaults:
    """Faults on a pipeline whose messages flow. DriverError if the producer was done before, or nothing recovers."""

    def __init__(self, driver: PipelineDriver, database_url: str, steps: Steps) -> None:
        self._load, self._supervisor = driver.load, driver.supervisor
        self._database_url = database_url
        self._steps = steps

    def wait_moving(self) -> list[PartitionStatus]:
        """The partitions, seen to move: offsets grow, messages are still to come."""
        before = until(self._supervisor.running, "all partitions run")

        def moved() -> list[PartitionStatus]:
            now = self._supervisor.running()
            return now if _committed(now) > _committed(before) else []

        return until(moved, "offsets move")

    def _in_midstream(self, first: int) -> PartitionStatus:
        """A partition, from the `first` on if possible, of whose messages some are rows and some still wait."""

        def flowing() -> PartitionStatus | None:
            now = self._supervisor.running()
            return next((p for p in now[first:] + now[:first] if (p.offset or 0) > 0 and (p.lag or 0) > 0), None)

        return until(flowing, "rows flow, and messages wait")

    def kill_one(self, what: str, first: int, pid_of: Callable[[PartitionStatus], int | None]) -> None:
        """`what` says whose pid `pid_of` gives: of a partition that moves, from number `first` on."""
        with self._steps.step(f"kill -9 a {what} in mid-stream") as say:
            self._require_stream()
            self.wait_moving()
            victim = self._in_midstream(first)
            began = time.monotonic()
            pid = pid_of(victim)
            if pid is None:
                raise DriverError(f"status names no {what} of {victim.key}")
            os.kill(pid, signal.SIGKILL)
            others = {p.key: p.pid for p in self._supervisor.partitions() if p.key != victim.key}
            until(lambda: self._replaced(victim), f"{victim.key} runs again")
            seconds = time.monotonic() - began
            kept = sum(others.get(p.key) == p.pid for p in self._supervisor.partitions())
            say(f"{victim.key}: pid {pid} killed at offset {victim.offset or 0:,}, lag {victim.lag or 0:,}")
            say(f"running again {seconds:.1f} s later; the other {kept} partitions never stopped")

    def _replaced(self, victim: PartitionStatus) -> bool:
        return any(p.key == victim.key and p.pid != victim.pid for p in self._supervisor.running())

    def _require_stream(self) -> None:
        if self._load.process.poll() is not None:
            raise DriverError(
                "the producer was done before the last fault", hint="give it more: rtpipe demo --messages N"
            )

    def backpressure(self, topic: str, partition: int) -> None:
        """Hold the lock until the partition's consumer has stopped reading."""
        with self._steps.step("backpressure: a lock on one partition's row in the database") as say:
            self._require_stream()
            where = f"topic={topic} partition={partition}"
            activated, resolved = ("Backpressure activated", where), ("Backpressure has been resolved", where)
            with lock_on(self._database_url, topic, partition):
                before = len(self._supervisor.log_lines(*activated))
                say(until(lambda: self._supervisor.log_lines(*activated)[before:], "backpressure")[0])
                count = len(self._supervisor.log_lines(*resolved))
            say(until(lambda: self._supervisor.log_lines(*resolved)[count:], "backpressure is resolved")[0])

    def kill_supervisor(self) -> None:
        """All its processes must end with it; a new one goes on."""
        with self._steps.step("kill -9 the supervisor itself, start it again") as say:
            self._require_stream()
            self.wait_moving()
            children = self._supervisor.descendants()
            supervisor = self._supervisor.process
            began = time.monotonic()
            supervisor.kill()
            supervisor.wait()
            _, left = psutil.wait_procs(children, timeout=10)
            if left:
                raise DriverError(f"orphans: {', '.join(str(p.pid) for p in left)}")
            gone = time.monotonic() - began
            self._supervisor.start()
            until(self._supervisor.running, "all partitions run")
            self.wait_moving()
            say(f"all {len(children)} processes of pid {supervisor.pid} gone after {gone:.1f} s, no orphan")
            say(f"started again, every partition moves {time.monotonic() - began:.1f} s after the kill")


def _committed(partitions: list[PartitionStatus]) -> int:
    return sum(p.offset or 0 for p in partitions)
