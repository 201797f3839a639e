"""Topics that a run finds, refuses, and gives up while it goes on; Kafka and the group's lock are fakes."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rtpipe.errors import RtpipeError, UnreachableError
from supervisor.group_lock import GroupHeldError
from supervisor.kafka.cluster_view import TopicFacts
from supervisor.kafka.log_offsets import Offsets
from supervisor.lifecycle import orders
from supervisor.lifecycle.served_workers import ServedWorkers
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.run.topic_plans import TopicPlans
from supervisor.run.topic_serving import AllServed, TopicServing
from supervisor.run.wanted_topics import TopicSearch, WantedTopics
from supervisor.settings.live_settings import LiveSettings
from supervisor.settings.settings import load
from supervisor.settings.topic_choice import TopicChoice
from tests.support.fakes.fake_worker import FakeLauncher, supervised_worker
from tests.support.samples.specs import default_spec
from tests.support.waits import eventually
from workers.contract.errors import SetupError, TopicChangedError
from workers.contract.partition_spec import PartitionKey, PartitionSpec
from workers.contract.reports import Ended

BANK = "^bank_"


class FakeKafka:
    """Topics with two partitions each."""

    def __init__(self, *topics: str) -> None:
        self.there = list(topics)
        self.away = False

    def topic_names(self) -> list[str]:
        if self.away:
            raise UnreachableError("no broker answers at k:1")
        return self.there

    def topics(self, names: list[str]) -> list[TopicFacts]:
        self.topic_names()
        if missing := [name for name in names if name not in self.there]:
            raise SetupError(f"Kafka at k:1 has no topic {', '.join(missing)}")
        return [TopicFacts(name, "t", (PartitionKey(name, 0), PartitionKey(name, 1))) for name in names]

    def cluster_id(self, _topic: str) -> str:
        return "c"

    def log_begins(self, keys: list[PartitionKey]) -> Offsets:
        return Offsets(dict.fromkeys(keys, 3), {})


class FakeLock:
    """Groups that are held; `others`: by another supervisor."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.others: set[str] = set()

    def add(self, group: str) -> None:
        if group in self.others:
            raise GroupHeldError(f"group {group} is held by another", hint="stop it")
        self.held.add(group)

    def drop(self, groups: Iterable[str]) -> None:
        self.held -= set(groups)


class Scene:
    """What a run serves, as its loop sees it."""

    def __init__(self, choice: TopicChoice, *there: str) -> None:
        self.kafka, self.lock, self.launch = FakeKafka(*there), FakeLock(), FakeLauncher()
        kafka: Any = self.kafka
        lock: Any = self.lock
        self.live = LiveSettings(load(), load)
        self.served = ServedWorkers(lambda spec: supervised_worker(self.launch, spec), 20)
        plans = TopicPlans(kafka, "1-ab", lock)
        search = TopicSearch(choice, plans, self.live.now, 0, of_settings=True)
        self.wanted = WantedTopics(search, self.served, self.serving())

    def serving(self) -> TopicServing:
        return AllServed(self.served)

    def look(self, times: int = 3) -> None:
        """As often as it takes for a question to be asked after this call, and answered."""
        for _ in range(times):
            eventually(self._answered)
            self.wanted.look(time.monotonic())

    def _answered(self) -> bool:
        asked = self.wanted._looks._asked
        return asked is None or asked.done()

    def topics(self) -> list[str]:
        return list(dict.fromkeys(worker.spec.key.topic for worker in self.served.workers))

    def reload(self, text: str, choice: TopicChoice) -> None:
        Path("rtpipe.toml").write_text(text)
        self.live.take(self.live.read_again(self.topics()))
        self.wanted.change(choice)

    def halted(self, topic: str, error: type[RtpipeError] = TopicChangedError) -> None:
        for worker in self.served.workers:
            if worker.spec.key.topic == topic:
                orders.halt(worker, Ended(error.exit_code, error.name, "as it is"))


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    monkeypatch.chdir(tmp_path)


