"""A supervisor of a pipeline: until all is caught up, for a block, or to its end; what it says of its partitions."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Any

from tests.support.faults.fault_run import nobody_left
from tests.support.pipeline.pipeline import Pipeline
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


def supervised(pipeline: Pipeline, *arguments: str, env: dict[str, str] | None = None, within: float = 60) -> int:
    """Exit code of a run until all is caught up."""
    return pipeline.supervise("--until-caught-up", *arguments, env=env).wait(within)


def messages_of(pipeline: Pipeline, event: str) -> dict[str, str]:
    """Partition -> what the log said of it."""
    return {entry["partition"]: entry["msg"] for entry in pipeline.events(event)}


def running(pipeline: Pipeline) -> list[dict[str, Any]]:
    """The partitions once all of them run, else nothing."""
    partitions = pipeline.status()
    return partitions if partitions and all(p["state"] == "running" for p in partitions) else []


def replaced(pipeline: Pipeline, pid: int) -> bool:
    """All partitions run, the first one in another process than `pid`."""
    partitions = running(pipeline)
    return bool(partitions) and partitions[0]["pid"] != pid


def finish(pipeline: Pipeline, supervisor: Any) -> int:
    """Catch up, drain, and hold everything against the source."""
    pipeline.wait_caught_up()
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(60) == 0
    nobody_left(pipeline)
    return pipeline.assert_exact()


@contextlib.contextmanager
def supervising(pipeline: Pipeline) -> Iterator[Any]:
    """All partitions run in the block; after it the supervisor drains without trouble."""
    supervisor = pipeline.supervise()
    eventually(lambda: running(pipeline), within=60, what="all partitions run")
    yield supervisor
    supervisor.terminate()
    assert supervisor.wait(60) == 0, pipeline.log.read_text()[-3000:]
