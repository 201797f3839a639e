"""kill -9 of every process, while the stream moves: nothing lost, nothing twice, nobody left."""

from __future__ import annotations

import contextlib
import random
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support.faults.fault_run import moves_on, nobody_left
from tests.support.faults.random_kills import twenty_kills
from tests.support.faults.tally import TALLY
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.processes import kill
from tests.support.pipeline.supervision import finish, replaced, running
from tests.support.stack.start_helpers import helpers, kill_helpers
from tests.support.waits import eventually

if TYPE_CHECKING:
    from infra.stack.state import Addresses


@pytest.mark.parametrize(
    "spot",
    [
        pytest.param("consumer:after_poll", marks=pytest.mark.faults),
        pytest.param("consumer:after_put", marks=pytest.mark.faults),
        pytest.param("writer:begin", marks=pytest.mark.faults),
        pytest.param("writer:cas_done", marks=pytest.mark.faults),
        pytest.param("writer:mid_insert", marks=pytest.mark.faults),
        pytest.param("writer:before_commit", marks=pytest.mark.faults),
        "writer:after_commit",
    ],
)
def test_killed_at_a_named_spot(database: Addresses, tmp_path: Path, spot: str) -> None:
    """F1, F3: kill -9 at each spot on a batch's way, of consumer and writer; both are replaced, with a new queue."""
    with running_pipeline(database, tmp_path, partitions=1, journal=True) as pipeline:
        pipeline.produce(20_000)
        supervisor = pipeline.supervise(env={"RTPIPE_KILL_POINT": spot})
        eventually(lambda: pipeline.events("worker_died"), within=60, what="the armed worker died")
        TALLY.hit()
        assert finish(pipeline, supervisor) == 20_000


def test_killed_worker_comes_back_and_the_others_go_on(stack: Addresses, tmp_path: Path) -> None:
    """F1, F3: its partition goes on within a second or so, the others never stop."""
    with running_pipeline(stack, tmp_path) as pipeline:
        supervisor = pipeline.supervise()
        with pipeline.stream():
            for name in ("pid", "writer_pid"):
                victim = eventually(lambda: running(pipeline), within=60)[0]
                kill(victim[name])
                eventually(partial(replaced, pipeline, victim["pid"]), within=60)
                moves_on(pipeline)
            eventually(lambda: [p["restarts"] for p in running(pipeline)] == [2, 0, 0], what="one was restarted twice")
        finish(pipeline, supervisor)


def test_killed_supervisor_leaves_nobody_and_goes_on(stack: Addresses, tmp_path: Path) -> None:
    """F6: all its processes end by themselves, and the next one goes on."""
    with running_pipeline(stack, tmp_path) as pipeline:
        supervisor = pipeline.supervise()
        with pipeline.stream():
            eventually(lambda: running(pipeline), within=60)
            moves_on(pipeline)
            kill(supervisor.pid)
            supervisor.wait()
            nobody_left(pipeline)
            supervisor = pipeline.supervise()
            moves_on(pipeline, "supervisor killed, another started")
        finish(pipeline, supervisor)


def test_killed_forkserver_stops_no_partition(stack: Addresses, tmp_path: Path) -> None:
    """F41: the workers go on, and a killed one is replaced by a new forkserver's."""
    with running_pipeline(stack, tmp_path) as pipeline:
        supervisor = pipeline.supervise()
        with pipeline.stream():
            before = eventually(lambda: running(pipeline), within=60)
            kill_helpers(supervisor.pid)
            moves_on(pipeline)
            after = eventually(lambda: running(pipeline), within=60)
            assert [p["pid"] for p in after] == [p["pid"] for p in before]
            kill(after[0]["pid"])
            eventually(partial(replaced, pipeline, after[0]["pid"]), within=60)
        finish(pipeline, supervisor)


@pytest.mark.faults
def test_killed_forkserver_and_workers_at_once(stack: Addresses, tmp_path: Path) -> None:
    """F41: workers start while their forkserver dies: tried again with a new one, and the supervisor goes on."""
    with running_pipeline(stack, tmp_path) as pipeline:
        supervisor = pipeline.supervise()
        with pipeline.stream():
            for _ in range(5):
                for partition in eventually(lambda: running(pipeline), within=60):
                    kill(partition["pid"])
                for _ in range(3):
                    kill_helpers(supervisor.pid)
            moves_on(pipeline)
        finish(pipeline, supervisor)


@pytest.mark.faults
def test_a_frozen_forkserver_is_replaced(stack: Addresses, tmp_path: Path) -> None:
    """F41: a worker that it should start does not come: it is killed after a while, and another starts the worker."""
    with running_pipeline(stack, tmp_path) as pipeline:
        supervisor = pipeline.supervise()
        with pipeline.stream():
            before = eventually(lambda: running(pipeline), within=60)
            frozen = helpers(supervisor.pid)
            for helper in frozen:
                helper.suspend()
            kill(before[0]["pid"])
            eventually(partial(replaced, pipeline, before[0]["pid"]), within=120)
            assert any(not helper.is_running() for helper in frozen)
            TALLY.hit()
        for helper in frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                helper.resume()
        finish(pipeline, supervisor)


@pytest.mark.faults
def test_twenty_random_kills(database: Addresses, tmp_path: Path) -> None:
    """F40: of workers, writers, supervisor and forkserver, from a seed."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with running_pipeline(database, tmp_path, topics=2, journal=True) as pipeline:
        with pipeline.stream(1_000):
            supervisor = twenty_kills(pipeline, chance)
        finish(pipeline, supervisor)
