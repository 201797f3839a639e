"""The newest events of the supervisors that run here, asked for again and again."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

from rtpipe.pause import PausePolicy
from supervisor.control.control_socket import ask, sockets_in
from supervisor.control.event_ring import Event
from supervisor.history.history_view import event_line
from supervisor.status.running_supervisors import nobody_answers

#: Between two questions.
_PAUSES = PausePolicy.steady(0.5)


class LiveEvents:
    """Of all supervisors that listen in one directory; about everything, a topic, or one partition of it."""

    def __init__(self, directory: Path, topic: str | None, partition: int | None) -> None:
        self._directory = directory
        self._topic = topic
        self._partition = partition
        self._seen: dict[Path, tuple[str, int]] = {}  # of each socket: the run, and its newest event

    def newer(self) -> list[Event]:
        """What has come since the last call, oldest first. UnreachableError if no supervisor answers."""
        answered, found = False, list[Event]()
        for socket in sockets_in(self._directory):
            run, after = self._seen.get(socket, ("", 0))
            answer = ask(socket, "events", run=run, after=after)
            if answer is None:
                continue
            answered = True
            if "events" not in answer:  # it waits for Kafka before it has a plan, or is of an older version
                continue
            events = [Event.from_json(said) for said in answer["events"]]
            self._seen[socket] = answer["run"], events[-1].number if events else after if answer["run"] == run else 0
            found += events
        if not answered:
            raise nobody_answers(self._directory)
        return sorted(filter(self._wanted, found), key=lambda event: event.at)

    def _wanted(self, event: Event) -> bool:
        return self._topic is None or event.is_about(self._topic, self._partition)


def print_events(events: LiveEvents, count: int, *, follow: bool, as_json: bool) -> None:
    """The newest `count`; then, to follow, what comes, until the supervisors are gone."""
    _print(events.newer()[-count:] if count else [], as_json=as_json)
    while follow:
        time.sleep(_PAUSES.seconds())
        _print(events.newer(), as_json=as_json)


def _print(events: list[Event], *, as_json: bool) -> None:
    for event in events:
        print(json.dumps(dataclasses.asdict(event)) if as_json else event_line(event), flush=True)
