"""Which offsets are mirrored, and that the process is told what is new, everything at its start, and the last ones."""

from __future__ import annotations

import itertools
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from rtpipe.deadline import Deadline
from rtpipe.errors import ExitCode, RtpipeError, UnreachableError
from supervisor.companions import companion_process
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.mirror import mirror_process
from supervisor.mirror.mirror_process import MirrorProcess
from supervisor.mirror.mirrored_topic import Committed
from supervisor.mirror.offset_mirror import OffsetMirror, committed
from tests.support.fakes.fake_supervisor import spec_of
from tests.support.fakes.fake_worker import FakeLauncher, supervised_worker
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Ended

KEYS = [PartitionKey("orders", number) for number in range(2)]
GROUP = spec_of(0).group


class FakeCompanion:
    """The process, which takes lines while it has room."""

    def __init__(self) -> None:
        self.starts, self.room = 1, True
        self.lines: list[Any] = []
        self.stopped: list[float] = []

    def look(self, _now: float) -> None:
        pass

    def tell(self, line: bytes) -> bool:
        if self.room:
            self.lines.append(json.loads(line))
        return self.room

    def stop(self, seconds: float = 3.0) -> None:
        self.stopped.append(seconds)


class Scene:
    """A mirror and the two workers of its topic."""

    def __init__(self, topics: tuple[str, ...] = ("orders",)) -> None:
        self.companion = FakeCompanion()
        companion: Any = self.companion
        self.mirror = OffsetMirror(companion, topics.__contains__, lambda: {"kafka": "how to reach it"})
        self.workers = [supervised_worker(FakeLauncher(), spec_of(number)) for number in range(2)]
        self._clock = itertools.count(100.0, 10)

    def commit(self, *offsets: int | None) -> None:
        """So far the workers are; the loop makes a turn, seconds later."""
        for worker, offset in zip(self.workers, offsets, strict=True):
            worker.history.offset = offset
        self.mirror.look(self.workers, next(self._clock))

    def told(self) -> list[Any]:
        """The offsets of each line but the first."""
        return [line.get("orders", {}).get("offsets") for line in self.companion.lines[1:]]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def halted(worker: SupervisedWorker, name: str) -> None:
    worker.standing.trouble = Ended(ExitCode.FAILED, name, "why")


class TestTheLink:
    def test_offsets_are_known_by_topic_once_a_worker_has_claimed(self, scene: Scene) -> None:
        assert committed(scene.workers) == {}
        scene.commit(5, None)
        assert committed(scene.workers) == {"orders": Committed(GROUP, {KEYS[0]: 5})}
        scene.commit(5, 0)
        halted(scene.workers[0], "E_DATA")  # its offset is as true as before
        assert committed(scene.workers)["orders"].offsets == {KEYS[0]: 5, KEYS[1]: 0}

    @pytest.mark.parametrize("name", ["E_FENCED", "E_TOPIC_ID"])
    def test_a_topic_that_another_supervisor_took_or_that_was_made_again_is_left_alone(
        self, scene: Scene, name: str
    ) -> None:
        scene.commit(5, 6)
        halted(scene.workers[1], name)
        assert committed(scene.workers) == {}

    def test_what_is_new_is_told_once_a_second_after_how_to_reach_kafka(self, scene: Scene) -> None:
        scene.commit(5, None)
        scene.commit(5, None)
        scene.commit(9, 1)
        scene.workers[0].history.offset = 11
        scene.mirror.look(scene.workers, 120.5)
        assert scene.companion.lines[0] == {"kafka": "how to reach it"}
        assert scene.told() == [{"0": 5}, {"0": 9, "1": 1}]

    def test_a_process_that_was_started_anew_is_told_everything(self, scene: Scene) -> None:
        scene.commit(5, 6)
        scene.companion.starts, scene.companion.lines = 2, []
        scene.commit(5, 6)
        assert scene.companion.lines[0] == {"kafka": "how to reach it"}
        assert scene.told() == [{"0": 5, "1": 6}]

    def test_what_it_has_no_room_for_is_told_later(self, scene: Scene) -> None:
        scene.commit(5, 6)
        scene.companion.room = False
        scene.commit(7, 8)
        scene.companion.room = True
        scene.commit(7, 8)
        assert scene.told()[-1] == {"0": 7, "1": 8}

    def test_a_clean_end_tells_the_last_ones_and_a_forced_one_does_not_wait(self, scene: Scene) -> None:
        scene.commit(5, 6)
        scene.workers[0].history.offset = 8
        scene.mirror.close(scene.workers)
        scene.mirror.kill()
        assert scene.told()[-1] == {"0": 8, "1": 6}
        assert scene.companion.stopped == [3.0, 0]

    def test_the_last_offsets_of_a_topic_that_is_gone_are_told_once_and_then_it_is_forgotten(
        self, scene: Scene
    ) -> None:
        scene.commit(5, 6)
        gone, scene.workers = scene.workers, []
        gone[1].history.offset = 9
        scene.mirror.leave(gone)
        scene.mirror.look([], 200)
        scene.mirror.look([], 210)
        assert scene.told()[-2:] == [{"0": 5, "1": 9}, None]

    def test_one_that_came_back_says_itself_where_it_is(self, scene: Scene) -> None:
        scene.commit(5, 6)
        back = supervised_worker(FakeLauncher(), spec_of(0))
        back.history.offset = 7
        scene.mirror.leave([scene.workers[0]])
        scene.mirror.look([back, scene.workers[1]], 200)
        assert scene.told()[-1] == {"0": 7, "1": 6}

    def test_topics_whose_settings_say_no_are_left_out(self) -> None:
        scene = Scene(topics=())
        scene.commit(5, 6)
        assert scene.companion.lines == []
        scene = Scene(topics=("others",))
        scene.commit(5, 6)
        assert scene.told() == []


