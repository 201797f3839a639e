"""The messages of demo and chaos: a producer that runs beside, and what is still missing when it has ended."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Sequence

from supervisor.demo.rtpipe_commands import BackgroundCommand, RtpipeCommands, tail
from supervisor.demo.until import DriverError


class Load:
    """`rtpipe produce` to `topics`."""

    def __init__(self, commands: RtpipeCommands, topics: Sequence[str]) -> None:
        self._commands = commands
        self._topics = topics
        self._producer = BackgroundCommand(commands, "producer", commands.directory / "produce.log")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The producer that was started last."""
        return self._producer.process

    def start(self, *how_much: str) -> None:
        """Start the producer with these options."""
        self._producer.log.unlink(missing_ok=True)
        self._producer.start(*self._command(self._topics, *how_much))

    def send(self, count: int) -> int:
        """`count` messages over all topics, as fast as it goes; returns `count`."""
        topics = self._topics
        for names, each in ((topics, count // len(topics)), (topics[:1], count % len(topics))):
            if each:
                self._commands.run(*self._command(names, "--count", str(each)))
        return count

    def finish(self) -> int:
        """End the producer as Ctrl-C would; how many messages it sent."""
        if self.process.poll() is None:
            self.process.terminate()
        code, output = self.process.wait(), self._producer.log.read_text()
        if code and not (code == -signal.SIGTERM and '"sent"' in output):  # the signal may come after its last word
            raise DriverError(f"the producer ended with exit code {code}: {tail(output)}")
        return _sent(output)

    def stop(self) -> None:
        """End the producer, however far it is."""
        self._producer.stop()

    def _command(self, topics: Sequence[str], *how_much: str) -> tuple[str, ...]:
        schemas = str(self._commands.directory / "schema_avro.json")
        return ("produce", "--topics", ",".join(topics), "--schemas", schemas, "--json", *how_much)


def _sent(output: str) -> int:
    """Messages sent, by the JSON that ends what `rtpipe produce --json` printed."""
    return int(json.loads(output[output.index("{") :])["sent"])
