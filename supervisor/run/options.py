"""How one run of the supervisor behaves, and what its loop needs of parts that are made elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from supervisor.control.event_ring import EventRing
from supervisor.hosts.hosts_heard import HostsHeard
from supervisor.lifecycle.generation.heartbeat_limits import HeartbeatLimits
from supervisor.lifecycle.supervised_worker import SchemaQuestions
from supervisor.membership.membership import Membership
from supervisor.run.wanted_topics import TopicSearch
from supervisor.settings.live_settings import LiveSettings
from supervisor.status.facts.pipeline_status import PipelineStatus
from supervisor.status.run_facts import RunFacts
from supervisor.steering.act_file import PAUSES, ActFile
from supervisor.steering.database_health import HealthSeen
from supervisor.steering.row_limits import LIMITS
from workers.contract.partition_spec import PartitionKey, PartitionSpec


@dataclass(frozen=True, slots=True)
class Options:
    """How one run of the supervisor behaves."""

    drain_seconds: float
    heartbeat: HeartbeatLimits
    stays: bool = False  #: it goes on without any worker, or with halted ones alone
    membership: Membership | None = None  #: who says which partitions are served; None: all from the start are
    topics: TopicSearch | None = None  #: how topics are found while it runs; None: it keeps to those of the start
    targets: dict[PartitionKey, int] | None = None  #: stop each partition once it has reached this offset
    control_socket: str = ""
    rows_per_second: Callable[[str], float] = lambda _topic: 0.0  #: the limit of a topic's settings; 0: none
    health: Callable[[], HealthSeen] | None = None  #: asks how the database is; None: that does not matter
    settings: LiveSettings | None = None  #: read again by `rtpipe reload`
    pauses: ActFile = field(default_factory=lambda: ActFile(PAUSES))
    limits: ActFile = field(default_factory=lambda: ActFile(LIMITS))
    show: Callable[[PipelineStatus], None] | None = None  #: called once a second
    facts: RunFacts = field(default_factory=RunFacts)
    events: EventRing = field(default_factory=EventRing)
    hosts: HostsHeard = field(default_factory=HostsHeard)
    companions: Sequence[Beside] = ()
    fail_on_dead_letters: bool = False  #: a clean end with dead letters has an exit code of its own


class Beside(Protocol):
    """What runs beside the workers, and no row depends on it: a process, or a thread."""

    def look(self, now: float) -> None:
        """Start it, or start it again, if it is time."""


class SchemaService(SchemaQuestions, Protocol):
    """Answers what writers ask about schema ids; SchemaRequests is the real one."""

    def open(self, wake: Callable[[], None]) -> None:
        """`wake` is called from another thread when there are answers."""

    def tell_limits(self, specs: Iterable[PartitionSpec]) -> None:
        """Say which values the columns of tables refuse or may change, of topics that are new."""

    def forget(self, topic: str) -> None:
        """Nobody asks about it any more."""

    def deliver(self) -> None:
        """Give each answer that is ready to the one who asked."""
