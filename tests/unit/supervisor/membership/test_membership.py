"""What the group says becomes workers: taken, drained, killed; what a silent group and a dead member mean for them."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from rtpipe.errors import ExitCode
from supervisor.lifecycle.served_workers import ServedWorkers
from supervisor.membership import member_link as module
from supervisor.membership.member_words import Said, Told, Word
from supervisor.membership.membership import Membership
from tests.support.fakes.fake_worker import FakeLauncher, supervised_worker
from tests.support.samples.member_start import START
from tests.support.samples.specs import default_spec
from workers.contract.partition_spec import PartitionKey, PartitionSpec
from workers.contract.reports import Ended, Running

A, B, C = (PartitionKey("orders", number) for number in range(3))
BANK = PartitionKey("bank", 0)
ORDERS, OF_BANK = default_spec(A, first_offset=0), default_spec(BANK, first_offset=0)
SESSION = 12.0


class FakeCompanion:
    """The member's process: what it is told, and how often it was started."""

    def __init__(self, _name: str, _module: str, *, hear: Any) -> None:
        self.hear = hear
        self.starts = 1
        self.room = True
        self.lines: list[Any] = []
        self.stopped = False

    def look(self, _now: float) -> None:
        pass

    def tell(self, line: bytes) -> bool:
        if self.room:
            self.lines.append(json.loads(line))
        return self.room

    def stop(self) -> None:
        self.stopped = True


class Scene:
    """A membership whose clock is `now`, and what is served."""

    def __init__(self) -> None:
        self.launch = FakeLauncher()
        self.served = ServedWorkers(lambda spec: supervised_worker(self.launch, spec), 20)
        self.tuned: list[PartitionKey] = []
        self.membership = Membership(
            lambda topics: dataclasses.replace(START, topics=sorted(topics)), [ORDERS], self._tune, 100.0
        )
        self.now, self.woken = 100.0, 0
        self.membership.open(self.served, self._wake)
        self.companion: Any = self.membership._link._companion
        self.look()

    def _tune(self, spec: PartitionSpec) -> PartitionSpec:
        self.tuned.append(spec.key)
        return spec

    def _wake(self) -> None:
        self.woken += 1

    def say(self, word: Word, *keys: PartitionKey, at: float | None = None, text: str = "") -> None:
        said = Said(word, self.now if at is None else at, keys, text, SESSION)
        self.companion.hear(said.line())

    def look(self, after: float = 0.0, *, draining: bool = False) -> None:
        self.now += after
        self.served.sweep()
        self.membership.look(self.now, draining=draining)

    def hears(self, word: Word, *keys: PartitionKey, **more: Any) -> None:
        self.say(word, *keys, **more)
        self.look()

    def names(self) -> list[str]:
        return [str(worker) for worker in self.served.workers if not worker.standing.leaves]

    def run(self) -> None:
        """All that is taken runs."""
        for worker in self.served.workers:
            if worker.generation is None:
                worker.start()
                self.launch.last.link.say(Running(200, 1, 5))
                worker.take_reports()

    def end(self, key: PartitionKey, code: int = 0, *reports: object) -> None:
        [worker] = [worker for worker in self.served.workers if worker.spec.key == key]
        assert worker.generation is not None
        processes: Any = worker.generation.processes
        processes.die(code, *(reports or [Ended(ExitCode.DONE, "", "")]))
        worker.on_death()

    def given_up(self) -> list[Any]:
        return [line["given_up"] for line in self.companion.lines if line.get("given_up")]

    def told_topics(self) -> list[Any]:
        return [line["topics"] for line in self.companion.lines if line.get("topics") is not None]


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(module, "Companion", FakeCompanion)
    return Scene()


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(record)["event"] for record in caplog.records if "event" in vars(record)]


def test_it_begins_without_partitions_and_takes_what_the_group_gives(scene: Scene) -> None:
    assert scene.companion.lines[0]["group"] == "members"
    assert not scene.names()
    scene.hears(Word.ASSIGNED, B, A)
    assert scene.names() == ["orders/0", "orders/1"]
    assert scene.woken == 1
    scene.run()
    scene.hears(Word.ASSIGNED, C)
    assert scene.names() == ["orders/0", "orders/1", "orders/2"]
    assert [worker.generation is None for worker in scene.served.workers] == [False, False, True]


def test_what_is_revoked_drains_and_only_then_the_member_is_told(scene: Scene) -> None:
    scene.hears(Word.ASSIGNED, A, B)
    scene.run()
    scene.hears(Word.REVOKED, A)
    processes: Any = scene.served.workers[0].generation.processes  # type: ignore[union-attr]
    assert processes.drained
    assert not processes.signals
    assert scene.names() == ["orders/1"]
    scene.look()
    assert not scene.given_up()
    scene.end(A)
    scene.companion.room = False
    scene.look()
    assert not scene.given_up()
    scene.companion.room = True
    scene.look()
    assert scene.given_up() == [[["orders", 0]]]
    scene.look()
    assert len(scene.given_up()) == 1


