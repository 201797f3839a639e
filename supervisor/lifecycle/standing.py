"""Where one partition's worker stands: its state, since when and why, and when its next start is due."""

from __future__ import annotations

import time

from rtpipe.errors import ExitCode
from supervisor.lifecycle.worker_state import WorkerState, move
from workers.contract.reports import Ended

#: Why it waits while others start.
_ITS_TURN = "starts as soon as others have started"


class Standing:
    """The state moves only as worker_state.py allows."""

    def __init__(self) -> None:
        self.state = WorkerState.STOPPED
        self.reason = ""  #: why it is in this state; "" where that says enough
        self.since = time.monotonic()  #: of this state
        self.next_start: float | None = None
        self.trouble: Ended | None = None  #: why its last generation did not end well, if that lasts
        self.goal = WorkerState.STOPPED  #: where its drain leads
        self.leaves = ""  #: why it is given up, if it is: gone for good as soon as it has no process
        self._why_goal = ""

    def move(self, new: WorkerState, reason: str = "", *, next_start: float | None = None) -> None:
        """Into another state, from which it starts at `next_start`, in monotonic seconds, if at all."""
        self.state, self.reason, self.next_start = move(self.state, new), reason, next_start
        self.since = time.monotonic()

    def head_for(self, goal: WorkerState, reason: str) -> None:
        """A drain leads to another state from now on, and `reason` is told meanwhile, too."""
        self.goal, self._why_goal = goal, reason
        if self.state is WorkerState.STOPPING:
            self.reason = reason

    def arrive(self) -> None:
        """It has drained, or has no process that could."""
        self.move(self.goal, self._why_goal)
        if self.state is WorkerState.WAITING:
            self.may_start()

    def may_start(self) -> None:
        """It waits for its turn alone."""
        self.reason, self.next_start = _ITS_TURN, time.monotonic()

    @property
    def asks_for_begin(self) -> bool:
        """It waits until somebody knows where its log begins."""
        return self.state is WorkerState.WAITING and self.next_start is None

    @property
    def is_paused(self) -> bool:
        """It is paused, or will be once it has drained."""
        return (self.goal if self.state is WorkerState.STOPPING else self.state) is WorkerState.PAUSED

    @property
    def code(self) -> ExitCode:
        """What its last generation ended with, as far as that matters for the command's own exit code."""
        return self.trouble.code if self.trouble else ExitCode.DONE
