"""Where one partition's log ends: a number that is as true as the last answer of a broker is young."""

from __future__ import annotations

#: Seconds after which an end that no broker has confirmed is not known any more.
FRESH = 10.0


class LogEnd:
    """What consumer and supervisor heard of it, whoever heard last."""

    def __init__(self, now: float) -> None:
        """`now`: since when somebody listens."""
        self._offset: int | None = None
        self._heard_at = now
        self.why = ""  #: what came of the last question, if no answer did

    def heard(self, offset: int, now: float) -> None:
        """The leader said where the log ends; that may be less than before, if the log was cut."""
        self._offset, self._heard_at, self.why = offset, now, ""

    def grew(self, offset: int, now: float) -> None:
        """The consumer saw the log end at `offset`, which it had not seen before."""
        self.heard(offset if self._offset is None else max(self._offset, offset), now)

    def missed(self, why: str) -> None:
        """A broker was asked, and there is no answer."""
        self.why = why

    def offset(self, now: float) -> int | None:
        """The end, while it is known."""
        return None if self.silence(now) else self._offset

    def silence(self, now: float) -> str:
        """Why it is not known any more; "" while it is, and for a short time without an answer."""
        if now - self._heard_at <= FRESH:
            return ""
        return self.why or "Kafka does not answer"
