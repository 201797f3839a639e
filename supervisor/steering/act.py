"""An act of a person: who and when; in the log, and as the reason that the status shows."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rtpipe.log import get_logger
from supervisor.control.control_socket import Request
from supervisor.control.peer import Peer
from supervisor.lifecycle.requests import Verb

log = get_logger("supervisor")
_PAST = {Verb.PAUSE: "paused", Verb.RESUME: "resumed", Verb.RESTART: "restarted", Verb.DRAIN: "drained"}


@dataclass(frozen=True, slots=True)
class Act:
    """One command of one person."""

    peer: Peer
    at: float  #: seconds since 1970
    page_client: str = ""  #: the address of whoever had the page's token; `peer` is the page, or its command

    @classmethod
    def of(cls, request: Request) -> Act:
        """Somebody asks now."""
        return cls(request.peer, time.time(), _address(request.body.get("page_client")))

    @property
    def who(self) -> str:
        """`alice`, or `the operator at 10.0.0.7 on the page of alice`."""
        at = f"the operator at {self.page_client} on the page of " if self.page_client else ""
        return at + self.peer.user

    @property
    def by(self) -> str:
        """`by alice at 2026-11-29 03:12 UTC`."""
        return f"by {self.who} at {datetime.fromtimestamp(self.at, UTC):%Y-%m-%d %H:%M} UTC"

    def reason(self, verb: Verb) -> str:
        """`paused by alice at 2026-11-29 03:12 UTC`."""
        return f"{_PAST[verb]} {self.by}"

    def tell(self, verb: Verb, partition: str) -> None:
        """Into the log: a partition was paused, and so on."""
        match verb:
            case Verb.PAUSE:
                self._tell("partition_paused", partition, _PAST[verb], {"partition": partition})
            case Verb.RESUME:
                self._tell("partition_resumed", partition, _PAST[verb], {"partition": partition})
            case Verb.RESTART:
                self._tell("partition_restarted", partition, _PAST[verb], {"partition": partition})
            case Verb.DRAIN:
                self._tell("partition_drained", partition, _PAST[verb], {"partition": partition})

    def tell_limit(self, topic: str, rows_per_second: float) -> None:
        """Into the log: a topic was limited, or is no more."""
        done = f"limited to {rows_per_second:g} rows/s" if rows_per_second else "limited no more"
        self._tell("topic_limited", topic, done, {"topic": topic, "rows_per_second": rows_per_second})

    def tell_step(self, partition: str, offset: int) -> None:
        """Into the log: a message becomes a dead letter by hand."""
        done = f"the message at offset {offset} was stepped over"
        self._tell("message_stepped_over", partition, done, {"partition": partition, "offset": offset})

    def tell_dead_letters(self, verb: str, topic: str, counts: Mapping[str, int]) -> None:
        """Into the log: dead letters of a topic were retried, with what became of them, or dropped."""
        numbers = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
        if verb == "dropped":
            self._tell("dead_letters_dropped", topic, f"dead letters: {numbers}", {"topic": topic})
        else:
            self._tell("dead_letters_retried", topic, f"dead letters retried: {numbers},", {"topic": topic})

    def _tell(self, event: str, subject: str, done: str, more: dict[str, object]) -> None:
        user, pid = self.peer.user, self.peer.pid
        extra = {"event": event, "user": user, "user_pid": pid} | more
        if self.page_client:
            extra["page_client"] = self.page_client
        log.info("%s: %s by %s (pid %d)", subject, done, self.who, pid, extra=extra)


def _address(said: Any) -> str:
    """Of a browser, as the page says it; "" if nobody on a page asks."""
    if not said or not isinstance(said, str):
        return ""
    try:
        return str(ipaddress.ip_address(said))
    except ValueError:  # what a proxy says is anybody's text, and has no place in a log
        return "an unknown address"
