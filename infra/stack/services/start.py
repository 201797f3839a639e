"""Brings one service up: prepares its data once, starts it, and waits until it answers."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from infra.stack.disk import disk_errors, disk_full, tells_of_full_disk
from infra.stack.errors import ServiceDiedError, ServiceSlowError, StackError
from infra.stack.services import control as service_control
from infra.stack.services.service import NotReadyError, Service
from rtpipe.pause import PausePolicy

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from infra.stack.services.control import Running

START_SECONDS = 120.0
_CHECK_PAUSES = PausePolicy.steady(0.1)
_CHECK_SECONDS = 5.0
_SHOWN_LINES = 8
_HINT = "Free some space and run `rtpipe infra up` again, or use a directory on another disk (--dir)."


def start(service: Service, say: Callable[[str], None]) -> Running:
    """The service's process, spawned but perhaps not yet ready."""
    with disk_errors(service.directory, hint=_HINT):
        if not service.directory.exists():
            say("making its data")
            _prepare(service)
        service.before_start()
        say("starting")
        return service_control.spawn(service)


def _prepare(service: Service) -> None:
    """Prepare in a draft, which gets its name at the end: a directory with that name is complete."""
    parent, name = service.directory.parent, service.directory.name
    for left_over in parent.glob(f"{name}.draft-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{name}.draft-", dir=parent))
    service.prepare(draft)
    draft.rename(service.directory)


def await_ready(service: Service, running: Running, given_up: threading.Event) -> None:
    """Ask until it answers. An error if it died, if it takes too long, or when `given_up` is set."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            service.check(_CHECK_SECONDS)
        except NotReadyError as exc:
            if not running.alive:
                raise died(service) from exc
            if time.monotonic() > deadline:
                raise _too_slow(service, running, exc) from exc
        else:
            return
        if given_up.wait(_CHECK_PAUSES.seconds()):
            return


def died(service: Service) -> StackError:
    """Why it died, if its log says so."""
    lines = last_lines(service.log)
    if tells_of_full_disk("\n".join(lines)):
        return disk_full(service.directory, hint=_HINT)
    shown = "".join(f"\n  | {line}" for line in lines[-_SHOWN_LINES:]) or " (it is empty)"
    return ServiceDiedError(
        f"{service.name} died while starting; the end of its log {service.log}:{shown}",
        hint="Repair what the log says, then run `rtpipe infra up` again: it starts only what does not run.",
    )


def _too_slow(service: Service, running: Running, last: NotReadyError) -> StackError:
    if tells_of_full_disk("\n".join(last_lines(service.log))):
        return disk_full(service.directory, hint=_HINT)
    return ServiceSlowError(
        f"{service.name} (pid {running.pid}) did not answer within {START_SECONDS:.0f} s: {last}",
        hint=f"Its log is {service.log}. If it hangs: rtpipe infra down, then up.",
    )


def last_lines(log: Path, count: int = 200) -> list[str]:
    """The end of a log; empty if there is none."""
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    except OSError:
        return []
