"""What the other hosts say that share the partitions, as the supervisor heard it last; its own is fresher."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from supervisor.control.control_socket import Reply
from supervisor.hosts.host_said import HostSaid
from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.pipeline_status import PipelineStatus


@dataclass(frozen=True, slots=True)
class Placed:
    """The partitions of all hosts that speak, each once."""

    partitions: Sequence[PartitionStatus]
    hosts: Mapping[str, str]  #: which of the others has it, by the partition's key; none: this one


class Everywhere:
    """`host`: this one's name; "": it shares partitions with nobody."""

    def __init__(self, host: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.host = host
        self._clock = clock
        self._said: Sequence[HostSaid] = ()
        self._read_at = clock()

    def take(self, reply: Reply | None) -> None:
        """What the supervisor answered about all hosts."""
        if reply is None or "hosts" not in reply:
            return
        self._said = [HostSaid.from_json(one, float(reply["seconds"])) for one in reply["hosts"]]
        self._read_at = self._clock()

    @property
    def others(self) -> Sequence[HostSaid]:
        """As of now, by name."""
        later = self._clock() - self._read_at
        found = (one for one in self._said if one.instance_id != self.host)
        return [dataclasses.replace(one, age=one.age + later) for one in found]

    def placed(self, own: PipelineStatus) -> Placed:
        """While a partition moves, two may name it: then that counts which has a worker that runs."""
        found = {p.key: (p, "") for p in own.partitions}
        for host in self.others:
            for p in host.status.partitions if not host.is_silent else ():
                if p.key not in found or (p.state == "running" and found[p.key][0].state != "running"):
                    found[p.key] = (p, host.instance_id)
        return Placed([p for p, _ in found.values()], {key: host for key, (_, host) in found.items() if host})

    def of_all(self, own: PipelineStatus) -> PipelineStatus:
        """The same as one run, with a note for each host that is silent."""
        silent = [f"the host {one.instance_id} is {one.heard}" for one in self.others if one.is_silent]
        return dataclasses.replace(own, partitions=tuple(self.placed(own).partitions), notes=(*own.notes, *silent))
