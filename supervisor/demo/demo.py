"""`rtpipe demo`: the whole story on the embedded stack, with real kills, proven row by row at the end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.text import Text

from avro_schemas.files.datasets import DEFAULT_FILE
from infra.stack import embedded_stack
from infra.stack.layout import load_layout
from infra.stack.state import user_directory
from rtpipe.errors import ExitCode
from supervisor.demo.demo_view import Outcome, print_next_steps, print_outcome
from supervisor.demo.pipeline_driver import DriverError, PipelineDriver, until
from supervisor.status.partition_status import PartitionStatus

TOPICS = ("dataset1", "dataset2", "dataset3")
#: While faults happen the stream is slow enough to last this long; what is left of it follows at full speed.
_STREAM_SECONDS = 150


def default_directory() -> Path:
    """A directory of the demo's own."""
    return user_directory("XDG_DATA_HOME", ".local/share") / "demo"


def demo(directory: Path, messages: int, *, keep: bool, console: Console) -> ExitCode:
    """Tell the story; DONE only if every message is in its table exactly once, with equal values."""
    story = _Story(directory.absolute(), messages, console)
    try:
        outcome = story.run()
    except DriverError as exc:
        exc.hint = exc.hint or f"the logs are in {story.directory}"
        raise
    finally:
        story.end(keep=keep)
    print_outcome(console, outcome)
    print_next_steps(console, story.pipeline, directory=story.directory, topics=TOPICS, keep=keep)
    return ExitCode.DONE if outcome.proven else ExitCode.DIFFERENT


class _Story:
    """One demo from beginning to end."""

    def __init__(self, directory: Path, messages: int, console: Console) -> None:
        self.directory = directory
        self._messages = messages
        self._each = max(1, messages // len(TOPICS))
        self._console = console
        self._pipeline: PipelineDriver | None = None
        self._step = 0
        self._database_url = ""

    @property
    def pipeline(self) -> PipelineDriver:
        """DriverError before the stack is up."""
        if self._pipeline is None:
            raise DriverError("the stack is not up")
        return self._pipeline

    def run(self) -> Outcome:
        """All steps; what came out."""
        with self._telling("a real Kafka, schema registry and MariaDB", spinner=False) as say:
            self._fresh_stack()
            say("up: " + ", ".join(s.name for s in embedded_stack.status(self.directory / "stack").services))
        with self._telling("subjects, topics, tables") as say:
            self.pipeline.run("infra", "create", "--schemas", str(self.directory / DEFAULT_FILE.name))
            say(f"{', '.join(TOPICS)}: an Avro subject, a topic with 3 partitions and a table each")
        began = time.monotonic()
        with self._telling("produce and supervise") as say:
            self._start()
            say("messages flow; 9 partitions, a consumer and a writer process each")
        self._kill_one("worker", 0, lambda p: p.pid)
        self._kill_one("writer", 4, lambda p: p.writer_pid)
        self._backpressure("dataset3", 2)
        self._kill_supervisor()
        with self._telling("the other messages at full speed, catch up") as say:
            sent = self._send_the_rest()
            self.pipeline.wait_caught_up()
            seconds = time.monotonic() - began
            say(f"every offset in kafka_offsets is at its topic's end, {seconds:.0f} s after the first message")
        with self._telling("verify --values: every message against every row") as say:
            report = self._verify()
            say("equal" if report["ok"] else "NOT equal")
        return self._outcome(report, sent, seconds)

    @contextmanager
    def _telling(self, what: str, *, spinner: bool = True) -> Iterator[Callable[[str], None]]:
        """One numbered line for each step, with its result and time; a spinner meanwhile, unless it has its own."""
        self._step += 1
        began = time.monotonic()
        results: list[str] = []
        with self._console.status(f"{what} …") if spinner and self._console.is_terminal else _nothing():
            yield results.append
        head = Text.assemble(
            (f"{self._step:>2}  ", "bold cyan"), (what, "bold"), (f"  {time.monotonic() - began:.1f} s", "dim")
        )
        self._console.print(head)
        for line in results:
            self._console.print(Text(f"    {line}", style="yellow" if " WARN " in line else ""), soft_wrap=True)

    def _fresh_stack(self) -> None:
        if load_layout(self.directory / "stack") is not None:
            embedded_stack.down(self.directory / "stack", purge=True, console=Console(quiet=True))
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left_over in ("supervise.log", "produce.log"):
            (self.directory / left_over).unlink(missing_ok=True)
        shutil.copy(DEFAULT_FILE, self.directory / DEFAULT_FILE.name)
        # Small batches, so that the queue of one partition fills within seconds at the demo's modest rate.
        (self.directory / "rtpipe.toml").write_text(
            f"[defaults]\nbatch_rows = {min(200, max(1, self._each // 500))}\nqueue_batches = 2\n"
        )
        addresses = embedded_stack.up(self.directory / "stack", console=Console(stderr=True))
        self._database_url = addresses.database_url
        self._pipeline = PipelineDriver(self.directory, TOPICS, {"RTPIPE_STACK_DIR": str(self.directory / "stack")})

    def _start(self) -> None:
        self.pipeline.supervise()
        rate = max(1, self._each * len(TOPICS) // _STREAM_SECONDS)
        self.pipeline.produce("--count", str(self._each), "--rate", str(rate))
        until(self.pipeline.running, "all partitions run")
        self._moving()

    def _moving(self) -> list[PartitionStatus]:
        """The partitions, seen to move: offsets grow, messages are still to come."""
        before = until(self.pipeline.running, "all partitions run")

        def moved() -> list[PartitionStatus]:
            now = self.pipeline.running()
            return now if _committed(now) > _committed(before) else []

        return until(moved, "offsets move")

    def _in_midstream(self, first: int) -> PartitionStatus:
        """A partition, from the `first` on if possible, of whose messages some are rows and some still wait."""

        def flowing() -> PartitionStatus | None:
            now = self.pipeline.running()
            return next((p for p in now[first:] + now[:first] if (p.offset or 0) > 0 and (p.lag or 0) > 0), None)

        return until(flowing, "rows flow, and messages wait")

    def _kill_one(self, what: str, first: int, pid_of: Callable[[PartitionStatus], int | None]) -> None:
        with self._telling(f"kill -9 a {what} in mid-stream") as say:
            self._require_stream()
            self._moving()
            victim = self._in_midstream(first)
            began = time.monotonic()
            pid = pid_of(victim)
            if pid is None:
                raise DriverError(f"status names no {what} of {victim.key}")
            os.kill(pid, signal.SIGKILL)
            others = {p.key: p.pid for p in self.pipeline.partitions() if p.key != victim.key}
            until(lambda: self._replaced(victim), f"{victim.key} runs again")
            seconds = time.monotonic() - began
            kept = sum(others.get(p.key) == p.pid for p in self.pipeline.partitions())
            say(f"{victim.key}: pid {pid} killed at offset {victim.offset or 0:,}, lag {victim.lag or 0:,}")
            say(f"running again {seconds:.1f} s later; the other {kept} partitions never stopped")

    def _replaced(self, victim: PartitionStatus) -> bool:
        return any(p.key == victim.key and p.pid != victim.pid for p in self.pipeline.running())

    def _require_stream(self) -> None:
        if self.pipeline.producer.poll() is not None:
            raise DriverError(
                "the producer was done before the last fault", hint="give it more: rtpipe demo --messages N"
            )

    def _backpressure(self, topic: str, partition: int) -> None:
        with self._telling("backpressure: a stranger locks one partition's row in the database") as say:
            self._require_stream()
            where = f"topic={topic} partition={partition}"
            activated, resolved = ("Backpressure activated", where), ("Backpressure has been resolved", where)
            with self.pipeline.lock_on(self._database_url, topic, partition):
                before = len(self.pipeline.log_lines(*activated))
                say(until(lambda: self.pipeline.log_lines(*activated)[before:], "backpressure")[0])
                count = len(self.pipeline.log_lines(*resolved))
            say(until(lambda: self.pipeline.log_lines(*resolved)[count:], "backpressure is resolved")[0])

    def _kill_supervisor(self) -> None:
        with self._telling("kill -9 the supervisor itself, start it again") as say:
            self._require_stream()
            self._moving()
            children = self.pipeline.descendants()
            supervisor = self.pipeline.supervisor
            began = time.monotonic()
            supervisor.kill()
            supervisor.wait()
            _, left = psutil.wait_procs(children, timeout=10)
            if left:
                raise DriverError(f"orphans: {', '.join(str(p.pid) for p in left)}")
            gone = time.monotonic() - began
            self.pipeline.supervise()
            until(self.pipeline.running, "all partitions run")
            self._moving()
            say(f"all {len(children)} processes of pid {supervisor.pid} gone after {gone:.1f} s, no orphan")
            say(f"started again, every partition moves {time.monotonic() - began:.1f} s after the kill")

    def _send_the_rest(self) -> int:
        """All faults have hit: end the slow stream, send what is missing; how many messages there are in all."""
        sent = self.pipeline.stop_producing()
        return sent + self.pipeline.produce_more(max(0, self._messages - sent))

    def _verify(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(
            self.pipeline.run("verify", "--topics", ",".join(TOPICS), "--values", "--json", accepted=(0, 3))
        )
        return answer

    def _outcome(self, report: dict[str, Any], sent: int, seconds: float) -> Outcome:
        rows = sum(topic["rows_in_table"] for topic in report["topics"])
        different = sum(sum(topic["difference_counts"].values()) for topic in report["topics"])
        return Outcome(
            messages=sent,
            rows=rows,
            lost_or_doubled=different,
            restarts=len(self.pipeline.log_lines("E_WORKER_DIED")),
            seconds=seconds,
            proven=bool(report["ok"]) and rows == sent,
        )

    def end(self, *, keep: bool) -> None:
        """Stop what was started, unless it is to be kept; the data stays."""
        if self._pipeline is not None and not keep:
            self._pipeline.stop()
            embedded_stack.down(self.directory / "stack", console=Console(quiet=True))


def _committed(partitions: list[PartitionStatus]) -> int:
    return sum(p.offset or 0 for p in partitions)


@contextmanager
def _nothing() -> Iterator[None]:
    yield
