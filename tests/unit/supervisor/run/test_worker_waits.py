"""Reports and deaths are taken from whoever has them, also while workers come, go, and share a file's number."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from rtpipe.errors import ExitCode
from supervisor.run.signal_inbox import SignalInbox
from supervisor.run.worker_waits import WorkerWaits
from tests.support.fakes.fake_worker import SPEC, FakeLauncher, supervised_worker
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Ended, Running, Waiting


class Rig:
    """Three workers that run, and the one wait for all of them."""

    def __init__(self, inbox: SignalInbox) -> None:
        self.launch = FakeLauncher()
        keys = [PartitionKey("orders", number) for number in range(3)]
        self.workers = [supervised_worker(self.launch, dataclasses.replace(SPEC, key=key)) for key in keys]
        for worker in self.workers:
            worker.begin()
            worker.start()
        self.waits, self.inbox = WorkerWaits(), inbox

    def wait(self, seconds: float = 0) -> None:
        self.waits.wait(self.workers, self.inbox, seconds)

    def states(self) -> list[str]:
        return [worker.standing.state.value for worker in self.workers]


@pytest.fixture
def rig() -> Iterator[Rig]:
    with SignalInbox([]) as inbox:
        made = Rig(inbox)
        yield made
        made.waits.close()
        for processes in made.launch.made:
            processes.reap()


def test_a_report_is_taken_and_nothing_else_is_touched(rig: Rig) -> None:
    rig.wait()
    rig.launch.made[1].link.say(Running(writer_pid=200, epoch=1, offset=0))
    rig.wait(5)
    assert rig.states() == ["starting", "running", "starting"]


def test_a_death_is_seen_with_its_last_words_and_the_next_generation_is_waited_for(rig: Rig) -> None:
    rig.launch.made[0].die(75, Ended(ExitCode.TEMPORARY, "E_TEMPORARY", "why"))
    rig.wait(5)
    assert (rig.states()[0], rig.workers[0].standing.reason) == ("backoff", "why")
    rig.workers[0].start()
    rig.launch.last.link.say(Waiting("the database is away"))
    rig.wait(5)
    assert rig.workers[0].generation is not None
    assert rig.workers[0].generation.said.waiting_for == "the database is away"


def test_a_link_that_has_ended_is_not_waited_for_any_more(rig: Rig) -> None:
    rig.launch.made[2].link.say(EOFError())
    rig.wait(5)
    assert rig.launch.made[2].link.closed
    rig.wait()
    assert rig.waits._files.wait(0) == [], "nothing is ready"
    rig.launch.made[2].die(-9)
    rig.wait(5)
    assert rig.states()[2] == "backoff"


def test_the_inbox_ends_the_wait(rig: Rig) -> None:
    rig.inbox.wake()
    rig.wait(60)  # the test's own limit is less
    assert rig.states() == ["starting"] * 3
