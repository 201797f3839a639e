"""A companion is told at each start, and not in between."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from supervisor.companions.told_companion import ToldCompanion


def test_it_is_told_at_each_start_and_ended_once() -> None:
    said: list[Any] = []
    companion: Any = SimpleNamespace(starts=1, look=said.append, tell=said.append, stop=lambda: said.append("stop"))
    told = ToldCompanion(companion, b"line")
    told.look(1.0)
    told.look(2.0)
    companion.starts = 2
    told.look(3.0)
    told.stop()
    assert said == [1.0, b"line", 2.0, 3.0, b"line", "stop"]
