"""What outlives the generations of one worker: what they committed since the supervisor started, and how they died."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from supervisor.lifecycle.ends.death_history import DeathHistory
from supervisor.lifecycle.ends.restart_policy import RestartPolicy
from supervisor.lifecycle.rate_meter import RateMeter
from workers.contract.batch_figures import NO_FIGURES
from workers.contract.reports import NOTHING_YET, Progress, ServerSeen

#: Troubles that are remembered.
_KEPT = 5


@dataclass(frozen=True, slots=True)
class TroubleRecord:
    """What went wrong, and when: seconds since 1970."""

    wall: float
    name: str  #: such as `E_VALUE`
    text: str


class WorkerHistory:
    """Sums of what each generation counts from zero, the last known offset, and the deaths."""

    def __init__(self, policy: RestartPolicy) -> None:
        self.rows = 0
        self.dead = 0  #: dead letters
        self.altered = 0  #: values that lossy columns changed
        self.offset: int | None = None  #: next to consume by kafka_offsets, as last reported
        self.rate = RateMeter()
        self.warning = ""  #: what a person should mend though it runs, also if a former generation said so
        self.batches = 0
        self.figures = NO_FIGURES
        self.server: ServerSeen | None = None  #: the database, as last seen
        self.troubles: deque[TroubleRecord] = deque(maxlen=_KEPT)  #: the newest first
        self.deaths = DeathHistory(policy)

    def add(self, before: Progress | None, report: Progress, now: float) -> None:
        """`before`: what the same generation reported last, if it did."""
        before = before or NOTHING_YET
        self.rows += report.rows - before.rows
        self.dead += report.dead - before.dead
        self.altered += report.altered - before.altered
        self.batches += report.batches - before.batches
        self.figures += report.figures - before.figures
        self.offset = report.offset
        self.rate.add(now, self.rows + self.dead)
        if report.batches or report.offset == report.end_offset:
            self.deaths.forgive()  # it commits, or has nothing left to do

    def note_trouble(self, name: str, text: str) -> None:
        """Something went wrong; what is said again at once is the same trouble."""
        if not self.troubles or (self.troubles[0].name, self.troubles[0].text) != (name, text):
            self.troubles.appendleft(TroubleRecord(time.time(), name, text))
