"""Tells the log every ten seconds what all partitions did, while they do something."""

from __future__ import annotations

from collections.abc import Collection

from rtpipe.log import get_logger
from supervisor.lifecycle.served_workers import ServedWorkers
from supervisor.status.partition_watch import PartitionWatch
from supervisor.status.run_summary import summary

log = get_logger("supervisor")
#: Seconds between two lines.
_EVERY = 10.0


class SummaryLog:
    """One line, only if rows or dead letters were committed since the last one: at rest the log is silent."""

    def __init__(self, now: float) -> None:
        """`now`: monotonic seconds."""
        self._told_at = now
        self._told = 0  #: rows and dead letters, as of then

    def look(self, served: ServedWorkers, watches: Collection[PartitionWatch], now: float) -> None:
        """Tell it, if it is time and there is something to tell."""
        if now - self._told_at < _EVERY:
            return
        totals = served.totals()
        done = totals.rows + totals.dead
        rate, self._told, self._told_at = (done - self._told) / (now - self._told_at), done, now
        if not rate:
            return
        lags = [watch.lag for watch in watches]
        lag = "not known" if None in lags else f"{sum(filter(None, lags)):,}"
        extra = {"event": "summary", "rows": totals.rows, "rate": round(rate, 1)}
        log.info("%s; %s messages/s, lag %s", summary(served.workers), f"{rate:,.0f}", lag, extra=extra)
