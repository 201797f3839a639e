"""What `/livez` and `/readyz` answer: exit code of HTTP, and a body that says what is wrong. Pure."""

from __future__ import annotations

from typing import Any

from supervisor.status.facts.pipeline_status import PipelineStatus
from supervisor.status.facts.readiness import NotReady, as_json, not_ready

#: Seconds: a supervisor whose loop has answered nothing for longer hangs, or is gone.
STILL_ALIVE = 15.0
_OK, _UNAVAILABLE = 200, 503


def liveness(silence: float) -> tuple[int, dict[str, Any]]:
    """`silence`: seconds since the supervisor's loop answered last."""
    alive = silence < STILL_ALIVE
    body = {"alive": alive, "seconds_since_answer": round(silence, 1)}
    return (_OK if alive else _UNAVAILABLE), body


def readiness(status: PipelineStatus | None, silence: float) -> tuple[int, dict[str, Any]]:
    """`status`: the last answer, if it is fresh."""
    if status is None:
        found: tuple[NotReady, ...] = (NotReady("supervisor", "silent", f"it has not answered for {silence:.0f} s"),)
    else:
        found = not_ready(status)
    return (_UNAVAILABLE if found else _OK), as_json(found)
