"""What the supervisor concludes from what Kafka says of topics, partitions and logs; both are fakes."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import pytest

from rtpipe.errors import ExitCode, UnreachableError
from supervisor.background_question import BackgroundQuestion
from supervisor.kafka.cluster_view import TopicFacts
from supervisor.kafka.log_offsets import Offsets
from supervisor.kafka.log_watch import LogWatch
from supervisor.kafka.topic_watch import TopicWatch
from supervisor.lifecycle import orders, requests
from supervisor.lifecycle.log_end import FRESH, LogEnd
from supervisor.lifecycle.requests import Verb
from supervisor.lifecycle.served_workers import ServedWorkers
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import WorkerState
from supervisor.partition_plan import UNKNOWN, new_partition
from supervisor.run.kafka_changes import KafkaChanges
from supervisor.run.run_targets import RunTargets
from supervisor.status.kafka_outage import KafkaOutage
from supervisor.status.process_stats import ProcessStats
from tests.support.fakes.fake_worker import SPEC, FakeLauncher, status_of, supervised_worker
from tests.support.waits import eventually
from workers.contract.partition_spec import PartitionKey, PartitionSpec
from workers.contract.reports import Ended, Progress, Running

ORDERS = [PartitionKey("orders", number) for number in range(4)]


class FakeCluster:
    """What a test says of topic `orders`; None: no broker answers."""

    def __init__(self, partitions: int = 1) -> None:
        self.topic_id = SPEC.topic_id
        self.id = "c"
        self.partitions = partitions
        self.leaderless: set[PartitionKey] = set()
        self.away = False
        self.end = 7

    def describe(self, _names: object) -> tuple[list[TopicFacts], list[str]]:
        self._answer()
        return [TopicFacts("orders", self.topic_id, tuple(ORDERS[: self.partitions]))], []

    def cluster_id(self, _topic: str) -> str:
        return self.id

    def log_ends(self, keys: list[PartitionKey]) -> Offsets:
        return self._offsets(keys, self.end)

    def log_begins(self, keys: list[PartitionKey]) -> Offsets:
        return self._offsets(keys, 3)

    def _offsets(self, keys: list[PartitionKey], offset: int) -> Offsets:
        self._answer()
        dark = self.leaderless.intersection(keys)
        return Offsets({key: offset for key in keys if key not in dark}, dict.fromkeys(dark, "no leader"))

    def _answer(self) -> None:
        if self.away:
            raise UnreachableError("no broker answers at k:1")


class Scene:
    """The changes of one topic, as a supervisor's loop sees them."""

    def __init__(self, targets: dict[PartitionKey, int] | None = None, *, takes_added: bool = True) -> None:
        self.cluster = FakeCluster()
        view: Any = self.cluster
        self.launch = FakeLauncher()
        self.targets = RunTargets(targets)
        self.served = ServedWorkers(self.make, 20)
        self.changes = KafkaChanges(
            TopicWatch(view, 0), LogWatch(view, 0), self.served, self.targets, takes_added=takes_added
        )
        self.workers = self.served.workers
        self.draining = False
        self.served.take([SPEC])
        self._start()

    def make(self, spec: PartitionSpec) -> SupervisedWorker:
        return supervised_worker(self.launch, spec)

    def look(self, later: float = 0) -> None:
        """As often as it takes for each question to be asked after this call, and answered."""
        for _ in range(6):
            eventually(self._answered)
            self.changes.look(time.monotonic() + later, draining=self.draining)
            self._start()

    def _start(self) -> None:
        """As the supervisor's loop does it."""
        for worker in self.workers:
            if worker.standing.next_start is not None:
                worker.start()

    def _answered(self) -> bool:
        asked = (self.changes._topics._looks._asked, self.changes._logs._looks._asked)
        return all(one is None or one.done() for one in asked)

    def states(self) -> dict[str, str]:
        return {str(worker): worker.standing.state.value for worker in self.workers}


def test_where_a_group_says_who_serves_them_added_partitions_are_left_to_it() -> None:
    scene = Scene(takes_added=False)
    scene.cluster.partitions = 3
    scene.look()
    assert list(scene.states()) == ["orders/0"]


def test_partitions_that_were_added_are_started_from_the_beginning_of_their_logs() -> None:
    scene = Scene({ORDERS[0]: 5})
    scene.look()
    assert scene.states() == {"orders/0": "starting"}
    scene.cluster.partitions = 3
    scene.look()
    assert scene.states() == {"orders/0": "starting", "orders/1": "starting", "orders/2": "starting"}
    assert [(w.spec.key.partition, w.spec.first_offset, w.spec.known) for w in scene.workers[1:]] == [
        (1, 3, False),
        (2, 3, False),
    ]
    assert scene.targets._offsets == {ORDERS[0]: 5, ORDERS[1]: 7, ORDERS[2]: 7}


