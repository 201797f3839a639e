"""The faults of `rtpipe chaos`, each done to one partition, or to the host on which it runs."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import psutil

from supervisor.demo.chaos.chaos_hosts import SESSION_SECONDS, ChaosHosts, Placed, send
from supervisor.demo.database_faults import cut_connection, lock_on
from supervisor.demo.watched_supervisor import WatchedSupervisor

#: Seconds that a frozen process stays frozen, unless the supervisor kills it before; a member: also beyond its session.
_FROZEN = (0.5, 5.0)
_MEMBER_FROZEN = (0.5, 2.0 * SESSION_SECONDS)
KINDS = (
    "kill worker",
    "kill writer",
    "kill supervisor",
    "kill forkserver",
    "freeze worker",
    "freeze writer",
    "lock row",
    "cut connection",
)
#: Of hosts that share the partitions.
HOST_KINDS = ("kill host", "freeze host", "kill member", "freeze member")


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Done:
    """A fault that was done."""

    watched: Sequence[Placed]  #: must commit again
    after: Callable[[], None] = field(default=_nothing)  #: called when they have


class ChaosFaults:
    """How each kind is done."""

    def __init__(self, hosts: ChaosHosts, database_url: str, chance: random.Random) -> None:
        self._hosts = hosts
        self._database_url = database_url
        self._chance = chance

    def do(self, kind: str, victim: Placed, everything: Sequence[Placed]) -> Done:
        """One of KINDS or HOST_KINDS."""
        host, status = victim.host, victim.status
        pids = {"worker": status.pid, "writer": status.writer_pid}
        verb, what = kind.split()
        if verb == "cut":
            cut_connection(self._database_url, status.topic, status.partition)
        elif verb == "lock":
            with lock_on(self._database_url, status.topic, status.partition):
                time.sleep(self._chance.uniform(*_FROZEN))
        elif what in pids and verb == "kill":
            send(pids[what], signal.SIGKILL)
        elif what in pids:
            self._freeze(pids[what], _FROZEN)
        elif what == "forkserver":
            self._kill_helpers(host)
        elif what == "supervisor":
            self._hosts.kill_supervisor(host)
            host.start()
            return Done(everything)
        elif what == "member":
            return self._member(verb, host, everything)
        else:
            return self._host(verb, host, [one for one in everything if one.host is host])
        return Done([victim])

    def _host(self, verb: str, host: WatchedSupervisor, its: Sequence[Placed]) -> Done:
        """Others must take what it had, before it is back."""
        if verb == "kill":
            self._hosts.kill(host)
            return Done(its, host.start)
        self._hosts.freeze(host)
        return Done(its, partial(self._hosts.thaw, host))

    def _member(self, verb: str, host: WatchedSupervisor, everything: Sequence[Placed]) -> Done:
        for pid in _with_words(host, "supervisor.membership.member_process"):
            if verb == "kill":
                send(pid, signal.SIGKILL)
            else:
                self._freeze(pid, _MEMBER_FROZEN)
        return Done(everything)

    def _freeze(self, pid: int | None, seconds: tuple[float, float]) -> None:
        send(pid, signal.SIGSTOP)
        time.sleep(self._chance.uniform(*seconds))
        send(pid, signal.SIGCONT)

    def _kill_helpers(self, host: WatchedSupervisor) -> None:
        """Multiprocessing's forkserver and resource tracker. Consumers and writers, which have the same words, are not
        meant; orphans of a killed forkserver become the supervisor's own children.
        """
        workers = {pid for one in host.partitions() for pid in (one.pid, one.writer_pid)}
        for pid in _with_words(host, "multiprocessing"):
            if pid not in workers:
                send(pid, signal.SIGKILL)


def _with_words(host: WatchedSupervisor, words: str) -> list[int]:
    """The direct children of a supervisor that have these words in their command."""
    found = []
    for child in psutil.Process(host.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # one killed before, which nobody has missed yet, is a zombie
            if any(words in part for part in child.cmdline()):
                found.append(child.pid)
    return found
