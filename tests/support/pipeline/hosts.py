"""Several hosts that share the partitions of a pipeline: each a supervisor with directories of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.support.faults.tally import TALLY
from tests.support.pipeline.pipeline import Pipeline
from tests.support.waits import eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Collection, Iterator

    from infra.stack.state import Addresses

SESSION = 6  #: seconds: the shortest that brokers allow


class Host:
    """One of them. What runs in its directory is all that it has."""

    def __init__(self, of: Pipeline, name: str, env: dict[str, str], addresses: Addresses | None = None) -> None:
        """`env`: settings. `addresses`: how this host reaches the services, if otherwise than others."""
        directory = of.directory / name
        directory.mkdir()
        self.name = name
        self.pipeline = Pipeline(
            addresses or of.addresses, directory, of.topics, of.partitions, of.metadata, of.settings
        )
        self.pipeline.write_settings()
        self._env = {
            "RTPIPE_SESSION_SECONDS": str(SESSION),
            "RTPIPE_MEMBERSHIP_GROUP": f"members-{of.topics[0]}",
            "RTPIPE_INSTANCE_ID": name,
            "RTPIPE_DATABASE_SECONDS": "4",
            "RTPIPE_TOPIC_CHECK_SECONDS": "1",
        } | env
        self.supervisor: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        self.supervisor = self.pipeline.supervise("--group-membership", *more, env=self._env)

    def start_what_settings_say(self) -> None:
        """Without `--topics`, so that a reload may change them."""
        self.supervisor = self.pipeline.start("supervise", "--group-membership", "--log-format", "json", env=self._env)

    def serve(self, *entries: str) -> None:
        """The settings say so from now on."""
        self.pipeline.write_settings()
        path = self.pipeline.directory / "rtpipe.toml"
        path.write_text(f"serve = {json.dumps(entries)}\n{path.read_text()}")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command on this host."""
        return self.pipeline.run(*arguments, env=self._env | {"RTPIPE_MEMBERSHIP": "kafka"})

    def partitions(self) -> set[str]:
        """Those that it serves and that run."""
        found = self.pipeline.status()
        return {f"{one['topic']}/{one['partition']}" for one in found if one["state"] == "running"}

    def kill(self) -> None:
        """kill -9 of everything at once, as if the power went."""
        self.signal(signal.SIGKILL)
        eventually(lambda: not self.pipeline.processes(), what="nothing is left of the host")
        if self.supervisor is not None:
            self.supervisor.wait(10)
        TALLY.hit()

    def signal(self, number: signal.Signals) -> None:
        for process in self.pipeline.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)

    def stop(self) -> None:
        """A clean end."""
        assert self.supervisor is not None
        self.supervisor.send_signal(signal.SIGTERM)
        assert self.supervisor.wait(60) == 0, self.pipeline.log.read_text()[-3000:]

    def events(self, event: str) -> list[dict[str, Any]]:
        return self.pipeline.events(event)


def all_partitions(pipeline: Pipeline) -> Counter[str]:
    return Counter(f"{topic}/{number}" for topic in pipeline.topics for number in range(pipeline.partitions))


def served(hosts: list[Host]) -> list[int]:
    """How many each one has, once every partition runs on exactly one of them; else nothing."""
    shares = [host.partitions() for host in hosts]
    found = Counter(key for share in shares for key in share)
    return [len(share) for share in shares] if found == all_partitions(hosts[0].pipeline) else []


def wait_spread(hosts: list[Host], within: float = 60) -> list[int]:
    """Until every partition runs on one of these hosts, and all have their share."""

    def spread() -> list[int]:
        shares = served(hosts)
        return shares if shares and max(shares) - min(shares) <= 1 else []

    return eventually(spread, within=within, what="the partitions are spread evenly")


def commit_again(pipeline: Pipeline, keys: Collection[str], what: str) -> None:
    """Wait until each of these has committed something new; how long that took is counted."""
    started = time.monotonic()
    before = offsets(pipeline)
    eventually(
        lambda: all(now > before[key] for key, now in offsets(pipeline).items() if key in keys),
        within=90,
        what=f"after {what} all of {sorted(keys)} commit again",
    )
    TALLY.recoveries.append(time.monotonic() - started)
    print(f"{what}: all commit again after {TALLY.recoveries[-1]:.2f} s")


def offsets(pipeline: Pipeline) -> dict[str, int]:
    """Of all partitions of all topics."""
    return {
        f"{topic}/{number}": offset for topic in pipeline.topics for number, offset in pipeline.offsets(topic).items()
    }


def finish(pipeline: Pipeline, hosts: list[Host]) -> int:
    """All is written and each host ends well; the oracle counts."""
    pipeline.wait_caught_up()
    for host in hosts:
        host.stop()
    return pipeline.assert_exact()


@contextlib.contextmanager
def running_hosts(pipeline: Pipeline, count: int, *more: str, **env: str) -> Iterator[list[Host]]:
    """So many hosts, started with these options; nothing is left of them."""
    hosts = [Host(pipeline, f"host-{number}", env) for number in range(1, count + 1)]
    try:
        for host in hosts:
            host.start(*more)
        yield hosts
    finally:
        for host in hosts:
            host.signal(signal.SIGCONT)
            host.pipeline.kill_all()
