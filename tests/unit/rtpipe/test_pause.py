"""The one pause policy, and that no loop has one of its own."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtpipe.pause import PausePolicy
from tests.support.pages import PROJECT

PACKAGES = ("rtpipe", "avro_schemas", "workers", "supervisor", "infra")
#: Sleeps by another rule: chaos lets a random time pass, as real faults do; a trial is told how long by its writer;
#: a consumer rests until its next batch may be due.
NO_TRIES = {
    "supervisor/demo/chaos/chaos.py",
    "supervisor/demo/chaos/chaos_faults.py",
    "supervisor/trial/trial_ledger.py",
    "workers/consumer_process.py",
}


def test_pauses_double_from_the_first_to_the_longest() -> None:
    policy = PausePolicy(first=0.1, longest=1.0)
    assert [policy.seconds(attempt) for attempt in range(1, 7)] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])


def test_another_factor() -> None:
    policy = PausePolicy(first=0.2, longest=5, factor=1.5)
    assert [policy.seconds(attempt) for attempt in (1, 2, 3)] == pytest.approx([0.2, 0.3, 0.45])


def test_a_steady_pause_stays() -> None:
    assert {PausePolicy.steady(0.1).seconds(attempt) for attempt in range(1, 100)} == {0.1}


def test_the_jitter_is_a_share_in_both_directions_and_none_in_the_middle() -> None:
    policy = PausePolicy(first=10, longest=10, jitter=0.2)
    assert [policy.seconds(1, chance) for chance in (0.0, 0.5, 1.0)] == pytest.approx([8, 10, 12])


@given(attempt=st.integers(), chance=st.floats(0, 1), first=st.floats(0, 10), factor=st.floats(1, 10))
def test_every_pause_is_within_its_limits(attempt: int, chance: float, first: float, factor: float) -> None:
    """However often it was tried: a service may be away for days."""
    pause = PausePolicy(first, longest=10, factor=factor, jitter=0.2).seconds(attempt, chance)
    assert 0 <= pause <= 12.0000001


def test_every_loop_that_sleeps_names_the_policy() -> None:
    """A `time.sleep` takes its seconds from a PausePolicy: no module doubles, caps and jitters by itself."""
    sleeping = {}
    for package in PACKAGES:
        for path in (PROJECT / package).rglob("*.py"):
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            found = [call for call in calls if ast.unparse(call.func) == "time.sleep"]
            if found:
                sleeping[str(path.relative_to(PROJECT))] = [ast.unparse(call.args[0]) for call in found]
    own = {path: what for path, what in sleeping.items() if not all(".seconds(" in one for one in what)}
    assert own.keys() <= NO_TRIES, own
