"""Which partitions do not do what they should; `/readyz` and `rtpipe health` ask this. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from supervisor.status.facts.pipeline_status import PipelineStatus

#: States in which a partition does what it was asked to.
_READY = frozenset({"running", "paused"})


@dataclass(frozen=True, slots=True)
class NotReady:
    """One partition, or the supervisor as a whole."""

    who: str  #: `dataset1/0`, or `supervisor`
    state: str
    reason: str  #: "" where the state says enough


def not_ready(status: PipelineStatus) -> tuple[NotReady, ...]:
    """Empty if every partition has a worker that runs; one that waits for a service is not ready."""
    if not status.partitions:
        return (NotReady("supervisor", "starting", "; ".join(status.notes) or "no partition is known yet"),)
    if status.draining:
        return (NotReady("supervisor", "draining", "it ends"),)
    return tuple(NotReady(p.key, p.state, p.reason) for p in status.partitions if p.state not in _READY)


def as_json(found: tuple[NotReady, ...]) -> dict[str, Any]:
    """The body of `/readyz`."""
    return {"ready": not found, "not_ready": [asdict(one) for one in found]}
