"""The supervisor of demo and chaos, as a person sees it: by `rtpipe status`, by its log, by its processes."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from supervisor.control.control_socket import ask_all, runtime_directory
from supervisor.demo.rtpipe_commands import BackgroundCommand, RtpipeCommands
from supervisor.demo.until import until
from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.pipeline_status import PipelineStatus


class WatchedSupervisor:
    """`rtpipe supervise` of `topics`; a new one goes on where the last one ended."""

    def __init__(self, commands: RtpipeCommands, topics: Sequence[str], options: Sequence[str] = ()) -> None:
        """`options` are added to each start."""
        self._options = options
        self._listens_in = commands.runtime_directory
        self._topics = ",".join(topics)
        self._supervisor = BackgroundCommand(commands, "supervisor", commands.directory / "supervise.log")

    @property
    def log(self) -> Path:
        """What supervisor and workers said."""
        return self._supervisor.log

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The one that was started last."""
        return self._supervisor.process

    def start(self) -> None:
        """Start one; its log goes to a file."""
        self._supervisor.start("supervise", "--topics", self._topics, "--log-format", "text", *self._options)

    def stop(self) -> None:
        """End it: politely, then not."""
        self._supervisor.stop()

    def partitions(self) -> list[PartitionStatus]:
        """All partitions as `rtpipe status` shows them; empty while no supervisor answers."""
        replies = ask_all(runtime_directory(self._listens_in), "status")
        return [partition for reply in replies for partition in PipelineStatus.from_json(reply).partitions]

    def running(self) -> list[PartitionStatus]:
        """All partitions if each of them runs, else none."""
        found = self.partitions()
        return found if found and all(p.state == "running" and p.writer_pid for p in found) else []

    def wait_caught_up(self) -> None:
        """Until it shows no lag."""
        until(lambda: (now := self.running()) and not sum(p.lag or 0 for p in now), "lag 0")

    def log_lines(self, *words: str) -> list[str]:
        """Lines of the log that hold all these words."""
        with suppress(FileNotFoundError):
            return [line for line in self.log.read_text().splitlines() if all(word in line for word in words)]
        return []

    def descendants(self) -> list[psutil.Process]:
        """Its processes: forkserver, consumers, writers."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []
