"""What demo and chaos do to a pipeline: run `rtpipe` as its users do, read status and log, kill, lock, count."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

from rtpipe.errors import ExitCode, RtpipeError
from rtpipe.pause import PausePolicy
from supervisor.control_socket import ask_all, runtime_directory
from supervisor.status.status_facts import PartitionStatus, PipelineStatus

_T = TypeVar("_T")
_LOOKS = PausePolicy.steady(0.1)


class DriverError(RtpipeError):
    """A step of demo or chaos did not come out as it should: what exactly, is the finding."""

    name = "E_DEMO"
    exit_code = ExitCode.FAILED


class PipelineDriver:
    """rtpipe's commands on `topics`, in a directory of their own, with `environment` as their RTPIPE_ variables."""

    def __init__(self, directory: Path, topics: Sequence[str], environment: Mapping[str, str]) -> None:
        self.directory = directory
        self.topics = ",".join(topics)
        self.log = directory / "supervise.log"
        self._produced = directory / "produce.log"
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._producer: subprocess.Popen[bytes] | None = None
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("RTPIPE_")} | {
            **environment,
            "RTPIPE_RUNTIME_DIR": str(directory / "run"),
            "RTPIPE_CONFIG": str(directory / "rtpipe.toml"),
        }

    @property
    def supervisor(self) -> subprocess.Popen[bytes]:
        """The one that was started last."""
        return _started(self._supervisor, "supervisor")

    @property
    def producer(self) -> subprocess.Popen[bytes]:
        """The one that was started last."""
        return _started(self._producer, "producer")

    def run(self, *arguments: str, accepted: tuple[int, ...] = (0,)) -> str:
        """A command to its end; its output. DriverError with what it said if its exit code is none of `accepted`."""
        done = subprocess.run(
            self._command(arguments),
            check=False,
            cwd=self.directory,
            env=self._environment,
            capture_output=True,
            text=True,
        )
        if done.returncode not in accepted:
            raise DriverError(
                f"rtpipe {arguments[0]} ended with exit code {done.returncode}: {_tail(done.stderr + done.stdout)}"
            )
        return done.stdout

    def supervise(self) -> None:
        """Start the supervisor; its log goes to a file."""
        self._supervisor = self._start(self.log, "supervise", "--topics", self.topics, "--log-format", "text")

    def produce(self, *how_much: str) -> None:
        """Start the producer with these options."""
        self._produced.unlink(missing_ok=True)
        self._producer = self._start(self._produced, *self._produce_command(*how_much))

    def produce_more(self, count: int) -> int:
        """`count` messages over all topics, as fast as it goes; returns `count`."""
        topics = self.topics.split(",")
        for names, each in ((topics, count // len(topics)), (topics[:1], count % len(topics))):
            if each:
                self.run(*self._produce_command("--count", str(each), topics=",".join(names)))
        return count

    def stop_producing(self) -> int:
        """End the producer as Ctrl-C would; how many messages it sent."""
        if self.producer.poll() is None:
            self.producer.terminate()
        code, output = self.producer.wait(), self._produced.read_text()
        if code and not (code == -signal.SIGTERM and '"sent"' in output):  # the signal may come after its last word
            raise DriverError(f"the producer ended with exit code {code}: {_tail(output)}")
        return _sent(output)

    def _produce_command(self, *how_much: str, topics: str = "") -> tuple[str, ...]:
        schemas = str(self.directory / "schema_avro.json")
        return ("produce", "--topics", topics or self.topics, "--schemas", schemas, "--json", *how_much)

    def _start(self, log: Path, *arguments: str) -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            return subprocess.Popen(
                self._command(arguments),
                cwd=self.directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    @staticmethod
    def _command(arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "rtpipe", *arguments]

    def partitions(self) -> list[PartitionStatus]:
        """All partitions as `rtpipe status` shows them; empty while no supervisor answers."""
        replies = ask_all(runtime_directory(self.directory / "run"), "status")
        return [partition for reply in replies for partition in PipelineStatus.from_json(reply).partitions]

    def running(self) -> list[PartitionStatus]:
        """All partitions if each of them runs, else none."""
        found = self.partitions()
        return found if found and all(p.state == "running" and p.writer_pid for p in found) else []

    def wait_caught_up(self) -> None:
        """Until the running supervisor shows no lag."""
        until(lambda: (now := self.running()) and not sum(p.lag or 0 for p in now), "lag 0")

    def log_lines(self, *words: str) -> list[str]:
        """Lines of the supervisor's and workers' log that hold all these words."""
        with suppress(FileNotFoundError):
            return [line for line in self.log.read_text().splitlines() if all(word in line for word in words)]
        return []

    def descendants(self) -> list[psutil.Process]:
        """The supervisor's processes: forkserver, consumers, writers."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.supervisor.pid).children(recursive=True)
        return []

    def stop(self) -> None:
        """End what this demo started: politely, then not."""
        for process in (self._producer, self._supervisor):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


def _started(process: subprocess.Popen[bytes] | None, what: str) -> subprocess.Popen[bytes]:
    if process is None:
        raise DriverError(f"no {what} was started")
    return process


def until(check: Callable[[], _T | None], what: str, seconds: float = 180) -> _T:
    """Ask until the answer is true. DriverError says what did not happen."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        if time.monotonic() > deadline:
            raise DriverError(f"after {seconds:.0f} s still not: {what}")
        time.sleep(_LOOKS.seconds())
    return answer


def _sent(output: str) -> int:
    """Messages sent, by the JSON that ends what `rtpipe produce --json` printed."""
    return int(json.loads(output[output.index("{") :])["sent"])


def _tail(text: str) -> str:
    return " | ".join(text.strip().splitlines()[-3:])