def test_topics_that_fit_are_served_at_the_start_and_whenever_they_come(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(TopicChoice((), (BANK,)), "bank_a", "shop", "__bank_x")
    assert (scene.wanted.missing, scene.wanted.notes()) == (True, ())
    scene.look()
    assert scene.topics() == ["bank_a"]
    before = scene.served.workers[:]
    scene.kafka.there += ["bank_b"]
    scene.look()
    assert scene.topics() == ["bank_a", "bank_b"]
    assert scene.served.workers[:2] == before
    new = scene.served.workers[2].spec
    assert (new.first_offset, new.topic_id, new.supervisor, new.group) == (3, "t", "1-ab", "group-bank_b")
    assert scene.lock.held == {"group-bank_a", "group-bank_b"}
    assert "bank_b: a topic that is served from now on, 2 partitions" in caplog.text


def test_a_topic_that_was_asked_for_twice_before_an_answer_came_is_taken_once(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(TopicChoice((), (BANK,)), "bank_a")
    for _ in range(3):  # the next question goes out with the answer to the last one
        scene.look(1)
    assert caplog.text.count("served from now on") == 1


def test_as_long_as_nothing_fits_that_is_said() -> None:
    scene = Scene(TopicChoice((), (BANK,)), "shop")
    scene.look()
    assert scene.wanted.notes() == ("Kafka has no topic that fits ^bank_",)
    scene.kafka.there.append("bank_a")
    scene.look()
    assert scene.wanted.notes() == ()


def test_a_run_of_names_that_are_all_served_asks_nobody() -> None:
    scene = Scene(TopicChoice(("orders",)), "orders")
    scene.look()
    assert scene.topics() == ["orders"]
    assert (scene.wanted.missing, scene.wanted.next_look()) == (False, math.inf)
    none = WantedTopics(None, scene.served, scene.serving())
    none.look(time.monotonic())
    assert (none.missing, none.follows_settings) == (False, False)


def test_what_is_wrong_with_one_topic_is_told_once_and_concerns_no_other(caplog: pytest.LogCaptureFixture) -> None:
    Path("rtpipe.toml").write_text('[[topics]]\nmatch = "bank_b"\ntable = "bank_a"\n')
    scene = Scene(TopicChoice(("gone",), (BANK,)), "bank_a", "bank_b", "bank_c", "bank_d")
    scene.lock.others = {"group-bank_d"}
    scene.look()
    scene.look()
    assert scene.topics() == ["bank_a", "bank_c"]
    assert scene.wanted.notes() == (
        "bank_b is not served: topics bank_a, bank_b would all go to table bank_a",
        "bank_d is not served: group group-bank_d is held by another",
        "gone is not served: Kafka at k:1 has no topic gone",
    )
    assert caplog.text.count("bank_b is not served") == 1
    scene.reload('[[topics]]\nmatch = "bank_b"\ntable = "other"\n', scene.wanted.choice)
    scene.lock.others = set()
    scene.kafka.there.append("gone")
    scene.look()
    assert sorted(scene.topics()) == ["bank_a", "bank_b", "bank_c", "bank_d", "gone"]
    assert next(worker.spec.table for worker in scene.served.workers if worker.spec.key.topic == "bank_b") == "other"
    assert scene.wanted.notes() == ()


def test_what_a_reload_takes_out_is_given_up_and_what_it_adds_is_found_at_once() -> None:
    scene = Scene(TopicChoice(("orders", "payments")), "orders", "payments", "bank_a")
    scene.look()
    choice = TopicChoice(("orders",), (BANK,))
    assert scene.wanted.unwanted_by(choice) == ["payments"]
    stays = scene.served.workers[:2]
    scene.wanted.change(choice)
    assert scene.topics() == ["orders"]
    assert scene.lock.held == {"group-orders"}
    scene.look()
    assert scene.topics() == ["orders", "bank_a"]
    assert scene.served.workers[:2] == stays


def test_one_that_comes_back_while_it_leaves_is_found_once_it_is_gone() -> None:
    scene = Scene(TopicChoice(("orders", "payments")), "orders", "payments")
    scene.look()
    for worker in scene.served.workers[2:]:
        worker.start()
    before = scene.wanted.choice
    scene.wanted.change(TopicChoice(("orders",)))
    scene.wanted.change(before)
    scene.look()
    assert scene.wanted.next_look() == math.inf, "it is there as long as its processes are"
    for worker in scene.served.workers[2:]:
        worker.on_death()
    for made in scene.launch.made:
        made.die(0)
    for worker in scene.served.workers[2:]:
        worker.on_death()
    scene.served.sweep()
    assert scene.wanted.missing
    scene.look()
    assert (scene.topics(), len(scene.served.workers)) == (["orders", "payments"], 4)


def test_what_was_asked_before_a_reload_is_not_taken() -> None:
    scene = Scene(TopicChoice((), (BANK,)), "bank_a")
    scene.wanted.look(time.monotonic())
    scene.wanted.change(TopicChoice(("shop",)))
    scene.look()
    assert scene.topics() == []
    assert scene.lock.held == set()
    scene.kafka.there.append("shop")
    scene.look()
    assert scene.topics() == ["shop"]


def test_kafka_that_is_away_is_said_once_and_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(TopicChoice((), (BANK,)), "bank_a")
    scene.kafka.away = True
    scene.look()
    scene.look()
    assert scene.wanted.notes() == ("topics cannot be looked for: no broker answers at k:1",)
    scene.kafka.away = False
    scene.look()
    assert scene.topics() == ["bank_a"]
    told = [message for message in caplog.messages if "bank_a" not in message]
    assert told == ["waiting: no broker answers at k:1", "Kafka answers again"]


def test_a_deleted_topic_that_only_a_pattern_means_is_given_up_at_a_reload() -> None:
    scene = Scene(TopicChoice(("orders",), (BANK,)), "bank_a", "bank_b", "orders")
    scene.look()
    scene.kafka.there = ["bank_b"]
    scene.halted("bank_a")
    scene.halted("orders")
    scene.halted("bank_b")
    scene.look()
    assert scene.topics() == ["orders", "bank_a", "bank_b"], "it halts, until a person has seen it"
    scene.wanted.change(scene.wanted.choice)
    scene.look()
    assert scene.topics() == ["orders", "bank_b"]


class SharedScene(Scene):
    """Hosts share the topics: which partitions run here, a group says. One of each topic does."""

    def __init__(self, choice: TopicChoice, *there: str) -> None:
        self.taken: dict[str, str] = {}
        super().__init__(choice, *there)

    def serving(self) -> TopicServing:
        return self

    def topics(self) -> dict[str, str]:  # type: ignore[override]
        return self.taken

    def has_topic(self, topic: str) -> bool:
        return topic in self.taken

    def take_topic(self, specs: Sequence[PartitionSpec]) -> None:
        self.taken[specs[0].key.topic] = specs[0].group

    def give_up_topics(self, topics: Collection[str], why: str) -> None:
        self.served.give_up_topics(topics, why)
        self.taken = {topic: group for topic, group in self.taken.items() if topic not in topics}

    def gives(self, topic: str) -> SupervisedWorker:
        """The group gives a partition of it to this host, and it runs."""
        self.served.take([default_spec(PartitionKey(topic, 0), group=self.taken[topic], first_offset=0)])
        worker = self.served.workers[-1]
        worker.start()
        return worker


class TestWhereHostsShareTopics:
    def test_those_that_fit_are_shared_whether_partitions_of_them_run_here_or_not(self) -> None:
        scene = SharedScene(TopicChoice((), (BANK,)), "bank_a")
        scene.look()
        scene.kafka.there.append("bank_b")
        scene.look()
        assert scene.topics() == {"bank_a": "group-bank_a", "bank_b": "group-bank_b"}
        assert not scene.served.workers
        assert scene.wanted.notes() == ()

    def test_a_lock_is_held_while_a_worker_runs_or_the_topic_is_shared(self) -> None:
        scene = SharedScene(TopicChoice((), (BANK,)), "bank_a", "bank_b")
        scene.look()
        worker = scene.gives("bank_a")
        scene.served.give_up([worker.spec.key], "the group gives it to another host")
        scene.launch.last.die(0)
        worker.on_death()
        scene.served.sweep()
        assert scene.lock.held == {"group-bank_a", "group-bank_b"}
        worker = scene.gives("bank_a")
        scene.wanted.change(TopicChoice(("bank_c",)))
        assert scene.lock.held == {"group-bank_a"}
        scene.launch.last.die(0)
        worker.on_death()
        scene.served.sweep()
        assert scene.lock.held == set()

    def test_one_that_was_deleted_is_given_up_at_a_reload(self) -> None:
        scene = SharedScene(TopicChoice((), (BANK,)), "bank_a", "bank_b")
        scene.look()
        scene.gives("bank_a")
        scene.kafka.there = []
        scene.wanted.change(scene.wanted.choice)
        scene.look()
        assert list(scene.topics()) == ["bank_a"], "nobody has found out yet that it is gone"

    def test_a_topic_of_the_members_own_group_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RTPIPE_DATABASE_URL", "mysql+pymysql://me:pw@h:3306/bank")
        monkeypatch.setenv("RTPIPE_MEMBERSHIP", "kafka")
        monkeypatch.setenv("RTPIPE_MEMBERSHIP_GROUP", "group-bank_b")
        scene = SharedScene(TopicChoice((), (BANK,)), "bank_a", "bank_b")
        scene.look()
        assert list(scene.topics()) == ["bank_a"]
        [note] = scene.wanted.notes()
        assert "bank_b is not served: membership_group is group-bank_b" in note
