"""Tells which values the columns that people made refuse or may change, each once, whichever schema it comes with."""

from __future__ import annotations

import threading

from avro_schemas.columns.notes import losses
from rtpipe.log import get_logger
from supervisor.schemas.table_plans.table_plan import TablePlan

log = get_logger("supervisor")


class ColumnLimits:
    """The lines of one run; threads may share it."""

    def __init__(self) -> None:
        self._logged = set[tuple[str, str]]()  # tables and what was said of their columns
        self._lock = threading.Lock()

    def tell(self, plan: TablePlan) -> None:
        """A line for each column that does not take every value, unless it was said before."""
        topic, table = plan.target.topic, plan.target.table
        for column, words in losses(plan.columns).items():
            with self._lock:
                if (table, words) in self._logged:
                    continue
                self._logged.add((table, words))
            extra = {"event": "column_limits", "topic": topic, "column": column}
            log.warning("%s: table %s, %s", topic, table, words, extra=extra)
