"""Starts, finds and stops the processes of a stack, which outlive the command that started them.

A process is identified by its pid and its start time, so that another process with the same pid is never taken for
ours. Signals go through a pidfd. If the command was killed after it started a process and before it recorded it, the
process is found by the argument that names it (`Service.mark`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from infra.stack.services.service import ENVIRONMENT
from infra.stack.state import write_private
from rtpipe.pause import PausePolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from infra.stack.services.service import Service

#: prints the service's pid; the service itself is left to init, so that it is nobody's zombie
_LAUNCHER = 'cd "$1" || exit; log=$2; shift 2; "$@" >>"$log" 2>&1 </dev/null & echo $!'
_LAUNCHER_SECONDS, _LAUNCHER_PAUSES = 10.0, PausePolicy.steady(0.01)
_SHELL = "/bin/sh"


@dataclasses.dataclass(frozen=True, slots=True)
class Running:
    """One process: its pid, and the clock tick of its start."""

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether it runs and the pid still means the same process."""
        return start_tick(self.pid) == self.started


def start_tick(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None if it is gone, or only a zombie is left."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
    return None if fields[0] in "ZX" else int(fields[19])


def find(services: Sequence[Service]) -> dict[str, Running]:
    """Each service that runs, by name, recorded or not."""
    found = {service.name: running for service in services if (running := _recorded(service))}
    lost = {service.mark: service for service in services if service.name not in found}
    for pid, arguments in _processes() if lost else ():
        for mark in lost.keys() & set(arguments):
            tick = start_tick(pid)
            if tick is not None and _SHELL not in arguments[:1]:
                found[lost[mark].name] = Running(pid, tick)
    return found


def adopt(services: Sequence[Service]) -> dict[str, Running]:
    """Find each service that runs, and record it, so that it is known by its pid from now on."""
    found = find(services)
    for service in services:
        if service.name in found:
            _record(service, found[service.name])
    return found


def on_other_programs(services: Iterable[Service], running: Mapping[str, Running]) -> list[Service]:
    """Services that run on the programs of another version of rtpipe: they ran when this version was installed."""
    return [
        service
        for service in services
        if service.name in running and _runs_on_other(running[service.name], service.program.name)
    ]


def _runs_on_other(process: Running, program: str) -> bool:
    try:
        arguments = psutil.Process(process.pid).cmdline()
    except psutil.Error:
        return False  # gone, so it runs on nothing
    return bool(arguments) and not any(program in argument for argument in arguments)


def was_started(service: Service) -> bool:
    """Whether it was started and not stopped by us; if it does not run, it died."""
    return _record_file(service).exists()


def _processes() -> Iterator[tuple[int, list[str]]]:
    for process in psutil.process_iter(["cmdline"]):
        if process.info["cmdline"]:
            yield process.pid, process.info["cmdline"]


def end_left_overs(directory: Path) -> None:
    """End what a killed `up` left: wait for launchers, stop preparations."""
    deadline = time.monotonic() + _LAUNCHER_SECONDS
    while time.monotonic() < deadline and any(_is_launcher(arguments, directory) for _, arguments in _processes()):
        time.sleep(_LAUNCHER_PAUSES.seconds())
    for pid, arguments in _processes():
        if any(f"{directory}/" in argument and ".draft-" in argument for argument in arguments):
            tick = start_tick(pid)
            if tick is not None and pid != os.getpid():
                stop([Running(pid, tick)], grace=0)


def _is_launcher(arguments: list[str], directory: Path) -> bool:
    return arguments[:3] == [_SHELL, "-c", _LAUNCHER] and str(directory) in arguments


def spawn(service: Service) -> Running:
    """Start the service in a session of its own, with a fresh log (the last one is kept beside it)."""
    shutil.rmtree(service.scratch, ignore_errors=True)
    service.scratch.mkdir(parents=True)
    service.log.parent.mkdir(exist_ok=True)
    if service.log.exists():
        service.log.replace(service.log.with_suffix(".log.1"))
    stack = service.directory.parent
    launched = subprocess.run(
        [_SHELL, "-c", _LAUNCHER, "sh", str(stack), str(service.log), *service.command()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
        start_new_session=True,
        umask=0o077,
        check=True,
    )
    pid = int(launched.stdout)
    running = Running(pid, start_tick(pid) or 0)  # 0: gone already, which its first health check will tell
    _record(service, running)
    return running


def stop(processes: Iterable[Running], *, grace: float) -> list[Running]:
    """Ask all to end, wait `grace` seconds, kill the rest. Returns those that were killed."""
    with contextlib.ExitStack() as opened:
        waiting = {handle: one for one in processes if (handle := _pidfd(one, opened)) is not None}
        if grace > 0:
            _signal(waiting, signal.SIGTERM)
            _wait(waiting, grace)
        killed = list(waiting.values())
        _signal(waiting, signal.SIGKILL)
        _wait(waiting, _LAUNCHER_SECONDS)
    return killed


def forget(service: Service) -> None:
    """Note that it was stopped on purpose, so that it does not count as dead."""
    _record_file(service).unlink(missing_ok=True)


def _pidfd(process: Running, opened: contextlib.ExitStack) -> int | None:
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    opened.callback(os.close, handle)
    return handle if process.alive else None  # looked at after opening: the handle is surely of this process


def _signal(waiting: Iterable[int], number: signal.Signals) -> None:
    for handle in waiting:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)


def _wait(waiting: dict[int, Running], seconds: float) -> None:
    """Remove each process that ends in time."""
    deadline = time.monotonic() + seconds
    poll = select.poll()
    for handle in waiting:
        poll.register(handle, select.POLLIN)
    while waiting and (left := deadline - time.monotonic()) > 0:
        for handle, _ in poll.poll(left * 1000):
            poll.unregister(handle)
            del waiting[handle]


def _record_file(service: Service) -> Path:
    return service.directory.parent / "run" / f"{service.name}.json"


def _record(service: Service, running: Running) -> None:
    write_private(_record_file(service), {**dataclasses.asdict(running), "boot": _boot()})


def _recorded(service: Service) -> Running | None:
    try:
        stored = json.loads(_record_file(service).read_text(encoding="utf-8"))
        running = Running(stored["pid"], stored["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return running if stored.get("boot") == _boot() and running.alive else None


def _boot() -> str:
    """The id of this boot: pids and ticks have no meaning after a reboot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
