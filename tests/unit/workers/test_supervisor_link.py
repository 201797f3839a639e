"""What a consumer says at once, a few times a second, or once a second."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from workers import supervisor_link
from workers.contract.reports import NOTHING_YET, Alive, Waiting
from workers.supervisor_link import SupervisorLink


class Rig:
    """A link whose far end and clock are in our hands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr(supervisor_link, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.far, near = multiprocessing.Pipe()
        self.link = SupervisorLink(near, 1.0)

    def heard(self) -> list[object]:
        words = []
        while self.far.poll():
            words.append(self.far.recv())
        return words


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    made = Rig(monkeypatch)
    yield made
    made.far.close()
    made.link.connection.close()


def test_reports_go_at_once(rig: Rig) -> None:
    rig.link.tell(Waiting("why"))
    assert rig.heard() == [Waiting("why")]


def test_progress_is_told_if_it_is_news(rig: Rig) -> None:
    later = replace(NOTHING_YET, offset=5)
    for progress in (NOTHING_YET, NOTHING_YET, later, later):
        rig.link.tell_progress(progress)
    assert rig.heard() == [NOTHING_YET, later]


def test_progress_is_looked_at_a_few_times_a_second_and_at_once_for_the_first_batch(rig: Rig) -> None:
    assert rig.link.is_due(0)
    rig.link.tell_progress(NOTHING_YET)
    assert not rig.link.is_due(0)
    assert rig.link.is_due(1)  # the first batch, which forgives the deaths before it
    rig.link.tell_progress(replace(NOTHING_YET, batches=1))
    assert not rig.link.is_due(2)
    rig.now += 0.25
    assert rig.link.is_due(2)


def test_at_rest_progress_is_looked_at_more_rarely_until_a_batch_is_committed(rig: Rig) -> None:
    rig.link.tell_progress(NOTHING_YET)
    rig.link.tell_progress(NOTHING_YET)
    rig.now += 1.0
    assert not rig.link.is_due(0)
    assert rig.link.is_due(1)
    rig.now += 1.0
    assert rig.link.is_due(0)


def test_a_sign_of_life_goes_once_a_second_and_says_how_long_the_writer_has_been_silent(rig: Rig) -> None:
    assert rig.link.quiet_for() == 0
    for passed, silent in ((0.0, 0.5), (0.5, 1.0), (1.0, 1.5)):
        rig.link.give_sign_of_life(rig.now + passed, silent)
    assert rig.heard() == [Alive(0.5), Alive(1.5)]
    rig.now += 1.75
    assert rig.link.quiet_for() == 0.25