def test_a_new_partition_without_a_leader_is_shown_and_waited_for_by_name(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()
    scene.cluster.partitions, scene.cluster.leaderless = 2, {ORDERS[1]}
    scene.look()
    status = status_of(scene.workers[1], ProcessStats(), time.monotonic())
    assert (status.state, status.reason, status.lag) == ("waiting", "no leader", None)
    assert "waiting: no leader: orders/1" in caplog.text
    scene.cluster.leaderless = set()
    scene.look()
    assert scene.states() == {"orders/0": "starting", "orders/1": "starting"}
    assert [line for line in caplog.messages if "waiting" in line] == ["waiting: no leader: orders/1"]


def test_a_drain_starts_nothing() -> None:
    scene = Scene()
    scene.cluster.partitions, scene.draining = 2, True
    scene.look()
    assert scene.states() == {"orders/0": "starting"}


def test_a_topic_made_again_halts_and_gets_no_partition() -> None:
    scene = Scene()
    scene.look()
    scene.cluster.topic_id, scene.cluster.partitions = "other", 1
    scene.look()
    scene.workers[0].on_death()
    assert (scene.workers[0].standing.state, scene.workers[0].standing.code) == (
        WorkerState.HALTED,
        ExitCode.TOPIC_CHANGED,
    )


def test_a_cluster_that_is_adopted_is_the_one_that_resumed_and_new_partitions_belong_to() -> None:
    scene = Scene()
    scene.look()
    scene.cluster.id, scene.cluster.topic_id = "another", "u"
    scene.look()
    worker = scene.workers[0]
    worker.on_death()
    assert (worker.standing.state, worker.standing.code) == (WorkerState.HALTED, ExitCode.TOPIC_CHANGED)
    assert "cluster id changed c -> another" in worker.standing.reason
    worker.spec = scene.changes.renewed(worker.spec)
    requests.act(Verb.RESUME, worker, 20, "")
    scene.cluster.partitions = 2
    scene.look()
    assert [made.spec.key for made in scene.launch.made[1:]] == ORDERS[:2]
    assert {(made.spec.topic_id, made.spec.cluster_id) for made in scene.launch.made[1:]} == {("u", "another")}
    assert worker.standing.state is WorkerState.STARTING, "not halted again for the cluster that was adopted"


def test_fewer_partitions_change_nothing() -> None:
    scene = Scene()
    scene.cluster.partitions = 2
    scene.look()
    scene.cluster.partitions = 1
    scene.look()
    assert len(scene.workers) == 2


def running(scene: Scene, offset: int) -> SupervisedWorker:
    worker = scene.workers[0]
    progress = Progress(offset, offset, 0, 0, 0, 0, backpressure=False, waiting_for="")
    scene.launch.last.link.say(Running(9, 1, 0), progress)
    worker.take_reports()
    return worker


def test_the_lag_is_by_the_end_that_kafka_tells_and_unknown_once_nobody_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    scene = Scene()
    worker, stats = running(scene, 5), ProcessStats()
    scene.look()
    now = time.monotonic()
    assert status_of(worker, stats, now).lag == 2
    scene.cluster.away = True
    scene.look()
    assert status_of(worker, stats, now + FRESH / 2).state == "running"
    late = status_of(worker, stats, now + FRESH + 1)
    assert (late.state, late.lag, late.end_offset) == ("waiting", None, None)
    assert late.reason == "no broker answers at k:1"
    for _ in range(3):
        scene.look(later=FRESH + 1)
    assert [line for line in caplog.messages if "waiting" in line] == ["waiting: no broker answers at k:1: orders/0"]
    scene.cluster.away = False
    scene.look(later=FRESH + 1)
    assert "Kafka answers again for all partitions, after " in caplog.text
    assert status_of(worker, stats, time.monotonic() + FRESH + 1).lag == 2


def test_who_waits_for_the_database_and_for_kafka_says_both() -> None:
    scene = Scene()
    worker = running(scene, 5)
    scene.launch.last.link.say(Progress(5, 5, 0, 0, 0, 0, backpressure=False, waiting_for="database: gone"))
    worker.take_reports()
    assert status_of(worker, ProcessStats(), time.monotonic() + FRESH + 1).reason == (
        "database: gone; Kafka does not answer"
    )


def test_what_is_halted_keeps_its_state_and_reason_while_kafka_is_away() -> None:
    scene = Scene()
    worker = running(scene, 5)
    scene.launch.last.die(65, Ended(ExitCode.BAD_DATA, "E_DATA", "too long"))
    worker.on_death()
    status = status_of(worker, ProcessStats(), time.monotonic() + FRESH + 1)
    assert (status.state, status.reason, status.lag) == ("halted", "too long", None)


def test_a_waiting_partition_is_halted_drained_and_never_started_by_hand() -> None:
    launch = FakeLauncher()
    worker = supervised_worker(launch, new_partition(SPEC, ORDERS[1]))
    worker.begin()
    assert (worker.standing.state, worker.spec.first_offset) == (WorkerState.WAITING, UNKNOWN)
    assert requests.why_not(Verb.RESUME, worker.standing) == "it starts as soon as it can"
    orders.halt(worker, Ended(ExitCode.UNREACHABLE, "E_UNREACHABLE", "no leader"))
    assert (worker.standing.state, worker.standing.code) == (WorkerState.HALTED, ExitCode.UNREACHABLE)
    requests.act(Verb.RESUME, worker, 20, "")
    assert worker.standing.state is WorkerState.WAITING
    orders.drain(worker, 1)
    assert worker.standing.state.value == "stopped"
    assert not launch.made


def test_an_end_that_kafka_tells_may_be_less_than_what_the_consumer_saw() -> None:
    end = LogEnd(0.0)
    end.grow(9, 1.0)
    end.grow(8, 1.5)
    assert end.offset(2.0) == 9
    end.confirm(4, 3.0)
    assert end.offset(3.0) == 4
    end.miss("frozen")
    assert (end.offset(3.0 + FRESH), end.offset(3.1 + FRESH)) == (4, None)
    assert end.silence(3.1 + FRESH) == "frozen"


class TestOneLineAnOutage:
    SOME: ClassVar = {ORDERS[1]: "no leader"}
    ALL: ClassVar = dict.fromkeys(ORDERS, "away")

    @staticmethod
    def told(caplog: pytest.LogCaptureFixture, *looks: tuple[float, dict[PartitionKey, str]]) -> list[str]:
        caplog.set_level("INFO")
        outage = KafkaOutage()
        for now, silent in looks:
            outage.look(now, silent, away="away" in silent.values(), new=())
        return caplog.messages

    def test_all_is_told_at_once_and_once(self, caplog: pytest.LogCaptureFixture) -> None:
        told = self.told(caplog, (20, self.ALL), (21, self.ALL), (60, self.SOME), (62, {}), (90, {}))
        assert told == [
            "waiting: away: orders/0, orders/1, orders/2, orders/3",
            "Kafka answers again for all partitions, after 52 s",
        ]

    def test_a_leader_that_moves_is_not_told(self, caplog: pytest.LogCaptureFixture) -> None:
        assert self.told(caplog, (20, self.SOME), (35, self.SOME), (36, {}), (40, self.SOME), (55, self.SOME)) == []

    def test_some_that_stay_away_are_told(self, caplog: pytest.LogCaptureFixture) -> None:
        assert self.told(caplog, (20, self.SOME), (41, self.SOME), (90, self.SOME)) == ["waiting: no leader: orders/1"]

    def test_what_is_left_of_an_outage_is_told(self, caplog: pytest.LogCaptureFixture) -> None:
        told = self.told(caplog, (20, self.ALL), (30, self.SOME), (51, self.SOME), (60, {}))
        assert told[1:] == ["waiting: no leader: orders/1", "Kafka answers again for all partitions, after 50 s"]


def test_a_question_that_takes_long_is_never_asked_twice_at_a_time() -> None:
    import threading  # noqa: PLC0415

    release, asked = threading.Event(), []

    def ask() -> int:
        asked.append(1)
        assert release.wait(30)
        return 42

    aside: BackgroundQuestion[int] = BackgroundQuestion("test", 0)
    assert [aside.take(now, ask) for now in (0.0, 1.0, 2.0)] == [None, None, None]
    release.set()

    def answer() -> int | None:
        future = aside.take(time.monotonic(), ask)
        return future.result() if future else None

    assert eventually(answer) == 42
    assert len(asked) <= 2


def test_an_answer_wakes_the_loop_and_may_be_taken_at_once() -> None:
    import threading  # noqa: PLC0415

    woken = threading.Event()
    question: BackgroundQuestion[int] = BackgroundQuestion("test", 60)
    question.wake = woken.set
    assert question.take(5.0, lambda: 42) is None
    assert woken.wait(30)
    assert question.next_look == 0.0
    answered = question.take(5.0, lambda: 43)
    assert answered is not None
    assert answered.result() == 42
    assert question.next_look == 65.0


def test_a_login_that_is_refused_is_told_also_if_it_shows_only_later_in_an_outage(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outage, refused = KafkaOutage(), "Kafka at k:1 refuses the login (change it)"
    for why in ("", refused, refused, "", refused):
        outage.look(0, {ORDERS[0]: why or "no broker answers"}, away=True, new=[], refused=why)
    assert [line for line in caplog.messages if "waiting" in line] == [
        "waiting: no broker answers: orders/0",
        f"still waiting: {refused}",
    ]
    outage.look(1, {}, away=False, new=[])
    outage.look(2, {ORDERS[0]: refused}, away=True, new=[], refused=refused)
    assert caplog.messages[-1] == f"waiting: {refused}: orders/0"