class FakeGroups:
    """Kafka's groups; `troubles`: what the next writings end with."""

    def __init__(self, *troubles: RtpipeError) -> None:
        self.now: dict[PartitionKey, int] = {}
        self.troubles = list(troubles)

    def write(self, group: str, offsets: dict[PartitionKey, int]) -> None:
        assert group == GROUP
        if self.troubles:
            raise self.troubles.pop(0)
        self.now |= offsets


def line(*offsets: int) -> bytes:
    said = Committed(GROUP, dict(zip(KEYS, offsets, strict=False))).to_json()
    return json.dumps({"orders": said}).encode() + b"\n"


def process_of(groups: FakeGroups) -> MirrorProcess:
    given: Any = groups
    return MirrorProcess(given)


class TestTheProcess:
    def test_the_newest_of_several_lines_counts_and_they_may_come_in_parts(self) -> None:
        groups = FakeGroups()
        process = process_of(groups)
        said = line(1, 2) + line(3, 4)
        assert not process.take(said[:10])
        assert process.take(said[10:])
        process.write(10.0)
        assert groups.now == {KEYS[0]: 3, KEYS[1]: 4}

    def test_a_topic_that_is_not_said_any_more_is_written_a_last_time(self) -> None:
        groups = FakeGroups(UnreachableError("the coordinator loads"))
        process = process_of(groups)
        process.take(line(1, 2))
        process.take(line(3, 4) + b"{}\n")
        process.write(10.0)
        assert groups.now == {}
        process.write(100.0)
        assert groups.now == {KEYS[0]: 3, KEYS[1]: 4}
        assert process._topics == {}
        process.take(line(3, 4))  # it is served again
        process.write(110.0)
        assert list(process._topics) == ["orders"]

    def test_until_its_input_ends_and_then_the_last_ones(self, monkeypatch: pytest.MonkeyPatch) -> None:
        groups = FakeGroups()
        reader, writer = os.pipe()
        os.write(writer, line(1, 2) + line(5, 6))
        os.close(writer)
        with os.fdopen(reader, "rb") as heard:
            monkeypatch.setattr(sys, "stdin", heard)
            process_of(groups).run()
        assert groups.now == {KEYS[0]: 5, KEYS[1]: 6}

    def test_the_last_ones_are_tried_again_if_that_may_help_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        slept: list[float] = []
        clock = SimpleNamespace(sleep=slept.append, monotonic=lambda: 10.0 + sum(slept))
        monkeypatch.setattr(mirror_process, "time", clock)
        groups = FakeGroups(UnreachableError("the coordinator loads"))
        process = process_of(groups)
        process.take(line(5, 6))
        process.write_last(Deadline(20.0))
        assert groups.now == {KEYS[0]: 5, KEYS[1]: 6}
        assert slept
        silent = process_of(FakeGroups(*[UnreachableError("away")] * 99))
        silent.take(line(5, 6))
        silent.write_last(Deadline(10.5 + sum(slept)))  # no next try comes in time

    def test_it_is_told_how_to_reach_kafka_and_by_whom_it_is_not_told_it_ends(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[Any] = []
        monkeypatch.setattr(mirror_process, "log_to_stderr", lambda *_: None)
        monkeypatch.setattr(companion_process, "begin", lambda: made.append("silent"))

        def groups_of(kafka: Any, file: str) -> FakeGroups:
            made.append((kafka, file))
            return FakeGroups()

        monkeypatch.setattr(mirror_process, "GroupOffsets", groups_of)
        for said in (b"", b'{"kafka": {"a": "b"}, "kafka_file": "f", "log_format": "json", "log_level": "INFO"}\n'):
            reader, writer = os.pipe()
            os.write(writer, said)
            os.close(writer)
            with os.fdopen(reader, "rb") as heard:
                monkeypatch.setattr(sys, "stdin", heard)
                mirror_process.main()
        assert made == ["silent", "silent", ({"a": "b"}, "f")]
