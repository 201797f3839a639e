"""The supervisor's side of the page: a companion that is told at each start what it needs."""

from __future__ import annotations

from supervisor.companions.companion import Companion
from supervisor.page.page_options import PageStart


class PageLink:
    """`python -m supervisor.page.page_process`, watched and started again."""

    def __init__(self, start: PageStart, companion: Companion | None = None) -> None:
        self._line = start.as_line()
        self._companion = companion or Companion("page", "supervisor.page.page_process")
        self._starts = 0

    def look(self, now: float) -> None:
        """`now`: monotonic seconds."""
        self._companion.look(now)
        if self._companion.starts != self._starts:
            self._starts = self._companion.starts
            self._companion.tell(self._line)

    def stop(self) -> None:
        """Let it end."""
        self._companion.stop()
