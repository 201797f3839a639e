"""Where one partition's log ends in Kafka, and since when no broker has confirmed it."""

from __future__ import annotations

#: Seconds after which an end that no broker has confirmed is not known any more.
FRESH = 10.0


class LogEnd:
    """The newest answer, of the consumer's broker or of the supervisor's own question."""

    def __init__(self, now: float) -> None:
        """`now`: since when Kafka is asked, in monotonic seconds."""
        self._offset: int | None = None
        self._confirmed_at = now
        self.why = ""  #: why the last question had no answer; "" if it had one

    def confirm(self, offset: int, now: float) -> None:
        """The leader said where the log ends; that may be less than before, if the log was cut."""
        self._offset, self._confirmed_at, self.why = offset, now, ""

    def grow(self, offset: int, now: float) -> None:
        """The consumer saw the log end at `offset`, which it had not seen before."""
        self.confirm(offset if self._offset is None else max(self._offset, offset), now)

    def miss(self, why: str) -> None:
        """A broker was asked, and there is no answer."""
        self.why = why

    def offset(self, now: float) -> int | None:
        """The end, while it is known."""
        return None if self.silence(now) else self._offset

    def silence(self, now: float) -> str:
        """Why it is not known any more; "" while it is, and for a short time without an answer."""
        if now - self._confirmed_at <= FRESH:
            return ""
        return self.why or "Kafka does not answer"
