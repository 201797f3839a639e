"""What demo and chaos do to a pipeline: run `rtpipe` as its users do, and watch, kill and count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from supervisor.demo.load import Load
from supervisor.demo.rtpipe_commands import RtpipeCommands
from supervisor.demo.watched_supervisor import WatchedSupervisor


class PipelineDriver:
    """rtpipe's commands on `topics`, in a directory of their own, with `environment` as their RTPIPE_ variables."""

    def __init__(
        self, directory: Path, topics: Sequence[str], environment: Mapping[str, str], *, supervise: Sequence[str] = ()
    ) -> None:
        """`supervise`: more options for `rtpipe supervise`."""
        self.topics = ",".join(topics)
        self.commands = RtpipeCommands(directory, environment)
        self.load = Load(self.commands, topics)
        self.supervisor = WatchedSupervisor(self.commands, topics, supervise)

    def stop(self) -> None:
        """End what it started: politely, then not."""
        self.load.stop()
        self.supervisor.stop()
