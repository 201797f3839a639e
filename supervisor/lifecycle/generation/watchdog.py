"""What is done with processes of which one is stuck: SIGABRT for their stacks, then SIGKILL."""

from __future__ import annotations

from supervisor.lifecycle.generation.heartbeat_limits import Heartbeat, HeartbeatLimits, Silence
from supervisor.lifecycle.generation.worker_processes import WorkerProcesses
from workers.contract.reports import Alive

#: Seconds between SIGABRT and SIGKILL.
_ABORT_GRACE = 2.0


class Watchdog:
    """Hears the signs of life of one generation, and ends it when they stay away."""

    def __init__(self, processes: WorkerProcesses, now: float) -> None:
        """`now`: when they were started, in monotonic seconds."""
        self.stuck: Silence | None = None  #: why it ended them, if it did
        self._processes = processes
        self._heartbeat = Heartbeat(now)
        self._aborted_at = 0.0

    def hear(self, report: object, now: float) -> None:
        """Every report of the consumer is a sign of its life; one kind tells of its writer."""
        self._heartbeat.beat(now)
        if isinstance(report, Alive):
            self._heartbeat.writer_is_silent(report.writer_silent)

    def check(self, now: float, limits: HeartbeatLimits) -> Silence | None:
        """End the processes if one is stuck. The silence is returned once."""
        if self.stuck is not None:
            if now - self._aborted_at > _ABORT_GRACE:
                self._processes.kill()
            return None
        self.stuck, self._aborted_at = self._heartbeat.silence(now, limits), now
        if self.stuck is not None:
            self._processes.abort()
        return self.stuck
