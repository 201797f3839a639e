"""Partitions are taken and given up while a run goes on: every way to come and to go; the processes are fakes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from rtpipe.errors import ExitCode
from supervisor.lifecycle import orders, requests
from supervisor.lifecycle.requests import Verb
from supervisor.lifecycle.served_workers import ServedWorkers
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.totals import Totals
from supervisor.lifecycle.worker_state import WorkerState
from supervisor.partition_plan import UNKNOWN
from tests.support.fakes.fake_worker import FakeLauncher, supervised_worker
from tests.support.samples.specs import default_spec
from workers.contract.partition_spec import PartitionKey, PartitionSpec
from workers.contract.reports import Ended, Progress, Running

DONE = Ended(ExitCode.DONE, "", "")
OUT = "taken out of the settings"
ORDERS = [PartitionKey("orders", number) for number in range(4)]


def spec(topic: str, number: int, first_offset: int = 0) -> PartitionSpec:
    return default_spec(PartitionKey(topic, number), first_offset=first_offset)


class Scene:
    """What a run serves, and what it heard of it."""

    def __init__(self) -> None:
        self.launch = FakeLauncher()
        self.served = ServedWorkers(lambda one: supervised_worker(self.launch, one), 20)
        self.heard: list[tuple[str, list[str]]] = []
        self.served.on_taken.append(lambda workers: self.heard.append(("taken", list(map(str, workers)))))
        self.served.on_gone.append(lambda workers: self.heard.append(("gone", list(map(str, workers)))))

    def names(self) -> list[str]:
        return list(map(str, self.served.workers))

    def worker(self, key: PartitionKey) -> SupervisedWorker:
        return next(worker for worker in self.served.workers if worker.spec.key == key)

    def run(self, *numbers: int) -> list[Any]:
        """Partitions of `orders` that run, and their processes."""
        self.served.take(spec("orders", number) for number in numbers)
        for number in numbers:
            worker = self.worker(ORDERS[number])
            worker.start()
            self.launch.last.link.say(Running(200, 1, 5))
            worker.take_reports()
        return self.launch.made[-len(numbers) :]

    def ends(self, key: PartitionKey, code: int, *reports: object) -> None:
        """Its processes are gone, which the loop hears."""
        worker = self.worker(key)
        assert worker.generation is not None
        processes: Any = worker.generation.processes
        processes.die(code, *reports)
        worker.on_death()
        self.served.sweep()


@pytest.fixture
def scene(caplog: pytest.LogCaptureFixture) -> Scene:
    caplog.set_level("INFO")
    return Scene()


def test_partitions_of_a_topic_stand_side_by_side_in_order_whenever_they_come(scene: Scene) -> None:
    scene.served.take([spec("orders", 2), spec("payments", 0)])
    scene.served.take([spec("orders", 1)])
    scene.served.take([spec("orders", 3), spec("orders", 0)])
    assert scene.names() == ["orders/0", "orders/1", "orders/2", "orders/3", "payments/0"]
    assert scene.heard[-1] == ("taken", ["orders/3", "orders/0"])


def test_they_start_when_their_turn_comes_or_wait_for_the_begin_of_their_log(scene: Scene) -> None:
    scene.served.take([spec("orders", 0), spec("orders", 1, UNKNOWN)], "assigned")
    due, asks = scene.served.workers
    assert (due.standing.next_start is not None, due.standing.asks_for_begin) == (True, False)
    assert (asks.standing.asks_for_begin, asks.standing.reason) == (True, "assigned")


def test_those_that_come_while_others_run_are_known_as_such(scene: Scene) -> None:
    scene.run(0, 1)
    scene.served.take([spec("payments", 0)])
    assert [worker.joins for worker in scene.served.workers] == [False, False, True]


def test_what_is_served_is_not_taken_twice(scene: Scene) -> None:
    scene.run(0)
    before = scene.worker(ORDERS[0])
    scene.served.take([spec("orders", 0)])
    assert scene.served.workers == [before]
    assert len(scene.heard) == 1


def test_one_that_is_given_up_drains_and_is_gone_with_its_processes(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = scene.run(0, 1)
    scene.served.give_up([ORDERS[0]], OUT)
    assert (first.drained, second.drained) == ([20], [])
    assert (scene.served.holds(ORDERS[0]), scene.served.has_topic("orders")) == (True, True)
    assert scene.worker(ORDERS[0]).standing.reason == OUT
    scene.served.sweep()
    assert scene.names() == ["orders/0", "orders/1"], "its processes are still there"
    scene.ends(ORDERS[0], 0, Progress(9, 9, 4, 0, 1, 0, backpressure=False, waiting_for=""), DONE)
    assert (scene.names(), scene.served.holds(ORDERS[0])) == (["orders/1"], False)
    assert scene.heard[-1] == ("gone", ["orders/0"])
    assert "orders/0: given up: taken out of the settings" in caplog.text
    assert "orders/0: served no more; committed up to offset 9" in caplog.text
    assert scene.worker(ORDERS[1]).standing.state is WorkerState.RUNNING


def test_one_that_is_killed_in_its_drain_is_gone_and_never_started_again(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.run(0)
    scene.served.give_up([ORDERS[0]], OUT)
    scene.ends(ORDERS[0], -9)
    assert scene.names() == []
    assert "what it had not committed is still in Kafka" in caplog.text
    assert len(scene.launch.made) == 1


def test_one_that_halts_in_its_drain_is_gone_too(scene: Scene) -> None:
    scene.run(0)
    scene.served.give_up([ORDERS[0]], OUT)
    scene.ends(ORDERS[0], 65, Ended(ExitCode.BAD_DATA, "E_DATA", "orders/0: too long"))
    assert scene.names() == []


@pytest.mark.parametrize("state", ["waiting", "backoff", "quarantined", "halted", "paused", "stopped"])
def test_one_without_a_process_is_gone_at_once(scene: Scene, state: str) -> None:
    scene.run(0)
    worker = scene.worker(ORDERS[0])
    worker.generation = None
    worker.standing.state = WorkerState(state)
    scene.served.give_up([ORDERS[0]], OUT)
    assert (scene.names(), scene.heard[-1]) == ([], ("gone", ["orders/0"]))


def test_one_that_drains_for_another_reason_does_not_come_back(scene: Scene) -> None:
    scene.run(0, 1)
    for key, verb in ((ORDERS[0], Verb.RESTART), (ORDERS[1], Verb.PAUSE)):
        requests.act(verb, scene.worker(key), 20, "as somebody asked")
    scene.served.give_up(ORDERS, OUT)
    scene.ends(ORDERS[0], 0, DONE)
    scene.ends(ORDERS[1], 0, DONE)
    assert scene.names() == []


def test_a_lost_one_is_killed_at_once_and_its_death_is_no_trouble(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    first, _ = scene.run(0, 1)
    scene.served.kill([ORDERS[0]], "another host has it")
    assert first.signals == ["kill"]
    scene.worker(ORDERS[0]).on_death()
    scene.served.sweep()
    assert scene.names() == ["orders/1"]
    assert "orders/0: given up: another host has it" in caplog.text
    assert "E_WORKER_DIED" not in caplog.text


def test_one_that_drains_can_be_lost_meanwhile(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    [made] = scene.run(0)
    scene.served.give_up([ORDERS[0]], "revoked")
    scene.served.kill([ORDERS[0]], "lost")
    assert (made.drained[0], made.signals) == (20, ["kill"])
    assert caplog.text.count("given up") == 1


def test_one_that_comes_back_waits_until_its_processes_are_gone(scene: Scene) -> None:
    scene.run(0)
    leaving = scene.worker(ORDERS[0])
    scene.served.give_up([ORDERS[0]], OUT)
    scene.served.take([spec("orders", 0, 7)])
    assert scene.served.workers == [leaving], "two writers of one partition are one too many"
    scene.ends(ORDERS[0], 0, DONE)
    [back] = scene.served.workers
    assert back is not leaving
    assert (back.spec.first_offset, back.standing.next_start is not None) == (7, True)
    assert scene.heard[-2:] == [("gone", ["orders/0"]), ("taken", ["orders/0"])]


def test_one_that_is_given_up_again_does_not_come_back(scene: Scene) -> None:
    scene.run(0)
    scene.served.give_up([ORDERS[0]], OUT)
    scene.served.take([spec("orders", 0)])
    scene.served.give_up([ORDERS[0]], OUT)
    scene.ends(ORDERS[0], 0, DONE)
    assert scene.names() == []


def test_a_run_that_ends_takes_nothing(scene: Scene) -> None:
    scene.run(0)
    scene.served.give_up([ORDERS[0]], OUT)
    scene.served.take([spec("orders", 0)])
    scene.served.take_no_more()
    scene.served.take([spec("orders", 1)])
    scene.ends(ORDERS[0], 0, DONE)
    assert scene.names() == []


@pytest.mark.parametrize("verb", Verb)
def test_a_person_asks_nothing_of_one_that_leaves(scene: Scene, verb: Verb) -> None:
    scene.run(0)
    scene.served.give_up([ORDERS[0]], OUT)
    assert requests.why_not(verb, scene.worker(ORDERS[0]).standing) == f"it is given up: {OUT}"


def test_the_totals_are_of_all_that_a_run_ever_had(scene: Scene) -> None:
    scene.run(0, 1)
    for key in ORDERS[:2]:
        history = scene.worker(key).history
        history.rows, history.dead, history.altered, history.deaths.restarts = 5, 1, 2, Counter(writer_killed=3)
    assert scene.served.totals() == Totals(10, 2, 4, 6)
    scene.served.give_up([ORDERS[0]], OUT)
    scene.ends(ORDERS[0], 0, DONE)
    assert scene.served.totals() == Totals(10, 2, 4, 6)


def test_whom_nobody_knows_is_not_given_up(scene: Scene) -> None:
    scene.run(0)
    scene.served.give_up([ORDERS[3]], OUT)
    scene.served.kill([], "lost")
    assert scene.heard == [("taken", ["orders/0"])]
    orders.drain(scene.worker(ORDERS[0]), 20)
    scene.ends(ORDERS[0], 0, DONE)
    assert scene.names() == ["orders/0"], "drained by a person, and shown as stopped"
