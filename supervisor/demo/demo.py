"""`rtpipe demo`: the whole story on the embedded stack, with real kills, proven row by row at the end."""

from __future__ import annotations

import json
import shutil
import socket
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from avro_schemas.files.datasets import DEFAULT_FILE
from infra.stack import embedded_stack
from infra.stack.layout import load_layout
from infra.stack.state import user_directory
from rtpipe.errors import ExitCode
from supervisor.demo.demo_faults import DemoFaults
from supervisor.demo.demo_view import Outcome, print_next_steps, print_outcome
from supervisor.demo.pipeline_driver import PipelineDriver
from supervisor.demo.steps import Steps
from supervisor.demo.until import DriverError, until
from supervisor.page.page_options import missing_packages

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


def free_address() -> str:
    """A port of the loopback interface at which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


class _Story:
    """One demo from beginning to end."""

    def __init__(self, directory: Path, messages: int, console: Console) -> None:
        self.directory = directory
        self._messages = messages
        self._each = max(1, messages // len(TOPICS))
        self._steps = Steps(console)
        self._pipeline: PipelineDriver | None = None
        self._database_url = ""
        self._page = ""  # where it is, if its packages are installed

    @property
    def pipeline(self) -> PipelineDriver:
        """DriverError before the stack is up."""
        if self._pipeline is None:
            raise DriverError("the stack is not up")
        return self._pipeline

    def run(self) -> Outcome:
        """All steps; what came out."""
        with self._steps.step("a real Kafka, schema registry and MariaDB", spinner=False) as say:
            self._fresh_stack()
            say("up: " + ", ".join(s.name for s in embedded_stack.status(self.directory / "stack").services))
        with self._steps.step("subjects, topics, tables") as say:
            self.pipeline.commands.run("infra", "create", "--schemas", str(self.directory / DEFAULT_FILE.name))
            say(f"{', '.join(TOPICS)}: an Avro subject, a topic with 3 partitions and a table each")
        began = time.monotonic()
        faults = DemoFaults(self.pipeline, self._database_url, self._steps)
        with self._steps.step("produce and supervise") as say:
            self._start()
            faults.wait_moving()
            watch = f"; watch it at http://{self._page}" if self._page else ""
            say(f"messages flow; 9 partitions, a consumer and a writer process each{watch}")
        faults.kill_one("worker", 0, lambda p: p.pid)
        faults.kill_one("writer", 4, lambda p: p.writer_pid)
        faults.backpressure("dataset3", 2)
        faults.kill_supervisor()
        with self._steps.step("the other messages at full speed, catch up") as say:
            sent = self._send_the_rest()
            self.pipeline.supervisor.wait_caught_up()
            seconds = time.monotonic() - began
            say(f"every offset in kafka_offsets is at its topic's end, {seconds:.0f} s after the first message")
        with self._steps.step("verify --values: every message against every row") as say:
            report = self._verify()
            say("equal" if report["ok"] else "NOT equal")
        return self._outcome(report, sent, seconds)

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
        environment = {"RTPIPE_STACK_DIR": str(self.directory / "stack")}
        if missing_packages():
            self._pipeline = PipelineDriver(self.directory, TOPICS, environment)
            return
        self._page = free_address()
        environment["RTPIPE_PAGE_ADDRESS"] = self._page
        self._pipeline = PipelineDriver(self.directory, TOPICS, environment, supervise=["--page"])

    def _start(self) -> None:
        self.pipeline.supervisor.start()
        rate = max(1, self._each * len(TOPICS) // _STREAM_SECONDS)
        self.pipeline.load.start("--count", str(self._each), "--rate", str(rate))
        until(self.pipeline.supervisor.running, "all partitions run")

    def _send_the_rest(self) -> int:
        """All faults have hit: end the slow stream, send what is missing; how many messages there are in all."""
        sent = self.pipeline.load.finish()
        return sent + self.pipeline.load.send(max(0, self._messages - sent))

    def _verify(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(
            self.pipeline.commands.run("verify", "--topics", ",".join(TOPICS), "--values", "--json", accepted=(0, 3))
        )
        return answer

    def _outcome(self, report: dict[str, Any], sent: int, seconds: float) -> Outcome:
        rows = sum(topic["rows_in_table"] for topic in report["topics"])
        different = sum(sum(topic["difference_counts"].values()) for topic in report["topics"])
        return Outcome(
            messages=sent,
            rows=rows,
            lost_or_doubled=different,
            restarts=len(self.pipeline.supervisor.log_lines("E_WORKER_DIED")),
            seconds=seconds,
            proven=bool(report["ok"]) and rows == sent,
        )

    def end(self, *, keep: bool) -> None:
        """Stop what was started, unless it is to be kept; the data stays."""
        if self._pipeline is not None and not keep:
            self._pipeline.stop()
            embedded_stack.down(self.directory / "stack", console=Console(quiet=True))
