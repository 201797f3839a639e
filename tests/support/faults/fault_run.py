"""What fault tests share: a pipeline whose writers reach the database through our proxy, while a stream moves."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
import time
from typing import TYPE_CHECKING, Any

import psutil

from tests.support.faults.database_proxy import DatabaseProxy, Fault, database_proxy
from tests.support.faults.tally import TALLY
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.waits import eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from infra.stack.state import Addresses

#: Lock waits of 2 s and a read timeout of 4 s instead of 10 and 20; other looks more often.
QUICK = {"RTPIPE_DATABASE_SECONDS": "4", "RTPIPE_HEARTBEAT_SECONDS": "20", "RTPIPE_TOPIC_CHECK_SECONDS": "1"}


@dataclasses.dataclass
class FaultRun:
    """One supervised pipeline behind a proxy."""

    pipeline: Pipeline
    proxy: DatabaseProxy
    supervisor: subprocess.Popen[bytes]

    @property
    def topic(self) -> str:
        return self.pipeline.topics[0]

    def events(self, event: str) -> list[dict[str, Any]]:
        return self.pipeline.events(event)

    @contextlib.contextmanager
    def moving(self, rate: int = 1_000) -> Iterator[None]:
        """Messages come all the time, and at the beginning and the end of the block they reach the table."""
        with self.pipeline.stream(rate):
            all_run(self.pipeline)
            self.moves_on()
            yield
            self.moves_on()

    def wait_hit(self, fault: Fault, times: int = 1) -> None:
        eventually(lambda: fault.hits >= times, within=60, what=f"{fault.do} hits {fault.statement} {times} times")

    def wait_event(self, event: str, count: int = 1, within: float = 60) -> list[dict[str, Any]]:
        return eventually(
            lambda: found if len(found := self.events(event)) >= count else [],
            within=within,
            what=f"{count} x {event} in the log",
        )

    def committed(self) -> int:
        return committed(self.pipeline)

    def moves_on(self, what: str = "") -> None:
        moves_on(self.pipeline, what)

    def finish(self) -> int:
        """Catch up, drain, hold everything against the source."""
        self.pipeline.wait_caught_up()
        return self.stop()

    def stop(self) -> int:
        self.supervisor.send_signal(signal.SIGTERM)
        assert self.supervisor.wait(60) == 0, self.pipeline.log.read_text()[-2000:]
        nobody_left(self.pipeline)
        return self.pipeline.assert_exact()

    def no_death(self) -> None:
        """No process died: whatever happened was mended inside, or by a clean leave that counts as no crash."""
        assert not self.events("worker_died"), self.events("worker_died")


def committed(pipeline: Pipeline) -> int:
    return sum(sum(pipeline.offsets(topic).values()) for topic in pipeline.topics)


def moves_on(pipeline: Pipeline, what: str = "") -> None:
    """Wait until more is committed than now; with `what`, the end of a fault, count how long that took."""
    before, started = committed(pipeline), time.monotonic()
    eventually(lambda: committed(pipeline) > before, within=60, what="offsets move")
    if what:
        TALLY.recoveries.append(time.monotonic() - started)
        print(f"{what}: next commit after {TALLY.recoveries[-1]:.2f} s")


def nobody_left(pipeline: Pipeline) -> None:
    eventually(lambda: not pipeline.processes(), what="no process left")


def generations(pipeline: Pipeline) -> dict[str, tuple[int, int]]:
    """Partition -> pid of consumer and of writer, of the last generation that ran; cheaper than `rtpipe status`."""
    found = {}
    for entry in pipeline.events("worker_claimed"):
        pids = re.search(r"pid (\d+), writer (\d+)", entry["msg"])
        assert pids
        found[entry["partition"]] = (int(pids[1]), int(pids[2]))
    return found


def all_run(pipeline: Pipeline, besides: dict[str, tuple[int, int]] | None = None) -> dict[str, tuple[int, int]]:
    """Wait until every partition has a generation whose processes live and are not those in `besides`."""

    def found() -> dict[str, tuple[int, int]]:
        now = generations(pipeline)
        old = besides or {}
        fresh = len(now) == len(pipeline.topics) * pipeline.partitions and all(now[key] != old.get(key) for key in now)
        return now if fresh and all(psutil.pid_exists(pid) for pids in now.values() for pid in pids) else {}

    return eventually(found, within=60, what="all partitions run")


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """SIGSTOP, and SIGCONT in the end."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


#: The first writers send statement by statement, so that a test can come between them: no kill point has this name.
APART = {"RTPIPE_KILL_POINT": "nowhere"}


@contextlib.contextmanager
def fault_run(
    database: Addresses,
    directory: Path,
    *,
    partitions: int = 2,
    env: dict[str, str] | None = None,
    prepare: Callable[[Pipeline], str] | None = None,
    **more: Any,
) -> Iterator[FaultRun]:
    """A supervised pipeline on `database`, reached through a proxy.

    `prepare` may return the URL of an account of its own.
    """
    with running_pipeline(database, directory, partitions=partitions, **more) as pipeline:
        url = prepare(pipeline) if prepare else database.database_url
        with database_proxy(url) as proxy:
            pipeline.addresses = dataclasses.replace(database, database_url=proxy.url)
            yield FaultRun(pipeline, proxy, pipeline.supervise(env=QUICK | (env or {})))
