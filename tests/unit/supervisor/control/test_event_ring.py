"""The newest events of a supervisor, and who asks for them."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from rtpipe.errors import UnreachableError
from supervisor.control.control_socket import ControlServer, Request
from supervisor.control.event_ring import Event, EventRing
from supervisor.history.history_link import HistoryLink
from supervisor.history.live_events import LiveEvents

DIED = Event(1, "2026-11-29T03:12:07.120Z", "warning", "worker_died", "orders/0", "killed", {"died_pid": 7})


def names(events: list[Event]) -> list[str]:
    return [event.event for event in events]


class FakeCompanion:
    def __init__(self) -> None:
        self.starts, self.told, self.stopped = 1, list[int](), False

    def look(self, _now: float) -> None:
        pass

    def tell(self, line: bytes) -> bool:
        self.told.append(json.loads(line)["number"])
        return True

    def stop(self) -> None:
        self.stopped = True


class TestTheRing:
    @pytest.fixture
    def ring(self) -> EventRing:
        return EventRing()

    @staticmethod
    def happen(ring: EventRing, *events: str) -> None:
        for event in events:
            record = logging.LogRecord("rtpipe.x", logging.WARNING, "", 0, "%s!", (event,), None)
            record.__dict__ |= {"event": event, "partition": "orders/0", "sql": "X", "path": Path("/x")}
            ring.emit(record)

    def test_it_keeps_what_has_a_name_with_all_its_fields(self, ring: EventRing) -> None:
        ring.emit(logging.LogRecord("rtpipe.x", logging.INFO, "", 0, "nameless", (), None))
        self.happen(ring, "summary")
        self.happen(ring, "one")
        [event] = ring.after(0)
        assert (event.number, event.event, event.level, event.partition, event.text) == (
            1,
            "one",
            "warning",
            "orders/0",
            "one!",
        )
        assert event.more == {"sql": "X", "path": "/x"}
        assert event.is_about("orders", 0)
        assert event.is_about("orders", None)
        assert not event.is_about("orders", 1)

    def test_what_is_newer_comes_in_order(self, ring: EventRing) -> None:
        self.happen(ring, "one", "two", "three")
        assert names(ring.after(1)) == ["two", "three"]
        assert ring.after(3) == []

    def test_the_history_is_told_each_event_once_and_all_of_them_after_its_restart(self, ring: EventRing) -> None:
        companion: Any = FakeCompanion()
        link = HistoryLink(companion, ring)
        self.happen(ring, "one", "two")
        link.look(1.0)
        self.happen(ring, "three")
        link.look(2.0)
        assert companion.told == [1, 2, 3]
        companion.starts = 2
        link.stop()
        assert companion.told == [1, 2, 3, 1, 2, 3]
        assert companion.stopped

    def test_a_supervisor_is_asked_for_what_is_new(self, ring: EventRing, tmp_path: Path) -> None:
        server = ControlServer(str(tmp_path / "supervisor-1.sock"))
        asked: list[dict[str, Any]] = []

        def events(request: Request) -> dict[str, Any]:
            asked.append(request.body)
            newer = ring.after(request.body["after"] if request.body["run"] == ring.run else 0)
            return {"run": ring.run, "events": [dataclasses.asdict(event) for event in newer]}

        server.open(lambda: server.answer({"events": events}))
        try:
            self.happen(ring, "one")
            live = LiveEvents(tmp_path, "orders", 0)
            assert names(live.newer()) == ["one"]
            assert live.newer() == []
            self.happen(ring, "two")
            assert names(live.newer()) == ["two"]
            assert LiveEvents(tmp_path, "sales", None).newer() == []
            assert [request["after"] for request in asked[:3]] == [0, 1, 1]
        finally:
            server.close()
        with pytest.raises(UnreachableError):
            live.newer()

    def test_one_that_has_no_events_yet_answers_all_the_same(self, tmp_path: Path) -> None:
        server = ControlServer(str(tmp_path / "supervisor-1.sock"))
        server.open(lambda: server.answer({}))
        try:
            assert LiveEvents(tmp_path, None, None).newer() == []
        finally:
            server.close()

    def test_an_event_of_another_version_is_read_as_far_as_it_goes(self) -> None:
        assert Event.from_json(dataclasses.asdict(DIED)) == DIED
        other = Event.from_json({"number": 7, "event": "worker_died", "colour": "red"})
        assert (other.number, other.event, other.text, other.more) == (7, "worker_died", "", {})
