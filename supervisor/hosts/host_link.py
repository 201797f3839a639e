"""The supervisor's side of what other hosts see: a companion that is told at each start what it needs."""

from __future__ import annotations

from collections.abc import Callable

from supervisor.companions.companion import Companion
from supervisor.hosts.host_process import HostStart
from supervisor.membership.names import group_name, instance_id
from supervisor.settings.settings import Settings


def host_start(settings: Settings, socket: str) -> HostStart:
    """`socket`: where this supervisor answers."""
    return HostStart(
        socket=socket,
        group=group_name(settings),
        instance_id=instance_id(settings),
        database_url=settings.database_url.get_secret_value(),
        database_url_file=settings.secret_file("database_url"),
        database_seconds=settings.database_seconds,
        log_format=settings.log_format,
        log_level=settings.log_level,
    )


class HostLink:
    """`python -m supervisor.hosts.host_process`, watched and started again."""

    def __init__(self, start: HostStart, make: Callable[..., Companion] = Companion) -> None:
        self._line = start.line()
        self._companion = make("host", "supervisor.hosts.host_process")
        self._starts = 0

    def look(self, now: float) -> None:
        """`now`: monotonic seconds."""
        self._companion.look(now)
        if self._companion.starts != self._starts:
            self._starts = self._companion.starts
            self._companion.tell(self._line)

    def stop(self) -> None:
        """Let it end."""
        self._companion.stop()
