"""`rtpipe` as its users run it: a command to its end, or one that runs beside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from supervisor.demo.until import DriverError


class RtpipeCommands:
    """Run in a directory of their own, with `environment` as their RTPIPE_ variables and none of the caller's."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.directory = directory
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("RTPIPE_")} | {
            **environment,
            "RTPIPE_RUNTIME_DIR": str(self.runtime_directory),
            "RTPIPE_STATE_DIR": str(directory / "state"),
            "RTPIPE_CONFIG": str(directory / "rtpipe.toml"),
        }

    @property
    def runtime_directory(self) -> Path:
        """Where supervisors listen."""
        return self.directory / "run"

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
                f"rtpipe {arguments[0]} ended with exit code {done.returncode}: {tail(done.stderr + done.stdout)}"
            )
        return done.stdout

    def start(self, log: Path, arguments: tuple[str, ...]) -> subprocess.Popen[bytes]:
        """A command that runs beside; what it prints is added to `log`."""
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


class BackgroundCommand:
    """A command that is started, perhaps several times, and that prints to one file."""

    def __init__(self, commands: RtpipeCommands, what: str, log: Path) -> None:
        """`what`: its name in errors."""
        self.log = log
        self._commands = commands
        self._what = what
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The one that was started last."""
        if self._process is None:
            raise DriverError(f"no {self._what} was started")
        return self._process

    def start(self, *arguments: str) -> None:
        """Start it, beside those that run."""
        self._process = self._commands.start(self.log, arguments)

    def stop(self) -> None:
        """End the last one, if it runs: politely, then not."""
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def tail(text: str) -> str:
    """Its last lines, in one."""
    return " | ".join(text.strip().splitlines()[-3:])
