"""All that is known of a generation that has ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from supervisor.lifecycle.generation.heartbeat_limits import Silence
from workers.contract.death import Death
from workers.contract.reports import WORKER_DIED, Ended


@dataclass(frozen=True, slots=True)
class GenerationEnd:
    """Who died first, how, with which last words, and what the supervisor had asked of it."""

    death: Death  #: of the process that died first
    ended: Ended | None  #: the supervisor's reason to end it, else the worker's last words, if it had any
    stacks: dict[str, str] = field(default_factory=dict)  #: by process
    stuck: Silence | None = None  #: the supervisor ended it, since it said nothing
    arrived: bool = False  #: it was asked to drain, since all that the run wants is committed
    killed: bool = False  #: it was killed on purpose
    offset: int | None = None  #: next to consume by kafka_offsets, as it said last
    epoch: int | None = None  #: under which it had claimed its partition

    @property
    def reason(self) -> str:
        """Why it ended, in words, without topic and partition."""
        if self.stuck is not None:
            return f"stuck: {self.stuck}"
        if self.ended is None or self.ended.name == WORKER_DIED:
            return str(self.death)
        return f"{self.death}: {self.ended.text}"
