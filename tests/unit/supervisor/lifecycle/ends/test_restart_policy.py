"""When a dead worker starts again: the whole table, at its edges."""

from __future__ import annotations

import pytest

from rtpipe.pause import PausePolicy
from supervisor.lifecycle.ends.restart_policy import Restart, RestartPolicy

NOW = 1_000.0
POLICY = RestartPolicy(budget=4, probe_every=60.0, pauses=PausePolicy(first=1.0, longest=3.0))


@pytest.mark.parametrize(
    ("deaths", "verdict"),
    [
        ([], Restart(NOW, quarantined=False)),
        ([NOW], Restart(NOW, quarantined=False)),
        ([NOW - 1, NOW], Restart(NOW + 1, quarantined=False)),
        ([NOW - 2, NOW - 1, NOW], Restart(NOW + 2, quarantined=False)),
        ([NOW - 3, NOW - 2, NOW - 1, NOW], Restart(NOW + 60, quarantined=True)),
        ([NOW - 4, NOW - 3, NOW - 2, NOW - 1, NOW], Restart(NOW + 60, quarantined=True)),
        ([NOW - 300, NOW - 2, NOW - 1, NOW], Restart(NOW + 2, quarantined=False)),
        ([NOW - 299.9, NOW - 2, NOW - 1, NOW], Restart(NOW + 60, quarantined=True)),
        ([NOW - 300, NOW], Restart(NOW, quarantined=False)),
    ],
)
def test_the_verdict_after_deaths_without_progress(deaths: list[float], verdict: Restart) -> None:
    assert repr(POLICY.next_start(deaths, NOW, 0.5)) == repr(verdict)


def test_pauses_grow_from_half_a_second_to_half_a_minute_and_differ() -> None:
    policy = RestartPolicy(budget=100, probe_every=60.0)
    deaths = [NOW] * 50
    pauses = [policy.next_start(deaths[:count], NOW, 0.5).at - NOW for count in range(2, 11)]
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    spread = [policy.next_start(deaths[:2], NOW, chance).at - NOW for chance in (0.0, 1.0)]
    assert spread == pytest.approx([0.4, 0.6])
