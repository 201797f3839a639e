"""The states of a worker and the moves between them; pure."""

from __future__ import annotations

import enum


class State(enum.Enum):
    """Where a worker is; its value is what status, log and page show."""

    WAITING = "waiting"  #: not started yet: its partition is new, or has no leader
    STARTING = "starting"  #: spawned, the partition not yet claimed
    RUNNING = "running"  #: claimed; reads and writes
    BACKOFF = "backoff"  #: died; the next start is due later
    QUARANTINED = "quarantined"  #: died too often without progress; a probe now and then
    HALTED = "halted"  #: stopped for a reason that only a person can judge
    STOPPING = "stopping"  #: told to drain
    STOPPED = "stopped"  #: gone for good, as asked


MOVES: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.STARTING, State.HALTED, State.STOPPED}),
    State.STARTING: frozenset({State.RUNNING, State.BACKOFF, State.QUARANTINED, State.HALTED, State.STOPPING}),
    State.RUNNING: frozenset({State.BACKOFF, State.QUARANTINED, State.HALTED, State.STOPPING}),
    State.BACKOFF: frozenset({State.STARTING, State.HALTED, State.STOPPED}),
    State.QUARANTINED: frozenset({State.STARTING, State.HALTED, State.STOPPED}),
    State.HALTED: frozenset({State.STARTING, State.WAITING, State.STOPPED}),
    State.STOPPING: frozenset({State.STOPPED, State.HALTED}),
    State.STOPPED: frozenset({State.STARTING, State.WAITING}),
}
#: States in which a process is there.
ALIVE = frozenset({State.STARTING, State.RUNNING, State.STOPPING})
#: States from which a worker does not move by itself.
SETTLED = frozenset({State.HALTED, State.STOPPED})


class IllegalMove(Exception):  # noqa: N818
    """The supervisor tried a move that the table does not have: a bug."""


def move(old: State, new: State) -> State:
    """`new`, if the table allows it."""
    if new not in MOVES[old]:
        raise IllegalMove(f"{old.value} -> {new.value}")
    return new
