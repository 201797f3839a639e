"""What a run is known by from its start: its servers, and what is promised of its topics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from supervisor.schemas.topic_facts import TopicFacts
from supervisor.status.facts.condition import Promise

_DEFAULT = Promise(late_after=60.0, stuck_after=120.0)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Given to the supervisor; what is in it may be shown to anybody."""

    kafka: str = ""  #: bootstrap servers
    database: str = ""  #: host and port, without a login
    promise: Callable[[str], Promise] = lambda _topic: _DEFAULT
    topics: TopicFacts = field(default_factory=TopicFacts)
