"""Removes old rows of the journal every ten minutes, in a thread; no batch waits for it, and none depends on it."""

from __future__ import annotations

from collections.abc import Callable

from rtpipe.log import get_logger
from rtpipe.secret_files import current_url
from supervisor.background_question import BackgroundQuestion
from supervisor.journal.old_rows import OldRows
from supervisor.settings.settings import Settings

log = get_logger("supervisor")
_EVERY = 600.0


class JournalUpkeep:
    """As long as a topic that is served has a journal."""

    def __init__(self, remove: Callable[[], int], wanted: Callable[[], bool], every: float = _EVERY) -> None:
        """`wanted`: whether a topic that is served has a journal, as of now; asked by the loop alone."""
        self._remove = remove
        self._wanted = wanted
        self._work: BackgroundQuestion[int] = BackgroundQuestion("journal", every)

    def look(self, now: float) -> None:
        """Begin, when it is time; say what went wrong."""
        if now < self._work.next_look:
            return
        answered = self._work.take(now, self._remove if self._wanted() else int)
        if answered is None:
            return
        try:
            answered.result()
        except Exception as exc:  # whatever it is, rows matter more than the age of the journal
            text = "old rows of the journal stay, and are tried again in %d minutes: %s"
            log.warning(text, _EVERY / 60, exc, extra={"event": "journal_not_pruned"})


def upkeep_of(settings: Settings, wanted: Callable[[], bool]) -> JournalUpkeep:
    """Of the journal in the database that the settings name."""
    url, file = settings.database_url.get_secret_value(), settings.secret_file("database_url")
    old_rows = OldRows(lambda: current_url(url, file), settings.database_seconds, settings.journal_days)
    return JournalUpkeep(old_rows.remove, wanted)
