"""Runs in the writer process: which phase of a batch its time goes to."""

from __future__ import annotations

import time
from typing import Literal

from workers.contract.batch_figures import PHASES, PhaseSeconds

Phase = Literal["waiting", "encoding", "writing", "commit"]


class PhaseClock:
    """One phase after the other; a writer begins with waiting."""

    def __init__(self) -> None:
        self._phase: Phase = "waiting"
        self._since = time.monotonic()
        self._spent = dict.fromkeys(PHASES, 0.0)

    def enter(self, phase: Phase) -> None:
        """What is done from now on."""
        now = time.monotonic()
        self._spent[self._phase] += now - self._since
        self._phase, self._since = phase, now

    def taken(self) -> PhaseSeconds:
        """The seconds since the last call."""
        self.enter(self._phase)
        spent = PhaseSeconds(**self._spent)
        self._spent = dict.fromkeys(PHASES, 0.0)
        return spent
