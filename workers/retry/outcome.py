"""What became of a dead letter that was tried again."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from workers.retry.dead_letter import DeadLetterSource


class RetryResult(enum.StrEnum):
    """What became of a dead letter."""

    WRITTEN = "written"  #: its message took effect, the dead letter is gone
    REFUSED = "refused"  #: it is still no row, the dead letter says why by now
    KEPT = "kept"  #: nobody tried, the dead letter is as it was
    GONE = "gone"  #: somebody else has retried or dropped it meanwhile


@dataclass(frozen=True, slots=True)
class RetryOutcome:
    """One dead letter after a retry; `text` says why it is refused or kept."""

    source: DeadLetterSource
    offset: int
    result: RetryResult
    error_name: str = ""
    text: str = ""
