"""A few workers start at once, and nobody waits for one whose start takes long."""

from __future__ import annotations

import dataclasses
import time

import pytest

from supervisor.lifecycle.start_pace import StartPace
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from tests.support.fakes.fake_worker import SPEC, FakeLauncher, supervised_worker
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Running, Waiting


@pytest.fixture
def workers() -> list[SupervisedWorker]:
    launch = FakeLauncher()
    keys = [PartitionKey("orders", number) for number in range(5)]
    made = [supervised_worker(launch, dataclasses.replace(SPEC, key=key)) for key in keys]
    for worker in made:
        worker.begin()
    return made


def start(pace: StartPace, workers: list[SupervisedWorker], later: float = 0.0) -> list[int]:
    due = pace.due(workers, time.monotonic() + later)
    for worker in due:
        worker.start()
    return [worker.spec.key.partition for worker in due]


def says(worker: SupervisedWorker, report: object) -> None:
    assert worker.generation is not None
    worker._note(worker.generation, report, time.monotonic())


def test_as_many_as_there_is_room_for_in_their_order(workers: list[SupervisedWorker]) -> None:
    pace = StartPace(most=2)
    assert (start(pace, workers), start(pace, workers)) == ([0, 1], [])
    assert pace.next_due(workers, time.monotonic()) is None, "no moment that has passed: the loop would spin"
    says(workers[1], Running(writer_pid=200, epoch=1, offset=0))
    due = pace.next_due(workers, time.monotonic())
    assert due is not None
    assert due <= time.monotonic()
    assert start(pace, workers) == [2]


def test_of_those_that_join_a_run_one_starts_for_each_core_and_the_others_are_not_held_up(
    workers: list[SupervisedWorker],
) -> None:
    pace = StartPace(most=4)
    for worker in workers[:3]:
        worker.joins = True
    assert start(pace, workers) == [0, 3, 4]
    assert pace.next_due(workers, time.monotonic()) is None, "no moment that has passed: the loop would spin"
    says(workers[0], Running(writer_pid=200, epoch=1, offset=0))
    assert not workers[0].joins, "a death is not new to the run: it starts again at once"
    assert start(pace, workers) == [1]
    workers[0].on_death()
    workers[0].standing.next_start = 0.0
    assert start(pace, workers) == [0]


def test_who_waits_for_a_service_makes_room(workers: list[SupervisedWorker]) -> None:
    pace = StartPace(most=2)
    start(pace, workers)
    says(workers[0], Waiting("the database is away"))
    assert start(pace, workers) == [2]


def test_who_takes_long_makes_room(workers: list[SupervisedWorker]) -> None:
    pace = StartPace(most=4)
    assert (start(pace, workers), start(pace, workers, later=60)) == ([0, 1, 2, 3], [4])
    assert pace.next_due(workers, time.monotonic()) is None, "nobody is left"


def test_a_start_that_is_due_later_is_waited_for(workers: list[SupervisedWorker]) -> None:
    workers[4].standing.next_start = time.monotonic() + 60
    pace = StartPace(most=9)
    assert start(pace, workers) == [0, 1, 2, 3]
    assert pace.next_due(workers, time.monotonic()) == workers[4].standing.next_start


def test_it_is_over_once_all_run_wait_or_take_long(workers: list[SupervisedWorker]) -> None:
    pace = StartPace(most=5)
    assert pace.is_over(workers, time.monotonic()), "nobody has started"
    start(pace, workers)
    assert not pace.is_over(workers, time.monotonic())
    assert pace.is_over(workers, time.monotonic() + 60)
    for worker in workers[1:]:
        says(worker, Running(writer_pid=200, epoch=1, offset=0))
    assert not pace.is_over(workers, time.monotonic())
    says(workers[0], Waiting("the database is away"))
    assert pace.is_over(workers, time.monotonic())
