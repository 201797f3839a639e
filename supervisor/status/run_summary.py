"""All workers in one line: the status of the service, and the summary at the end of the run."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

from rtpipe.log import get_logger
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.totals import Totals
from supervisor.lifecycle.worker_state import WorkerState
from supervisor.status.kafka_outage import some_of
from supervisor.status.worker_status import standing_in_words

log = get_logger("supervisor")


def summary(workers: Sequence[SupervisedWorker]) -> str:
    """`2 of 3 partitions running; halted: orders/1`."""
    groups = defaultdict(list)
    for worker in workers:
        groups[standing_in_words(worker, time.monotonic())[0]].append(str(worker))
    running = len(groups.pop(WorkerState.RUNNING.value, []))
    others = [f"; {state}: {some_of(names)}" for state, names in sorted(groups.items())]
    return f"{running} of {len(workers)} partitions running" + "".join(others)


def log_end_of_run(done: Totals) -> int:
    """One line with rows, dead letters and restarts; returns the dead letters."""
    letters = f", {done.dead} dead letters" if done.dead else ""
    if done.altered:
        letters += f", {done.altered} values altered by lossy columns"
    extra = {"event": "stopped", "rows": done.rows}
    log.info("stopped: %d rows%s, %d restarts", done.rows, letters, done.restarts, extra=extra)
    return done.dead
