"""What other commands ask of a running supervisor, by name; control_socket.py carries question and answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial

from supervisor.control.control_socket import Command, Reply, Request
from supervisor.control.event_ring import EventRing
from supervisor.hosts.hosts_heard import COMMAND as HOSTS
from supervisor.hosts.hosts_heard import HostsHeard
from supervisor.lifecycle.requests import Verb
from supervisor.status.status_refresh import StatusReport
from supervisor.steering.dead_letter_acts import COMMAND as DEAD_LETTERS_DONE
from supervisor.steering.dead_letter_acts import DeadLetterActs
from supervisor.steering.partition_acts import PartitionActs
from supervisor.steering.reload import Reload
from supervisor.steering.row_limits import RowLimits
from supervisor.steering.step_over import StepOver


class ControlCommands:
    """The parts of a supervisor that answer."""

    def __init__(
        self,
        report: StatusReport,
        acts: PartitionActs,
        limits: RowLimits,
        steps: StepOver,
        *,
        reload: Reload,
        dead_letters: DeadLetterActs,
        events: EventRing,
        hosts: HostsHeard,
    ) -> None:
        self._report = report
        self._acts = acts
        self._limits = limits
        self._steps = steps
        self._reload = reload
        self._dead_letters = dead_letters
        self._events = events
        self._hosts = hosts

    def by_name(self, *, draining: bool) -> Mapping[str, Command]:
        """Each takes the whole request and gives the reply. `draining`: the run ends, so nothing is started."""
        return {
            "status": lambda request: self._status(request, draining=draining),
            "events": self._newer_events,
            HOSTS: self._hosts.answer,
            DEAD_LETTERS_DONE: self._dead_letters.answer,
            "step-over": partial(self._steps.answer, draining=draining),
            "reload": partial(self._reload.answer, draining=draining),
            "limit": partial(self._limits.answer, draining=draining),
            **{verb.value: partial(self._acts.answer, verb, draining=draining) for verb in Verb},
        }

    def _status(self, request: Request, *, draining: bool) -> Reply:
        """`processes` false: without memory and CPU of each process, which cost more than all the rest."""
        processes = request.body.get("processes") is not False
        return self._report.status(draining=draining, processes=processes).to_json()

    def _newer_events(self, request: Request) -> Reply:
        """Those after number `after`, if `run` is this one; else all that are kept."""
        after = request.body.get("after") if request.body.get("run") == self._events.run else 0
        newer = self._events.after(after if isinstance(after, int) else 0)
        return {"run": self._events.run, "events": [dataclasses.asdict(event) for event in newer]}
