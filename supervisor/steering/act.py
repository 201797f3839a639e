"""An act of a person: what, who and when; in the log, and as the reason that the status shows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from rtpipe.log import get_logger
from supervisor.lifecycle.requests import Verb
from supervisor.peer import Peer

log = get_logger("supervisor")
_PAST = {Verb.PAUSE: "paused", Verb.RESUME: "resumed", Verb.RESTART: "restarted", Verb.DRAIN: "drained"}


@dataclass(frozen=True, slots=True)
class Act:
    """One command of one person."""

    verb: Verb
    peer: Peer
    at: float  #: seconds since 1970

    @classmethod
    def now(cls, verb: Verb, peer: Peer) -> Act:
        """Somebody asks for it now."""
        return cls(verb, peer, time.time())

    @property
    def reason(self) -> str:
        """`paused by alice at 2026-11-29 03:12 UTC`."""
        moment = datetime.fromtimestamp(self.at, UTC)
        return f"{_PAST[self.verb]} by {self.peer.user} at {moment:%Y-%m-%d %H:%M} UTC"

    def tell(self, partition: str) -> None:
        """Into the log."""
        match self.verb:
            case Verb.PAUSE:
                self._tell("partition_paused", partition)
            case Verb.RESUME:
                self._tell("partition_resumed", partition)
            case Verb.RESTART:
                self._tell("partition_restarted", partition)
            case Verb.DRAIN:
                self._tell("partition_drained", partition)

    def _tell(self, event: str, partition: str) -> None:
        text, user, pid = "%s: %s by %s (pid %d)", self.peer.user, self.peer.pid
        extra = {"event": event, "partition": partition, "user": user, "user_pid": pid}
        log.info(text, partition, _PAST[self.verb], user, pid, extra=extra)
