"""The states of a worker and the moves between them; pure."""

from __future__ import annotations

import enum


class WorkerState(enum.Enum):
    """Where a worker is; its value is what status and log show."""

    WAITING = "waiting"  #: not started yet: others start, or its partition is new, or has no leader
    STARTING = "starting"  #: spawned, the partition not yet claimed
    RUNNING = "running"  #: claimed; reads and writes
    BACKOFF = "backoff"  #: died; the next start is due later
    QUARANTINED = "quarantined"  #: died too often without progress; a probe now and then
    HALTED = "halted"  #: stopped for a reason that only a person can judge
    STOPPING = "stopping"  #: asked to drain
    PAUSED = "paused"  #: drained, until a person resumes it
    STOPPED = "stopped"  #: gone for good, as asked


_S = WorkerState
MOVES: dict[WorkerState, frozenset[WorkerState]] = {
    _S.WAITING: frozenset({_S.STARTING, _S.HALTED, _S.PAUSED, _S.STOPPED}),
    _S.STARTING: frozenset({_S.RUNNING, _S.BACKOFF, _S.QUARANTINED, _S.HALTED, _S.STOPPING}),
    _S.RUNNING: frozenset({_S.BACKOFF, _S.QUARANTINED, _S.HALTED, _S.STOPPING}),
    _S.BACKOFF: frozenset({_S.STARTING, _S.WAITING, _S.HALTED, _S.PAUSED, _S.STOPPED}),
    _S.QUARANTINED: frozenset({_S.STARTING, _S.WAITING, _S.HALTED, _S.PAUSED, _S.STOPPED}),
    _S.HALTED: frozenset({_S.WAITING, _S.STOPPED}),
    _S.STOPPING: frozenset({_S.STOPPED, _S.PAUSED, _S.WAITING, _S.HALTED}),
    _S.PAUSED: frozenset({_S.WAITING, _S.HALTED, _S.STOPPED}),
    _S.STOPPED: frozenset({_S.WAITING}),
}
#: States in which processes are there.
ALIVE = frozenset({_S.STARTING, _S.RUNNING, _S.STOPPING})
#: States that a worker does not leave by itself.
TERMINAL = frozenset({_S.HALTED, _S.STOPPED})


class IllegalMove(Exception):  # noqa: N818
    """The supervisor tried a move that the table does not have: a bug."""


def move(old: WorkerState, new: WorkerState) -> WorkerState:
    """`new`, if the table allows it."""
    if new not in MOVES[old]:
        raise IllegalMove(f"{old.value} -> {new.value}")
    return new
