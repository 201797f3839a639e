"""PipelineDriver without processes: the answers of `rtpipe status`, one after the other, and what was asked of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from supervisor.demo.until import DriverError
from supervisor.status.facts.partition_status import PartitionStatus


def partition(number: int = 0, *, offset: int | None = 10, end: int | None = 100, **more: Any) -> PartitionStatus:
    """A running partition of topic t: its consumer is process 1000 + number, its writer 2000 + number."""
    facts = {"topic": "t", "partition": number, "state": "running", "offset": offset, "end_offset": end}
    return PartitionStatus.from_json(facts | {"pid": 1000 + number, "writer_pid": 2000 + number} | more)


class FakeProcess:
    """A Popen, or psutil's Process: `code` is what poll() says, None while it runs."""

    def __init__(self, pid: int, code: int | None = None) -> None:
        self.pid, self.code = pid, code
        self.ends_with = 0  #: what poll() says once it was asked to end
        self.done: list[str] = []

    def poll(self) -> int | None:
        return self.code

    def kill(self) -> None:
        self.done.append("kill")
        self.code = -9

    def terminate(self) -> None:
        self.done.append("terminate")
        self.code = self.ends_with

    def wait(self, _seconds: float | None = None) -> int:
        self.done.append("wait")
        assert self.code is not None
        return self.code


class FakeSupervisor:
    """WatchedSupervisor: `answers` are what `running` gives, the last again and again; `lines`, what the log gives."""

    def __init__(self, said: list[str], *answers: list[PartitionStatus]) -> None:
        self.said = said
        self.answers = list(answers)
        self.processes = [FakeProcess(500)]
        self.children = [FakeProcess(1000), FakeProcess(2000)]
        self.lines: Iterator[list[str]] = iter(())
        self.log = Path("/nowhere/supervise.log")
        self.caught_up = True

    @property
    def process(self) -> FakeProcess:
        return self.processes[-1]

    def start(self) -> None:
        self.said.append("supervise")
        self.processes.append(FakeProcess(501))

    def stop(self) -> None:
        self.said.append("stop")

    def running(self) -> list[PartitionStatus]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def partitions(self) -> list[PartitionStatus]:
        return self.answers[0]

    def descendants(self) -> list[Any]:
        return list(self.children)

    def log_lines(self, *_words: str) -> list[str]:
        return next(self.lines, [])

    def wait_caught_up(self) -> None:
        if not self.caught_up:
            raise DriverError("after 180 s still not: lag 0")


class FakeLoad:
    """Load: its producer has sent 40 messages when it is ended."""

    def __init__(self, said: list[str]) -> None:
        self.said = said
        self.process = FakeProcess(600)

    def start(self, *how_much: str) -> None:
        self.said.append(f"produce {' '.join(how_much)}")

    def send(self, count: int) -> int:
        self.said.append(f"send {count}")
        return count

    def finish(self) -> int:
        self.said.append("finish the load")
        return 40

    def stop(self) -> None:
        self.said.append("end the load")


class FakeCommands:
    """RtpipeCommands. `on_command`: output of a command, by its name."""

    def __init__(self, said: list[str]) -> None:
        self.said = said
        self.on_command: dict[str, Callable[[], str]] = {}

    def run(self, *arguments: str, accepted: Iterable[int] = (0,)) -> str:
        assert 0 in set(accepted)
        self.said.append(" ".join(arguments))
        return self.on_command.get(arguments[0], lambda: "")()


class FakePipeline:
    """PipelineDriver; `answers`: what its supervisor's `running` gives. `said`: what was asked of it and its parts."""

    def __init__(self, *answers: list[PartitionStatus]) -> None:
        self.said: list[str] = []
        self.topics = "t"
        self.supervisor = FakeSupervisor(self.said, *answers)
        self.load = FakeLoad(self.said)
        self.commands = FakeCommands(self.said)

    def stop(self) -> None:
        self.said.append("stop")


def verify_answer(rows: int, **differences: int) -> str:
    """What `rtpipe verify --json` prints of one topic."""
    return json.dumps({"ok": not differences, "topics": [{"rows_in_table": rows, "difference_counts": differences}]})
