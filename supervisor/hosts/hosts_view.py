"""`rtpipe status --all-hosts`: every host with its partitions, and which of them are silent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtpipe.log import visible
from supervisor.hosts.host_said import HostSaid
from supervisor.status.running_supervisors import is_well
from supervisor.status.status_view import print_status


def as_json(hosts: Sequence[HostSaid]) -> dict[str, Any]:
    """For programs."""
    return {"hosts": [host.to_json() for host in hosts]}


def are_well(hosts: Sequence[HostSaid]) -> bool:
    """Whether all speak, and every partition runs or ends as asked."""
    return all(not host.is_silent and is_well(host.status) for host in hosts)


def print_hosts(hosts: Sequence[HostSaid]) -> None:
    """Host by host."""
    for host in hosts:
        print(visible(f"{host.instance_id}  ({host.owner})  {host.heard}"))
        if host.is_silent:
            print(f"  it had {len(host.status.partitions)} partitions; others may have them by now")
            print(visible(f"  if it is gone for good: rtpipe status --all-hosts --forget {host.instance_id}"))
        else:
            print_status(host.status)
