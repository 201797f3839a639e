"""What chaos is done to: one supervisor, or several that share the partitions as if each were on a host of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from supervisor.demo.rtpipe_commands import RtpipeCommands
from supervisor.demo.until import DriverError, until
from supervisor.demo.watched_supervisor import WatchedSupervisor
from supervisor.status.facts.partition_status import PartitionStatus

#: Seconds after which a silent host loses its partitions: the shortest that brokers allow.
SESSION_SECONDS = 6


@dataclass(frozen=True, slots=True)
class Placed:
    """A partition, and the host on which it runs."""

    host: WatchedSupervisor
    status: PartitionStatus


class ChaosHosts:
    """Where each partition runs, and what becomes of a whole host."""

    def __init__(self, hosts: Sequence[WatchedSupervisor], partitions: int) -> None:
        """`partitions`: how many there are on all hosts."""
        self._hosts = list(hosts)
        self._partitions = partitions
        self._frozen: WatchedSupervisor | None = None

    def start(self) -> None:
        """All of them."""
        for host in self._hosts:
            host.start()

    def stop(self) -> None:
        """Nothing is left of them."""
        if self._frozen is not None:
            self.thaw(self._frozen)
        for host in self._hosts:
            host.stop()

    def running(self) -> dict[str, Placed]:
        """All partitions, by name, if each runs, and on one host alone; else none. A frozen host is not asked."""
        asked = [host for host in self._hosts if host is not self._frozen]
        found = [Placed(host, status) for host in asked for status in host.running()]
        by_name = {one.status.key: one for one in sorted(found, key=lambda one: one.status.key)}
        return by_name if len(found) == len(by_name) == self._partitions else {}

    def moved(self, since: Sequence[Placed]) -> bool:
        """Whether each of these partitions has committed more since then, wherever it runs."""
        now = self.running()
        return all(
            one.status.key in now and (now[one.status.key].status.offset or 0) > (one.status.offset or 0)
            for one in since
        )

    def wait_caught_up(self) -> None:
        """Until no partition has any lag."""
        until(lambda: (now := self.running()) and not sum(one.status.lag or 0 for one in now.values()), "lag 0")

    def kill_supervisor(self, host: WatchedSupervisor) -> None:
        """By kill -9, it alone; its workers must follow by themselves. It is not started again."""
        children = host.descendants()
        host.process.kill()
        self._wait_for_end(host, children)

    def kill(self, host: WatchedSupervisor) -> None:
        """By kill -9, with all its processes at once, as if the power went. It is not started again."""
        children = host.descendants()
        for pid in (host.process.pid, *(child.pid for child in children)):
            send(pid, signal.SIGKILL)
        self._wait_for_end(host, children)

    @staticmethod
    def _wait_for_end(host: WatchedSupervisor, children: Sequence[psutil.Process]) -> None:
        host.process.wait()
        _, left = psutil.wait_procs(children, timeout=10)
        if left:
            raise DriverError(f"orphans after the supervisor's death: {', '.join(str(p.pid) for p in left)}")

    def freeze(self, host: WatchedSupervisor) -> None:
        """All its processes stop where they are."""
        self._frozen = host
        self._signal(host, signal.SIGSTOP)

    def thaw(self, host: WatchedSupervisor) -> None:
        """They go on."""
        self._signal(host, signal.SIGCONT)
        self._frozen = None

    @staticmethod
    def _signal(host: WatchedSupervisor, number: signal.Signals) -> None:
        for pid in (host.process.pid, *(child.pid for child in host.descendants())):
            send(pid, number)

    def end(self) -> int:
        """Let all drain and end; how many of their processes are left."""
        family = [child for host in self._hosts for child in host.descendants()]
        for host in self._hosts:
            host.process.terminate()
        for host in self._hosts:
            host.process.wait(60)
        _, left = psutil.wait_procs(family, timeout=10)
        return len(left)


def hosts_of(directory: Path, count: int, topic: str, environment: Mapping[str, str]) -> list[WatchedSupervisor]:
    """So many supervisors that share the partitions of a topic, each with directories and a name of its own, and with
    the settings file of `directory`.
    """
    shared = {
        "RTPIPE_MEMBERSHIP": "kafka",
        "RTPIPE_MEMBERSHIP_GROUP": f"members-{topic}",
        "RTPIPE_SESSION_SECONDS": str(SESSION_SECONDS),
    }
    hosts = []
    for number in range(1, count + 1):
        home = directory / f"host-{number}"
        home.mkdir()
        (home / "rtpipe.toml").write_text((directory / "rtpipe.toml").read_text())
        commands = RtpipeCommands(home, {**environment, **shared, "RTPIPE_INSTANCE_ID": home.name})
        hosts.append(WatchedSupervisor(commands, [topic]))
    return hosts


def send(pid: int | None, number: signal.Signals) -> None:
    """A signal to a process that was there a moment ago; one that is gone by now was hit by another fault."""
    with suppress(ProcessLookupError):
        if pid is not None:
            os.kill(pid, number)
