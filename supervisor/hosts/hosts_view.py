"""`rtpipe status --all-hosts`: every host with its partitions, and which of them are silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rtpipe.clock import duration
from supervisor.hosts.all_hosts import SILENT_AFTER
from supervisor.hosts.hosts_table import HostSaid
from supervisor.status.running_supervisors import is_well
from supervisor.status.status_view import print_status


def as_json(hosts: Sequence[HostSaid]) -> dict[str, Any]:
    """For programs."""
    return {"hosts": [asdict(host) | {"silent": is_silent(host), "status": host.status.to_json()} for host in hosts]}


def is_silent(host: HostSaid) -> bool:
    """Whether what it said is too old to be so now."""
    return host.age > SILENT_AFTER


def are_well(hosts: Sequence[HostSaid]) -> bool:
    """Whether all speak, and every partition runs or ends as asked."""
    return all(not is_silent(host) and is_well(host.status) for host in hosts)


def print_hosts(hosts: Sequence[HostSaid]) -> None:
    """Host by host."""
    for host in hosts:
        said = f"silent for {duration(host.age)}" if is_silent(host) else f"{duration(host.age)} ago"
        print(f"{host.instance_id}  ({host.owner})  {said}")
        if is_silent(host):
            print(f"  it had {len(host.status.partitions)} partitions; others may have them by now")
        else:
            print_status(host.status)
