"""Kills by the hundred: the supervisor keeps nothing of those who died."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support.faults.fault_run import all_run, fault_run
from tests.support.pipeline.pipeline import Pipeline
from tests.support.pipeline.processes import kill
from tests.support.waits import eventually

if TYPE_CHECKING:
    from infra.stack.state import Addresses

pytestmark = pytest.mark.faults


def test_five_hundred_kills_leave_nothing_behind(stack: Addresses, tmp_path: Path) -> None:
    """F16: file descriptors, threads, children and memory of the supervisor stay what they were."""
    with fault_run(stack, tmp_path, partitions=10) as run:
        with run.moving(4_000):
            supervisor = psutil.Process(run.supervisor.pid)
            facts = []
            for number in range(50):
                before = all_run(run.pipeline)
                offsets = run.pipeline.offsets(run.topic)
                eventually(partial(all_moved, run.pipeline, offsets), within=60, what="every generation commits")
                for consumer, writer in before.values():
                    kill(writer if number % 2 else consumer)
                all_run(run.pipeline, besides=before)
                facts.append((supervisor.num_fds(), supervisor.num_threads(), zombies(supervisor)))
                memory = supervisor.memory_info().rss
                if number == 4:
                    settled = memory
            print(f"fds, threads, zombies: {facts[0]} ... {facts[-1]}; memory {settled:,} ... {memory:,}")
        assert run.finish() > 0
        assert len(run.events("worker_died")) == 500
        assert all(abs(facts[-1][place] - facts[4][place]) <= 2 for place in range(3)), facts
        assert memory < settled * 1.05


def all_moved(pipeline: Pipeline, before: dict[int, int]) -> bool:
    now = pipeline.offsets(pipeline.topics[0])
    return all(now[partition] > offset for partition, offset in before.items())


def zombies(process: psutil.Process) -> int:
    return sum(child.status() == psutil.STATUS_ZOMBIE for child in process.children())
