"""The real `rtpipe` on the topics of a pipeline: its commands, its processes, its log and its status."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from supervisor.control.control_socket import ask_all, runtime_directory
from tests.support.pipeline.page import page_variables
from tests.support.pipeline.parts.topics_and_tables import TopicsAndTables
from tests.support.pipeline.processes import directory_of, family

ROOT = Path(__file__).parents[4]


class Commands(TopicsAndTables):
    """Commands that end, supervisors that go on, and what either leaves."""

    def environment(self) -> dict[str, str]:
        """What the command is told; passwords never stand in its arguments."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RTPIPE_")}
        return inherited | {
            "RTPIPE_BOOTSTRAP_SERVERS": self.addresses.bootstrap_servers,
            "RTPIPE_SCHEMA_REGISTRY_URL": self.addresses.schema_registry_url,
            "RTPIPE_DATABASE_URL": self.addresses.database_url,
            "RTPIPE_INFRA_DATABASE_URL": self.addresses.infra_database_url,
            "RTPIPE_RUNTIME_DIR": str(self.directory / "run"),
            "RTPIPE_STATE_DIR": str(self.directory / "state"),
            "PYTHONPATH": str(ROOT),
        }

    def command(self, *arguments: str) -> list[str]:
        """`rtpipe …` of this checkout."""
        return [*self.prefix, sys.executable, "-m", "rtpipe", *arguments]

    def run(
        self, *arguments: str, within: float = 120, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments),
            check=False,
            cwd=self.directory,
            env=self.environment() | (env or {}),
            capture_output=True,
            text=True,
            timeout=within,
        )

    def supervise(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a supervisor of all topics, as `start` says.

        With RTPIPE_TEST_PAGE=1 it has a page, whatever the test is about.
        """
        if os.environ.get("RTPIPE_TEST_PAGE") and "--page" not in arguments:
            arguments, env = (*arguments, "--page"), page_variables() | (env or {})
        return self.start("supervise", "--topics", ",".join(self.topics), "--log-format", "json", *arguments, env=env)

    def start(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a command in a session of its own; its log goes to `log` in the pipeline's directory."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command(*arguments),
                cwd=self.directory,
                env=self.environment() | (env or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    @property
    def log(self) -> Path:
        """Everything that supervisors and workers logged."""
        return self.directory / "log"

    def entries(self) -> list[dict[str, Any]]:
        """The log; lines that are no JSON objects, such as those of a library, are passed over."""
        entries = []
        for line in self.log.read_text().splitlines() if self.log.exists() else []:
            with contextlib.suppress(ValueError):
                entries.append(json.loads(line))
        return [entry for entry in entries if isinstance(entry, dict)]

    def events(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one kind."""
        return [entry for entry in self.entries() if entry.get("event") == event]

    def status(self) -> list[dict[str, Any]]:
        """The partitions as `rtpipe status` gets them, by the same question; empty while no supervisor answers."""
        replies = ask_all(runtime_directory(self.directory / "run"), "status")
        return [partition for reply in replies for partition in reply["partitions"]]

    def kill_all(self) -> None:
        """Nothing of this pipeline is left, whatever the test did."""
        for process in family():
            if str(self.directory) in directory_of(process):
                with contextlib.suppress(psutil.Error):
                    process.kill()
        for started in self._processes:
            started.kill()
            started.wait(10)

    def processes(self) -> list[psutil.Process]:
        """Every process that runs in this pipeline's directory: supervisor, forkserver, consumers, writers."""
        return [process for process in family() if str(self.directory) in directory_of(process)]
