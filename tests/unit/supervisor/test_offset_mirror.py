"""Which offsets are mirrored, and that the thread writes them, the last ones included, and never stops a loop."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from rtpipe.errors import ExitCode, UnreachableError
from supervisor import offset_mirror
from supervisor.kafka.mirrored_topic import Committed
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.offset_mirror import OffsetMirror, committed
from tests.support.fakes.fake_supervisor import spec_of
from tests.support.fakes.fake_worker import FakeLauncher, supervised_worker
from tests.support.waits import eventually
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Ended

KEYS = [PartitionKey("orders", number) for number in range(2)]


class FakeGroups:
    """Kafka's groups. `answers`: each writing waits for it; `troubles`: what the next ones end with."""

    def __init__(self) -> None:
        self.now: dict[PartitionKey, int] = {}
        self.answers = threading.Event()
        self.answers.set()
        self.troubles: list[Exception] = []

    def write(self, group: str, offsets: Mapping[PartitionKey, int]) -> None:
        assert group == spec_of(0).group
        assert self.answers.wait(30)
        if self.troubles:
            raise self.troubles.pop(0)
        self.now |= offsets


class Scene:
    """A mirror and the two workers of its topic."""

    def __init__(self, topics: tuple[str, ...] = ("orders",)) -> None:
        self.groups = FakeGroups()
        groups: Any = self.groups
        self.mirror = OffsetMirror(groups, topics)
        self.workers = [supervised_worker(FakeLauncher(), spec_of(number)) for number in range(2)]
        self._clock = itertools.count(time.monotonic(), 10)

    def commit(self, *offsets: int | None) -> None:
        """So far the workers are; the loop makes a turn, seconds later."""
        for worker, offset in zip(self.workers, offsets, strict=True):
            worker.history.offset = offset
        self.look()

    def look(self) -> None:
        self.mirror.look(self.workers, next(self._clock))


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(offset_mirror, "_EVERY", 0.001)
    monkeypatch.setattr(offset_mirror, "_LAST_SECONDS", 60.0)
    scene = Scene()
    scene.mirror.open()
    yield scene
    scene.groups.answers.set()
    scene.mirror.close([])


def halted(worker: SupervisedWorker, name: str) -> None:
    worker.standing.trouble = Ended(ExitCode.FAILED, name, "why")


def test_offsets_are_known_by_topic_once_a_worker_has_claimed() -> None:
    scene = Scene()
    assert committed(scene.workers) == {}
    scene.commit(5, None)
    assert committed(scene.workers) == {"orders": Committed(spec_of(0).group, {KEYS[0]: 5})}
    scene.commit(5, 0)
    halted(scene.workers[0], "E_DATA")  # its offset is as true as before
    assert committed(scene.workers)["orders"].offsets == {KEYS[0]: 5, KEYS[1]: 0}


@pytest.mark.parametrize("name", ["E_FENCED", "E_TOPIC_ID"])
def test_a_topic_that_another_supervisor_took_or_that_was_made_again_is_left_alone(name: str) -> None:
    scene = Scene()
    scene.commit(5, 6)
    halted(scene.workers[1], name)
    assert committed(scene.workers) == {}


def test_the_thread_writes_what_the_loop_says(scene: Scene) -> None:
    scene.commit(5, None)
    eventually(lambda: scene.groups.now == {KEYS[0]: 5})
    scene.commit(9, 1)
    eventually(lambda: scene.groups.now == {KEYS[0]: 9, KEYS[1]: 1})
    scene.commit(2, 1)
    eventually(lambda: scene.groups.now == {KEYS[0]: 2, KEYS[1]: 1})


def test_the_loop_goes_on_while_kafka_is_silent_and_the_newest_offsets_follow(scene: Scene) -> None:
    scene.groups.answers.clear()
    for offset in range(1, 50):
        scene.commit(offset, None)
    scene.groups.answers.set()
    eventually(lambda: scene.groups.now == {KEYS[0]: 49})


def test_a_failure_is_tried_again_although_nothing_is_committed(scene: Scene) -> None:
    scene.groups.troubles = [UnreachableError("away")]
    scene.commit(5, None)
    eventually(lambda: not scene.groups.troubles)

    def turn() -> bool:
        scene.look()
        return scene.groups.now == {KEYS[0]: 5}

    eventually(turn)


@pytest.mark.parametrize("troubles", [[], [UnreachableError("the coordinator loads")]], ids=["", "tried again"])
def test_a_clean_end_waits_for_the_last_offsets(scene: Scene, troubles: list[Exception]) -> None:
    scene.commit(5, 6)
    eventually(lambda: scene.groups.now == {KEYS[0]: 5, KEYS[1]: 6})
    scene.groups.troubles = troubles
    scene.workers[0].history.offset = 8
    scene.mirror.close(scene.workers)
    assert scene.groups.now == {KEYS[0]: 8, KEYS[1]: 6}


def test_what_is_not_ours_any_more_is_hoped_for_no_longer(scene: Scene) -> None:
    scene.groups.troubles = [UnreachableError("away")]
    scene.commit(5, None)
    eventually(lambda: not scene.groups.troubles)
    halted(scene.workers[1], "E_FENCED")
    scene.mirror.close(scene.workers)
    assert not scene.mirror._thread.is_alive()


def test_a_clean_end_does_not_wait_for_a_silent_broker(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offset_mirror, "_LAST_SECONDS", 0.01)
    scene.groups.answers.clear()
    scene.commit(5, 6)
    scene.mirror.close(scene.workers)
    assert scene.groups.now == {}


def test_without_a_topic_there_is_no_thread() -> None:
    scene = Scene(topics=())
    scene.mirror.open()
    scene.commit(5, 6)
    scene.mirror.close(scene.workers)
    assert scene.mirror._thread.ident is None
    assert scene.groups.now == {}


def test_a_bug_in_the_mirror_is_told_and_ends_nothing_else(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.groups.troubles = [ValueError("a bug")]
    scene.commit(5, 6)
    eventually(lambda: "mirror_failed" in [vars(line)["event"] for line in caplog.records])
    scene.commit(7, 8)
    scene.mirror.close(scene.workers)