def test_what_comes_back_before_it_has_drained_is_served_again(scene: Scene) -> None:
    scene.hears(Word.ASSIGNED, A)
    scene.run()
    scene.hears(Word.REVOKED, A)
    scene.hears(Word.ASSIGNED, A)
    scene.end(A)
    scene.look()
    assert scene.names() == ["orders/0"]
    assert not scene.given_up()


def test_what_is_lost_is_killed_at_once(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.hears(Word.ASSIGNED, A, B)
    scene.run()
    scene.hears(Word.LOST, A, text="silent")
    processes: Any = scene.served.workers[0].generation.processes  # type: ignore[union-attr]
    assert processes.signals == ["kill"]
    assert scene.names() == ["orders/1"]
    assert "partitions_lost" in events(caplog)
    assert "silent" in caplog.text


def test_a_host_that_slept_through_its_session_stops_all_and_goes_on_if_the_group_still_knows_it(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    scene.hears(Word.ASSIGNED, A, B)
    scene.run()
    scene.say(Word.CONTACT)  # before it slept; it is read afterwards
    scene.look(after=SESSION + 1)
    assert not scene.names()
    assert "not heard of this host for 13 s" in caplog.text
    for key in (A, B):
        scene.end(key, -9)
    scene.look(after=60)
    assert not scene.served.workers
    assert events(caplog).count("partitions_lost") == 1
    scene.hears(Word.ASSIGNED, C, at=scene.now - SESSION - 1)  # said before it slept, too
    assert not scene.names()
    scene.hears(Word.CONTACT)
    assert scene.names() == ["orders/0", "orders/1", "orders/2"]


def test_nothing_is_given_back_that_was_lost_meanwhile(scene: Scene) -> None:
    scene.hears(Word.ASSIGNED, A, B)
    scene.look(after=SESSION + 1)
    scene.hears(Word.LOST, A, B, text="silent")
    scene.hears(Word.CONTACT)
    assert not scene.names()
    scene.hears(Word.ASSIGNED, B)
    assert scene.names() == ["orders/1"]


class TestAMemberProcessThatDied:
    def begin(self, scene: Scene) -> None:
        scene.hears(Word.ASSIGNED, A, B)
        scene.run()
        scene.now += 2
        scene.companion.starts = 2
        scene.look()

    def test_what_the_next_one_is_given_goes_on_untouched(self, scene: Scene) -> None:
        self.begin(scene)
        assert [line["group"] for line in scene.companion.lines] == ["members"] * 2
        processes = [worker.generation for worker in scene.served.workers]
        scene.hears(Word.ASSIGNED, A, B)
        for _ in range(5):
            scene.hears(Word.CONTACT)
            scene.look(after=SESSION / 2)
        assert [worker.generation for worker in scene.served.workers] == processes
        assert scene.names() == ["orders/0", "orders/1"]

    def test_what_it_is_not_given_is_lost_when_the_session_is_over(self, scene: Scene) -> None:
        self.begin(scene)
        scene.hears(Word.ASSIGNED, A)
        scene.look(after=SESSION - 2)
        assert scene.names() == ["orders/0", "orders/1"]
        scene.hears(Word.CONTACT)
        scene.look(after=0.1)
        assert scene.names() == ["orders/0"]

    def test_without_a_next_one_all_is_lost_when_the_session_is_over(self, scene: Scene) -> None:
        self.begin(scene)
        scene.look(after=SESSION - 2)
        assert scene.names() == ["orders/0", "orders/1"]
        scene.look(after=0.1)
        assert not scene.names()


class TestAFence:
    def fence(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Any:
        """A host that is late has claimed what the group gave to us."""
        scene.hears(Word.ASSIGNED, A)
        scene.run()
        scene.end(A, 79, Ended(ExitCode.FENCED, "E_FENCED", "orders/0 epoch 1 lost to 2"))
        [worker] = scene.served.workers
        worker.standing.since = scene.now
        return worker

    def hear_for(self, scene: Scene, seconds: float) -> None:
        for _ in range(int(seconds * 2)):
            scene.now += 0.5
            scene.hears(Word.CONTACT)

    def test_it_is_claimed_back_after_a_session_in_which_the_group_says_that_it_is_ours(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        worker = self.fence(scene, monkeypatch)
        self.hear_for(scene, SESSION)
        assert scene.served.workers == [worker]
        assert worker.standing.state.value == "halted"
        self.hear_for(scene, 0.5)
        [again] = scene.served.workers
        assert again is not worker
        assert again.spec.last_epoch == -1
        assert events(caplog).count("partition_claimed_back") == 1

    def test_a_silent_group_says_nothing(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        worker = self.fence(scene, monkeypatch)
        scene.look(after=SESSION)
        scene.look(after=0.1)
        assert worker not in scene.served.workers  # it is lost like all others
        assert not scene.served.workers

    def test_one_that_was_lost_is_left_to_the_other(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fence(scene, monkeypatch)
        scene.hears(Word.LOST, A, text="silent")
        self.hear_for(scene, 3 * SESSION)
        assert not scene.served.workers

    def test_who_claims_it_again_and_again_is_not_fought(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fence(scene, monkeypatch)
        self.hear_for(scene, SESSION + 1)
        scene.run()
        scene.end(A, 79, Ended(ExitCode.FENCED, "E_FENCED", "orders/0 epoch 3 lost to 4"))
        [worker] = scene.served.workers
        worker.standing.since = scene.now
        self.hear_for(scene, 5 * SESSION)
        assert scene.served.workers == [worker]

    def test_another_halt_is_none(self, scene: Scene) -> None:
        scene.hears(Word.ASSIGNED, A)
        scene.run()
        scene.end(A, 65, Ended(ExitCode.BAD_DATA, "E_DATA", "no"))
        [worker] = scene.served.workers
        worker.standing.since = scene.now
        self.hear_for(scene, 2 * SESSION)
        assert scene.served.workers == [worker]


class TestTopicsComeAndGo:
    def test_one_that_is_taken_is_told_and_its_partitions_come_from_the_group(self, scene: Scene) -> None:
        scene.hears(Word.ASSIGNED, A)
        scene.membership.take_topic([OF_BANK])
        assert scene.membership.topics() == {"orders": ORDERS.group, "bank": OF_BANK.group}
        scene.companion.room = False
        scene.look()
        scene.companion.room = True
        assert scene.told_topics() == [["orders"]]
        scene.look()
        scene.look()
        assert scene.told_topics() == [["orders"], ["bank", "orders"]]
        assert scene.names() == ["orders/0"]
        scene.hears(Word.ASSIGNED, BANK)
        assert scene.names() == ["orders/0", "bank/0"]
        assert scene.tuned == [A, BANK]

    def test_one_that_is_given_up_drains_at_once_and_the_group_takes_it_back(self, scene: Scene) -> None:
        scene.membership.take_topic([OF_BANK])
        scene.hears(Word.ASSIGNED, A, BANK)
        scene.run()
        scene.membership.give_up_topics(["bank"], "taken out of the settings")
        assert scene.membership.topics() == {"orders": ORDERS.group}
        assert scene.names() == ["orders/0"]
        scene.hears(Word.REVOKED, BANK)
        assert scene.told_topics()[-1] == ["orders"]
        assert not scene.given_up()
        scene.end(BANK)
        scene.look()
        assert scene.given_up() == [[["bank", 0]]]
        scene.hears(Word.ASSIGNED, BANK)  # said before the group knew
        assert scene.names() == ["orders/0"]

    def test_what_comes_back_before_the_group_has_taken_it_is_served_again(self, scene: Scene) -> None:
        scene.membership.take_topic([OF_BANK])
        scene.hears(Word.ASSIGNED, BANK)
        scene.run()
        scene.membership.give_up_topics(["bank"], "taken out of the settings")
        scene.end(BANK)
        scene.look()
        assert not scene.names()
        scene.membership.take_topic([OF_BANK])
        assert scene.names() == ["bank/0"]

    def test_the_next_member_process_begins_with_the_topics_of_then(self, scene: Scene) -> None:
        scene.membership.take_topic([OF_BANK])
        scene.companion.starts = 2
        scene.look()
        scene.look()
        assert scene.told_topics() == [["orders"], ["bank", "orders"]]


def test_a_drain_takes_nothing_more_and_ends_the_member(scene: Scene) -> None:
    scene.hears(Word.ASSIGNED, A)
    scene.served.take_no_more()
    scene.say(Word.ASSIGNED, B)
    scene.look(draining=True)
    assert scene.names() == ["orders/0"]
    scene.membership.close()
    assert scene.companion.stopped


def test_what_the_member_says_of_itself_is_in_the_log(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    scene.hears(Word.JOINING, text="consumer")
    scene.hears(Word.TROUBLE, text="not for you")
    scene.hears(Word.ASSIGNED, *(PartitionKey("orders", number) for number in range(9)))
    assert "host-1 joins the group members by the consumer protocol" in caplog.text
    assert "membership: not for you" in caplog.text
    assert "orders/3, orders/4 and 4 more" in caplog.text


def test_one_that_was_replaced_says_so_and_is_not_started_again(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.hears(Word.REPLACED, text="fenced by another one")
    assert scene.membership.replaced == "fenced by another one"
    assert "give each one an instance_id of its own" in caplog.text
    scene.companion.starts = 2
    lines = len(scene.companion.lines)
    scene.look()
    assert len(scene.companion.lines) == lines


def test_words_cross_as_they_are() -> None:
    said = Said(Word.LOST, 12.5, (A, C), "why", 6.0)
    assert Said.from_line(said.line()) == said
    assert type(START).from_line(START.line()) == dataclasses.replace(START, topics=["orders"])
    for told in (Told((A, C)), Told(topics=("bank", "orders")), Told(topics=())):
        assert Told.from_line(told.line()) == told
