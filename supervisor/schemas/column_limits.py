"""Tells which values the columns that people made refuse or may change, each once, whichever schema it comes with."""

from __future__ import annotations

import threading

from avro_schemas.columns.notes import losses
from avro_schemas.tables.evolution import Placement
from infra.tables.table_session import Cause
from rtpipe.log import get_logger

log = get_logger("supervisor")


class ColumnLimits:
    """The lines of one run; threads may share it."""

    def __init__(self) -> None:
        self._told = set[tuple[str, str]]()  # tables and what was said of their columns
        self._lock = threading.Lock()

    def tell(self, cause: Cause, placement: Placement) -> None:
        """A line for each column that does not take every value, unless it was said before."""
        table = placement.layout.name
        for column, told in losses(placement.layout.columns).items():
            with self._lock:
                if (table, told) in self._told:
                    continue
                self._told.add((table, told))
            extra = {"event": "column_limits", "topic": cause.topic, "column": column}
            log.warning("%s: table %s, %s", cause.topic, table, told, extra=extra)
