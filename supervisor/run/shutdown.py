"""The end of a run: the first signal asks for a clean end within a deadline, what misses it is killed."""

from __future__ import annotations

from collections.abc import Sequence

from rtpipe.deadline import Deadline
from rtpipe.errors import ExitCode
from rtpipe.log import get_logger
from supervisor.lifecycle import orders
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import DRAIN_FORCED

log = get_logger("supervisor")
#: Of the seconds of a drain, the share that workers get; the rest is for reaping them.
_WORKERS_SHARE = 0.8


class Shutdown:
    """Of all workers at once, at most `drain_seconds` after it began."""

    def __init__(self, drain_seconds: float) -> None:
        self._seconds = drain_seconds
        self._deadline: Deadline | None = None
        self._killed = False  #: all workers at once
        self._missed: set[PartitionKey] = set()  #: whose processes were there at the deadline

    @property
    def began(self) -> bool:
        """Whether the run ends."""
        return self._deadline is not None

    @property
    def forced(self) -> bool:
        """Whether it is no clean end any more: what was left was killed."""
        return self._killed

    @property
    def worker_seconds(self) -> float:
        """The seconds that a worker gets to drain."""
        return self._seconds * _WORKERS_SHARE

    def next_due(self) -> float | None:
        """When `enforce` has something to do, in monotonic seconds."""
        return self._deadline.moment if self._deadline and not self._killed else None

    def on_signal(self, workers: Sequence[SupervisedWorker]) -> bool:
        """The first signal asks for a clean end, the second one for an end at once. Whether it was the first."""
        if self._deadline is None:
            text, extra = "draining: at most %.0f s; a second signal kills at once", {"event": "drain_started"}
            log.info(text, self._seconds, extra=extra)
            self._deadline = Deadline.after(self._seconds)
            for worker in workers:
                orders.drain(worker, self.worker_seconds)
            return True
        self._killed = True
        log.warning("second signal: killing the workers", extra={"event": "drain_forced"})
        kill_all(workers)
        return False

    def enforce(self, workers: Sequence[SupervisedWorker]) -> None:
        """Kill what missed the deadline."""
        if self._deadline is None or self._killed or not self._deadline.passed():
            return
        self._missed = {worker.spec.key for worker in workers if worker.generation is not None}
        self._killed = True
        kill_all(workers)

    def exit_code(self, workers: Sequence[SupervisedWorker]) -> ExitCode | None:
        """What the command ends with because of how the run was ended; None if it ended well."""
        troubles = {worker.spec.key: worker.standing.trouble for worker in workers}
        late = {key for key, trouble in troubles.items() if trouble and trouble.name == DRAIN_FORCED}
        if missed := len(late | self._missed):
            text = "%s %d partitions after %.0f s; exiting %d"
            extra = {"event": "drain_forced"}
            log.error(text, DRAIN_FORCED, missed, self._seconds, ExitCode.TEMPORARY, extra=extra)
            return ExitCode.TEMPORARY
        return ExitCode.FORCED if self._killed else None  # by a second signal, before the deadline


def kill_all(workers: Sequence[SupervisedWorker]) -> None:
    """SIGKILL every process of every worker."""
    for worker in workers:
        orders.kill(worker)
