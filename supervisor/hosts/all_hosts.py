"""A command looks at all hosts that share partitions, or asks those that have some."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from avro_schemas.tables.own_tables.hosts import HOSTS
from rtpipe.acting_person import acting_person
from rtpipe.deadline import Deadline
from rtpipe.errors import SettingsError
from rtpipe.pause import PausePolicy
from supervisor.admin.connection import admin_connection
from supervisor.hosts.host_said import HostSaid
from supervisor.hosts.hosts_table import Asked, HostsTable
from supervisor.membership.names import group_name
from supervisor.settings.environment import page_client
from supervisor.settings.settings import Settings

#: Seconds for an answer, of a host that looks every 3 s.
_PATIENCE = 20.0
_LOOKS = PausePolicy.steady(0.5)


@contextlib.contextmanager
def hosts_table(settings: Settings, doing: str) -> Iterator[HostsTable]:
    """The rows of the group that the settings name. Raises as `admin_connection` does."""
    url = settings.database_url.get_secret_value()
    with admin_connection(url, settings.database_seconds, str(HOSTS.name), doing) as connection:
        yield HostsTable(connection, group_name(settings))


def known_hosts(settings: Settings) -> list[HostSaid]:
    """All hosts of the group. SettingsError if none has ever said anything."""
    with hosts_table(settings, "asking for all hosts") as table:
        found = table.hosts()
    if not found:
        raise SettingsError(
            f"no host of the group {group_name(settings)} has said anything",
            hint="start some with --group-membership; membership_group and the database must be theirs",
        )
    return found


def forget_host(settings: Settings, name: str) -> None:
    """Show it no more, until it speaks again. SettingsError if it is not known, or is not silent."""
    with hosts_table(settings, f"forgetting the host {name}") as table:
        host = next((one for one in table.hosts() if one.instance_id == name), None)
        if host is None:
            raise SettingsError(f"no host {name} is known", hint="see: rtpipe status --all-hosts")
        if not host.is_silent:
            raise SettingsError(f"the host {name} speaks, and is not forgotten", hint="stop it first")
        table.forget(name)


def ask_hosts(settings: Settings, command: str, places: Sequence[str], more: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Have something done by the hosts that have these partitions; their replies, as their own sockets give them.

    A host that is silent, or does not answer in time, refuses by saying so. `places`: TOPIC or TOPIC/PARTITION each.
    """
    replies = []
    with hosts_table(settings, f"asking hosts to {command}") as table:
        for host in table.hosts():
            its = {f"{one.topic}/{one.partition}": one.topic for one in host.status.partitions}
            wanted = [place for place in places if place in its or place in its.values()]
            if not wanted:
                replies.append({"done": [], "refused": {}, "unknown": list(places)})
                continue
            body = {**more, "where": list(places), "page_client": page_client()}
            asked = Asked(secrets.token_hex(8), command, body, acting_person())
            reply = None if host.is_silent else _ask(table, host.instance_id, asked)
            replies.append(reply or _silent(host, places, wanted))
    return replies


def _ask(table: HostsTable, instance_id: str, asked: Asked) -> dict[str, Any] | None:
    table.ask(instance_id, asked)
    deadline = Deadline.after(_PATIENCE)
    while not deadline.passed():
        if (reply := table.answer_to(instance_id, asked.number)) is not None:
            return reply
        time.sleep(_LOOKS.seconds())
    return None


def _silent(host: HostSaid, places: Sequence[str], wanted: Sequence[str]) -> dict[str, Any]:
    why = f"the host {host.instance_id} ({host.owner}) does not answer; it was heard of {host.age:.0f} s ago"
    unknown = [place for place in places if place not in wanted]
    return {"done": [], "refused": dict.fromkeys(wanted, why), "unknown": unknown}
