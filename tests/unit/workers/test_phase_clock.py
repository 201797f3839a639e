"""The seconds of each phase add up to all the seconds there were."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from workers import phase_clock
from workers.contract.batch_figures import PhaseSeconds
from workers.phase_clock import PhaseClock


def test_each_second_goes_to_the_phase_that_was_entered_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = SimpleNamespace(at=100.0)
    monkeypatch.setattr(phase_clock, "time", SimpleNamespace(monotonic=lambda: now.at))
    clock = PhaseClock()
    now.at = 101.0
    clock.enter("encoding")
    now.at = 103.0
    clock.enter("writing")
    now.at = 106.0
    clock.enter("commit")
    now.at = 110.0
    assert clock.taken() == PhaseSeconds(1.0, 2.0, 3.0, 4.0)
    now.at = 111.0
    assert clock.taken() == PhaseSeconds(commit=1.0)
