"""What `rtpipe infra status` shows: the state of each service of a stack."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psutil

from infra.stack.services import control as service_control
from infra.stack.services.service import NotReadyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.stack.services.control import Running
    from infra.stack.services.service import Service

_STATUS_SECONDS = 3.0


@dataclasses.dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service as it is now."""

    name: str
    state: str  #: running, unhealthy (runs, does not answer), dead (nobody stopped it) or stopped
    port: int
    pid: int | None
    memory: int | None  #: resident bytes
    log: str


@dataclasses.dataclass(frozen=True, slots=True)
class StackStatus:
    """All services of one stack; none if there is no stack in the directory."""

    directory: str
    services: tuple[ServiceStatus, ...]
    addresses: dict[str, str]  #: as they may be shown

    @property
    def running(self) -> bool:
        """Whether there is a stack and every service of it answers."""
        return bool(self.services) and all(service.state == "running" for service in self.services)

    def as_dict(self) -> dict[str, Any]:
        """For `status --json`: the addresses at the top, where scripts look for them."""
        services = [dataclasses.asdict(service) for service in self.services]
        return {**self.addresses, "directory": self.directory, "running": self.running, "services": services}


def service_states(services: Sequence[Service]) -> tuple[ServiceStatus, ...]:
    """Ask each service whether it answers, all at once; changes nothing."""
    running = service_control.find(services)
    with ThreadPoolExecutor(len(services)) as pool:
        return tuple(pool.map(lambda service: _state(service, running.get(service.name)), services))


def _state(service: Service, running: Running | None) -> ServiceStatus:
    pid = memory = None
    state = "dead" if service_control.was_started(service) else "stopped"
    if running is not None:
        pid = running.pid
        try:
            memory = psutil.Process(pid).memory_info().rss
            service.check(_STATUS_SECONDS)
            state = "running"
        except NotReadyError:
            state = "unhealthy"
        except psutil.NoSuchProcess:
            state, pid = "dead", None
    return ServiceStatus(service.name, state, service.port, pid, memory, str(service.log))
