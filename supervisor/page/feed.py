"""What the supervisor said last: asked once a second while somebody looks, and read by all that the page shows."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from supervisor.control.control_socket import Reply
from supervisor.control.event_ring import Event
from supervisor.hosts.hosts_heard import COMMAND as HOSTS
from supervisor.page.everywhere import Everywhere
from supervisor.page.recent import STEP, Recent
from supervisor.page.seen import Seen
from supervisor.status.facts.pipeline_status import PipelineStatus

#: Seconds between two questions: while somebody looks, and for the charts and probes alone.
_EVERY, _EVERY_ALONE = 1.0, STEP
#: Seconds after which an answer is too old to be shown as what is now.
_OLD = 4.0
#: Seconds between two questions for memory and CPU, which cost more than all the rest: the kernel looks at each page.
_PROCESSES_EVERY = 60.0
#: Seconds for which a look or a scrape counts: Prometheus comes again within a minute.
_LOOKS = 65.0
#: Seconds between two questions for what other hosts say: they say it as often.
_HOSTS_EVERY = 3.0
_EVENTS = 500


#: One question to the supervisor, as control_socket.ask does it; it may take seconds. None if it does not answer.
Ask = Callable[..., Reply | None]


class Feed:
    """As of the last answers."""

    def __init__(self, ask: Ask, clock: Callable[[], float] = time.monotonic, host: str = "") -> None:
        """`host`: the name of this one among those that share partitions."""
        self._ask = ask
        self.everywhere = Everywhere(host, clock)
        self._clock = clock
        self._since = clock()  # the last answer, or the start
        self._looked_at = -_LOOKS  # somebody looked, the last time
        self._processes: dict[str, dict[str, Any]] = {}  # memory and CPU, by partition
        self._run, self._newest = "", 0
        self.reply: Reply = {}
        self.status: PipelineStatus | None = None  #: the last answer
        self.answers = 0  #: how many there were
        self.events: deque[Event] = deque(maxlen=_EVENTS)  #: the newest last
        self.recent = Recent()
        self.seen = Seen()

    async def run(self) -> None:
        """Ask until it is cancelled."""
        processes_at = hosts_at = -_PROCESSES_EVERY
        while True:
            now = self._clock()
            if processes := now - processes_at >= _PROCESSES_EVERY:
                processes_at = now
            reply = await asyncio.to_thread(self._ask, "status", processes=processes)
            self.take(reply)
            if reply is not None:
                self.take_events(await asyncio.to_thread(self._ask, "events", run=self._run, after=self._newest))
            if self.everywhere.host and self.is_looked_at and now - hosts_at >= _HOSTS_EVERY:
                hosts_at = now
                self.everywhere.take(await asyncio.to_thread(self._ask, HOSTS))
            await asyncio.sleep(_EVERY if self.is_looked_at else _EVERY_ALONE)

    def look(self) -> None:
        """Somebody sees a page now, or has asked for figures."""
        self._looked_at = self._clock()

    @property
    def is_looked_at(self) -> bool:
        """Whether anybody has looked lately."""
        return self._clock() - self._looked_at < _LOOKS

    def take(self, reply: Reply | None) -> None:
        """An answer about the status, or that there was none."""
        now = self._clock()
        if reply is None or "partitions" not in reply:
            return
        self.reply = self._with_processes(reply)
        self.status = PipelineStatus.from_json(self.reply)
        self.seen.look(self.status, now - self._since)
        self.recent.add(self.status, time.time())
        self._since = now
        self.answers += 1

    def take_events(self, reply: Reply | None) -> None:
        """Those that are new since the last question."""
        if reply is None or "events" not in reply:
            return
        if reply.get("run") != self._run:
            self._run, self._newest = str(reply.get("run")), 0
        for said in reply["events"]:
            event = Event.from_json(said)
            self._newest = event.number
            self.events.append(event)

    def act(self, verb: str, where: str, *, client: str, dry_run: bool, **more: float) -> Reply | None:
        """Ask for something to be done to a topic or partition; as commands do it. Takes up to seconds.

        `client`: the address of whoever wants it.
        """
        return self._ask(verb, where=[where], dry_run=dry_run, page_client=client, **more)

    def _with_processes(self, reply: Reply) -> Reply:
        """Memory and CPU as they were told last; of the same process only."""
        partitions = [dict(one) for one in reply["partitions"]]
        for one in partitions:
            key = f"{one.get('topic')}/{one.get('partition')}"
            if one.get("memory_bytes") is not None:
                self._processes[key] = {name: one.get(name) for name in ("pid", "memory_bytes", "cpu_percent")}
            elif (known := self._processes.get(key)) and known["pid"] == one.get("pid"):
                one.update(known)
        there = {f"{one.get('topic')}/{one.get('partition')}" for one in partitions}
        self._processes = {key: known for key, known in self._processes.items() if key in there}
        return reply | {"partitions": partitions}

    @property
    def silence(self) -> float:
        """Seconds since the last answer, or since the start."""
        return self._clock() - self._since

    @property
    def fresh(self) -> PipelineStatus | None:
        """The last answer, if it is one of now."""
        return self.status if self.silence < _OLD else None
