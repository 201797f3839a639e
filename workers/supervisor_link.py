"""The consumer's end of the pipe to the supervisor: what is said, and how often."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection

from workers.contract.reports import Alive, Progress

#: Seconds between two looks at the progress; and at rest, where a look finds nothing new and no batch was committed.
_REPORT_EVERY, _REPORT_AT_REST = 0.25, 2.0


class SupervisorLink:
    """Sends reports. Progress and signs of life go at their own pace, everything else at once."""

    def __init__(self, connection: Connection, heartbeat_every: float) -> None:
        """`heartbeat_every`: seconds between two signs of life."""
        self.connection = connection
        self._heartbeat_every = heartbeat_every
        self._sent: Progress | None = None
        self._rests = False
        self._looked_at = self._alive_at = 0.0

    def tell(self, report: object) -> None:
        """Say it at once. Raises ConnectionError if the supervisor is gone."""
        self.connection.send(report)

    def is_due(self, batches: int) -> bool:
        """Whether to look at the progress now: a few times a second, and at once for a generation's first batch, which
        forgives the deaths before it. `batches`: committed by this generation.
        """
        before = self._sent.batches if self._sent else 0
        if batches > 0 and before == 0:
            return True
        every = _REPORT_AT_REST if self._rests and batches == before else _REPORT_EVERY
        return time.monotonic() - self._looked_at >= every

    def tell_progress(self, progress: Progress) -> None:
        """Say it if it is news."""
        self._looked_at = time.monotonic()
        self._rests = progress == self._sent
        if not self._rests:
            self.tell(progress)
            self._sent = progress

    def quiet_for(self) -> float:
        """Seconds until the next sign of life is due."""
        return max(0.0, self._alive_at + self._heartbeat_every - time.monotonic())

    def give_sign_of_life(self, now: float, writer_silent: float) -> None:
        """When it is due; `writer_silent`: seconds since the writer gave one."""
        if now - self._alive_at >= self._heartbeat_every:
            self.tell(Alive(writer_silent))
            self._alive_at = now
