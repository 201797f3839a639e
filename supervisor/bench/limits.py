"""What kept a run from being faster, by what was busy and what waited; pure."""

from __future__ import annotations

from supervisor.bench.figures import Run

#: From this share on something counts as busy all the time.
_FULL = 0.85
#: From this share of the looks on the queues count as full.
_OFTEN = 0.5


def what_limits(run: Run, *, cores: int, partitions: int, backpressure: float) -> str:
    """One sentence for a person. `cores`: of this machine; `backpressure`: share of looks at which a queue was full."""
    if run.busy >= _FULL * cores:
        return f"the CPU of this machine: {run.busy:.1f} of {cores} cores were busy, {_who(run)}"
    for kind in ("writer", "consumer"):
        share = run.cores.get(kind, 0.0) / partitions
        if share >= _FULL:
            more = "more partitions would share the work" if partitions < cores else "faster cores would help"
            return f"the {kind}s: each keeps {share:.0%} of a core busy; {more}"
    if backpressure >= _OFTEN:
        return "the database: the queues were full while the writers waited for its answers"
    return "Kafka or the network to it: the writers waited for messages"


def _who(run: Run) -> str:
    """Who kept them busy; database and Kafka only if they are on this machine, and can be looked at."""
    ours = ("supervisor", "forkserver", "consumer", "writer")
    kinds = {"rtpipe": sum(run.cores.get(kind, 0.0) for kind in ours)}
    kinds |= {name: run.cores[name] for name in ("database", "broker") if run.cores.get(name)}
    kinds["everything else"] = max(0.0, run.busy - sum(kinds.values()))
    return ", ".join(f"{busy:.1f} with {name}" for name, busy in kinds.items())
