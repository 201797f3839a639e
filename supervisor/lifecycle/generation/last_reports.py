"""What the consumer process of one generation has said."""

from __future__ import annotations

from workers.contract.reports import Ended, Progress, Running, Waiting


class LastReports:
    """The newest report of each kind."""

    def __init__(self) -> None:
        self.running: Running | None = None
        self.progress: Progress | None = None
        self.waiting_for = ""  #: the service that it waits for, and why
        self.last_words: Ended | None = None

    def note(self, report: object) -> None:
        """Remember it; what it does not know is for others."""
        match report:
            case Waiting():
                self.waiting_for = report.reason
            case Running():
                self.running, self.waiting_for = report, ""
            case Progress():
                self.progress, self.waiting_for = report, report.waiting_for
            case Ended():
                self.last_words = report

    @property
    def offset(self) -> int | None:
        """Next to consume by kafka_offsets; None before the claim."""
        newest = self.progress or self.running
        return newest.offset if newest else None

    @property
    def end_offset(self) -> int | None:
        """Where the log ends, once the consumer has reached the log."""
        return self.progress.end_offset if self.progress and self.progress.end_offset >= 0 else None
