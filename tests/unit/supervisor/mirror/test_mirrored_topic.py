"""What of a topic's offsets is written to its group, and what follows from each failure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from rtpipe.credentials import AccessDeniedError, LoginRefusedError
from rtpipe.errors import RtpipeError, UnreachableError
from supervisor.mirror.mirrored_topic import Committed, MirroredTopic
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionKey

A, B = PartitionKey("orders", 0), PartitionKey("orders", 1)
DAY = 86_400.0


class FakeGroups:
    """Kafka's groups; `trouble`: what each writing ends with."""

    def __init__(self) -> None:
        self.written: list[tuple[str, dict[PartitionKey, int]]] = []
        self.trouble: RtpipeError | None = None
        self.tries = 0

    def write(self, group: str, offsets: Mapping[PartitionKey, int]) -> None:
        self.tries += 1
        if self.trouble is not None:
            raise self.trouble
        self.written.append((group, dict(offsets)))


class Scene:
    """One topic, its group, and the clock."""

    def __init__(self) -> None:
        self.groups = FakeGroups()
        self.topic = MirroredTopic("orders")

    def write(self, now: float, **offsets: int) -> list[dict[PartitionKey, int]]:
        """What Kafka gets at `now` if these are the offsets of a and b."""
        before = len(self.groups.written)
        keys = {"a": A, "b": B}
        groups: Any = self.groups
        self.topic.write(groups, Committed("g", {keys[name]: offset for name, offset in offsets.items()}), now)
        return [offsets for group, offsets in self.groups.written[before:] if group == "g"]


def test_only_what_has_changed_is_written_and_nothing_at_rest() -> None:
    scene = Scene()
    assert scene.topic.due == math.inf
    assert scene.write(0, a=1, b=0) == [{A: 1, B: 0}]
    assert scene.write(1, a=1, b=0) == []
    assert scene.write(2, a=5, b=0) == [{A: 5}]
    assert scene.groups.tries == 2


def test_an_offset_that_a_person_set_back_is_followed() -> None:
    scene = Scene()
    scene.write(0, a=100)
    assert scene.write(1, a=3) == [{A: 3}]


def test_all_is_written_again_once_a_day_because_kafka_forgets_a_group_at_rest() -> None:
    scene = Scene()
    scene.write(0, a=1, b=2)
    assert scene.topic.due == DAY
    assert scene.write(DAY - 1, a=1, b=3) == [{B: 3}]
    assert scene.write(DAY, a=1, b=3) == [{A: 1, B: 3}]
    assert scene.topic.due == 2 * DAY


@pytest.mark.parametrize("trouble", [AccessDeniedError("no", hint="READ"), SetupError("members", hint="end them")])
def test_a_refusal_is_one_warning_and_tried_again_later(trouble: RtpipeError, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    scene, scene.groups.trouble = Scene(), trouble
    tries = []
    for second in range(300):
        before = scene.groups.tries
        scene.write(second, a=second)
        tries += [second] if scene.groups.tries > before else []
    assert tries == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]
    [line] = caplog.records
    assert (line.levelname, vars(line)["event"]) == ("WARNING", "offsets_not_mirrored")
    assert (vars(line)["topic"], vars(line)["group"]) == ("orders", "g")
    assert f"{trouble.message} ({trouble.hint})" in line.getMessage()
    scene.groups.trouble = None
    assert scene.write(303, a=300) == [{A: 300}]
    assert scene.write(304, a=301) == [{A: 301}]  # at once again
    assert [vars(line)["event"] for line in caplog.records] == ["offsets_not_mirrored", "offsets_mirrored"]


@pytest.mark.parametrize("trouble", [UnreachableError("away"), LoginRefusedError("for now")])
def test_what_passes_within_seconds_is_no_news(trouble: RtpipeError, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    scene, scene.groups.trouble = Scene(), trouble
    for second in (0, 1, 3):
        scene.write(second, a=1)
    assert scene.topic.hopes
    assert scene.topic.due == 7
    assert not caplog.records
    scene.groups.trouble = None
    assert scene.write(7, a=1) == [{A: 1}]
    assert not scene.topic.hopes
    assert not caplog.records
    scene.groups.trouble = trouble
    for second in (10, 11, 13, 17):
        scene.write(second, a=second)
    assert [vars(line)["event"] for line in caplog.records] == ["offsets_not_mirrored"]
    assert not scene.topic.hopes  # the end of a run does not wait for this
