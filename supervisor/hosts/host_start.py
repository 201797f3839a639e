"""What the process of a host is told first, by the settings."""

from __future__ import annotations

from supervisor.hosts.host_process import HostStart
from supervisor.membership.names import group_name, instance_id
from supervisor.settings.settings import Settings


def host_start(settings: Settings, socket: str, *, tells: bool) -> HostStart:
    """`socket`: where this supervisor answers. `tells`: somebody here wants to know what all hosts say."""
    return HostStart(
        socket=socket,
        group=group_name(settings),
        instance_id=instance_id(settings),
        database_url=settings.database_url.get_secret_value(),
        database_url_file=settings.secret_file("database_url"),
        database_seconds=settings.database_seconds,
        log_format=settings.log_format,
        log_level=settings.log_level,
        tells=tells,
    )
