"""Reports what all workers do: to `rtpipe status` on request, to the live table and to systemd at intervals."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from rtpipe.clock import timestamp
from supervisor.lifecycle.served_workers import ServedWorkers
from supervisor.status.condition_log import ConditionLog
from supervisor.status.facts.pipeline_status import PipelineStatus, own_version
from supervisor.status.facts.topic_status import TopicStatus
from supervisor.status.partition_watch import PartitionWatch
from supervisor.status.process_stats import ProcessStats
from supervisor.status.run_facts import RunFacts
from supervisor.status.run_summary import summary
from supervisor.status.summary_log import SummaryLog
from supervisor.status.systemd_notify import SystemdNotifier
from supervisor.status.worker_status import pids_of, status_of
from workers.contract.partition_spec import PartitionKey

#: Seconds between two updates of the live table.
_SHOW_EVERY = 1.0


class StatusReport:
    """`show` draws the live table, if there is one."""

    def __init__(
        self,
        served: ServedWorkers,
        notifier: SystemdNotifier,
        show: Callable[[PipelineStatus], None] | None,
        facts: RunFacts,
        *,
        row_limit: Callable[[str], tuple[float, str]],
        notes: Callable[[], tuple[str, ...]],
    ) -> None:
        """`row_limit`: rows a second of a topic, 0 without a limit, and whose limit it is. `notes`: what is not served,
        and why.
        """
        self._served = served
        self._workers = served.workers
        self._notifier = notifier
        self._show = show
        self._facts = facts
        self._row_limit = row_limit
        self._notes = notes
        self._watches: dict[PartitionKey, PartitionWatch] = {}
        self._conditions = ConditionLog()
        self._stats = ProcessStats()
        self._began = time.monotonic()
        self._started_at = timestamp(time.time())
        self._summaries = SummaryLog(self._began)
        self._next_show = self._next_sign = 0.0

    def ready(self) -> None:
        """The loop begins."""
        self._notifier.ready(summary(self._workers))

    def stopping(self) -> None:
        """The drain has begun."""
        self._notifier.stopping()

    def next_due(self) -> float:
        """When `refresh` has something to do, in monotonic seconds."""
        return min(self._next_show, self._next_sign) if self._notifier.watchdog_every else self._next_show

    def refresh(self, now: float, *, draining: bool) -> None:
        """Draw the table and give systemd a sign of life, each when it is due."""
        if now >= self._next_show:
            self._next_show = now + _SHOW_EVERY
            self._look(now)
            self.show(draining=draining)
            if self._show is None:  # else the table says it, once a second
                self._summaries.look(self._served, self._watches.values(), now)
        if self._notifier.watchdog_every and now >= self._next_sign:
            self._next_sign = now + self._notifier.watchdog_every
            self._notifier.alive(summary(self._workers))

    def show(self, *, draining: bool) -> None:
        """Draw the table now."""
        self._stats.forget_all_but({pid for worker in self._workers for pid in pids_of(worker)})
        if self._show is not None:
            self._show(self.status(draining=draining))

    def _look(self, now: float) -> None:
        wall = time.time()
        served = {worker.spec.key for worker in self._workers}
        for key in self._watches.keys() - served:
            del self._watches[key]
        for worker in self._workers:
            key = worker.spec.key
            if key not in self._watches:
                self._watches[key] = PartitionWatch(now)
            self._watches[key].look(worker, self._facts.promise(key.topic), now, wall)
        self._conditions.look(self._watches)

    def status(self, *, draining: bool, processes: bool = True) -> PipelineStatus:
        """What `rtpipe status` and the live table show. `processes`: with memory and CPU."""
        stats = self._stats if processes else None
        now = time.monotonic()
        self._look(now)
        return PipelineStatus(
            supervisor_pid=os.getpid(),
            uptime_seconds=round(now - self._began, 3),
            draining=draining,
            partitions=tuple(status_of(worker, self._watches[worker.spec.key], stats, now) for worker in self._workers),
            version=own_version(),
            topics=self._topics(),
            started_at=self._started_at,
            kafka=self._facts.kafka,
            database=self._facts.database,
            notes=self._notes(),
        )

    def _topics(self) -> tuple[TopicStatus, ...]:
        promise, seen = self._facts.promise, self._facts.topics
        specs = {worker.spec.key.topic: worker.spec for worker in self._workers}
        return tuple(
            TopicStatus(
                topic=topic,
                table=spec.table,
                mode=spec.rules.mode,
                late_after=promise(topic).late_after,
                stuck_after=promise(topic).stuck_after,
                schema_ids=seen.ids(topic),
                changes=seen.changes(topic),
                row_limit=self._row_limit(topic)[0] or None,
                row_limit_reason=self._row_limit(topic)[1],
            )
            for topic, spec in specs.items()
        )
