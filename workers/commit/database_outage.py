"""Runs in the writer process: waits while the database is away, and says so."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing import connection
from multiprocessing.connection import Connection

from rtpipe.log import get_logger
from rtpipe.secret_files import stamp
from workers.contract.errors import LostParent
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Waiting

log = get_logger("writer")
#: Seconds between two signs of life, and between two looks at the file of the secret.
_TURN = 1.0


class DatabaseOutage:
    """Waits inside the process while the database is away, and says so, once a reason, to log and consumer."""

    def __init__(self, spec: PartitionSpec, consumer: Connection) -> None:
        self._extra = {"partition": str(spec.key)}
        self._consumer = consumer
        self._secret = spec.database_url_file
        self._reason = ""

    def pause(self, reason: str, seconds: float) -> None:
        """Sleep, until the secret's file changes at most; raises LostParent at once if the consumer dies meanwhile."""
        if reason != self._reason:
            log.warning("waiting: %s", reason, extra=self._extra | {"event": "outage_began"})
            self._reason = reason
        parent = multiprocessing.parent_process()
        sentinels = [] if parent is None else [parent.sentinel]
        until, before = time.monotonic() + seconds, stamp(self._secret)
        while (left := until - time.monotonic()) > 0:
            self._consumer.send(Waiting(reason))  # again and again: one that says nothing for long counts as stuck
            if connection.wait(sentinels, timeout=min(left, _TURN)):
                raise LostParent("the consumer process died")
            if stamp(self._secret) != before:
                return

    def over(self) -> None:
        """The database answers again."""
        if self._reason:
            text = "the database answers again; the writer waited for: %s"
            log.info(text, self._reason, extra=self._extra | {"event": "outage_ended"})
            self._reason = ""
            self._consumer.send(Waiting(""))
