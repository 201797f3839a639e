"""Looks at the heartbeats of all workers now and then, and replaces those of which a process is stuck."""

from __future__ import annotations

from collections.abc import Sequence

from supervisor.lifecycle import worker_log
from supervisor.lifecycle.generation.heartbeat_limits import HeartbeatLimits
from supervisor.lifecycle.supervised_worker import SupervisedWorker

#: Seconds between two looks.
_EVERY = 0.25


class StuckWorkers:
    """The limits, and when they are looked at next."""

    def __init__(self, limits: HeartbeatLimits) -> None:
        self._limits = limits
        self._next = 0.0

    def look(self, workers: Sequence[SupervisedWorker], now: float) -> None:
        """If it is time: end the processes of workers that are stuck; what follows is told by their deaths."""
        if now < self._next:
            return
        self._next = now + _EVERY
        for worker in workers:
            generation = worker.generation
            if generation is not None and (silence := generation.watchdog.check(now, self._limits)):
                worker_log.stuck(str(worker), silence)
