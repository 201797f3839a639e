"""The commands that look: their options reach the feature, what it says is printed, the exit code follows."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any, Self

import pytest

from rtpipe.errors import UnreachableError
from supervisor.control.event_ring import Event
from supervisor.history.look_back import LookBack
from supervisor.history.minute_figures import MinuteFigures
from supervisor.peek.peek import PeekOrder
from supervisor.peek.peeked import Beside, Peeked, RowState
from supervisor.trial.outcome import PartitionTrial, TopicTrial
from tests.support.command_answers import Command, refused
from workers.contract.partition_spec import PartitionKey

pytestmark = pytest.mark.usefixtures("addresses")
ORDERS = PartitionKey("orders", 0)
EVENT = Event(1, "2026-11-22T22:14:58.338Z", "warning", "worker_died", "orders/0", "killed by SIGKILL", {})
MINUTE = MinuteFigures("2026-11-22T22:14:00.000Z", "orders", 0, 17, 1, 5, 0.5, "running", "ok", 0.5)


# -- history -------------------------------------------------------------------------------------------------------


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What happened, and the spans that were asked for."""
    found = SimpleNamespace(back=LookBack([EVENT], [MINUTE]), spans=[])

    def look(_file: object, span: Any) -> Any:
        found.spans.append(span)
        return found.back

    monkeypatch.setattr("supervisor.history.look_back.look_back", look)
    return found


def test_history_of_a_partition(rtpipe: Command, past: Any) -> None:
    answer = rtpipe("history", "orders/0", "--since", "2026-11-22T22:00", "--until", "2026-11-22T23:00", "--minutes")
    assert answer.returncode == 0
    [span] = past.spans
    assert (span.topic, span.partition) == ("orders", 0)
    assert span.since.startswith("2026-11-22T22:00")
    assert span.until.startswith("2026-11-22T23:00")
    assert "killed by SIGKILL" in answer.stdout
    assert "17" in answer.stdout.split("killed by SIGKILL")[1]


def test_history_of_everything_as_json_has_minutes_only_if_they_are_wanted(rtpipe: Command, past: Any) -> None:
    facts = json.loads(rtpipe("history", "--json").stdout)
    assert facts["events"][0]["text"] == "killed by SIGKILL"
    assert "minutes" not in facts
    assert json.loads(rtpipe("history", "--json", "--minutes").stdout)["minutes"][0]["rows"] == 17
    assert (past.spans[0].topic, past.spans[0].partition) == (None, None)


def test_history_in_which_nothing_happened(rtpipe: Command, past: Any) -> None:
    past.back = LookBack([], [])
    assert "nothing happened from" in rtpipe("history").stdout


# -- logs ----------------------------------------------------------------------------------------------------------


def test_logs(rtpipe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("supervisor.history.live_events.LiveEvents", lambda _directory, *where: where)
    monkeypatch.setattr(
        "supervisor.history.live_events.print_events", lambda *given, **more: asked.append((*given, more))
    )
    assert rtpipe("logs").returncode == 0
    assert rtpipe("logs", "orders/3", "-f", "-n", "7", "--json").returncode == 0
    assert asked == [
        ((None, None), 50, {"follow": False, "as_json": False}),
        (("orders", 3), 7, {"follow": True, "as_json": True}),
    ]


# -- top -----------------------------------------------------------------------------------------------------------


def test_top_needs_a_terminal(rtpipe: Command) -> None:
    refused(rtpipe("top"), 2, "E_SETTINGS", "needs a terminal", "rtpipe status")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Input and output are a terminal, as the command sees it."""
    monkeypatch.setattr("supervisor.commands.top.sys", SimpleNamespace(stdin=Tty(), stdout=Tty()))


class Tty:
    def isatty(self) -> bool:
        return True


def test_top_without_its_extra_says_how_to_install_it(
    rtpipe: Command, terminal: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "textual", None)
    refused(rtpipe("top"), 2, "E_SETTINGS", "needs Textual", "rtpipe[top]")


def test_top_shows_the_supervisors_of_this_machine(
    rtpipe: Command, terminal: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []

    def app(supervisors: Any) -> Any:
        shown.append(supervisors)
        return SimpleNamespace(run=lambda: shown.append("run"))

    monkeypatch.setattr("supervisor.top.top_app.TopApp", app)
    assert rtpipe("top").returncode == 0
    assert [type(one).__name__ for one in shown] == ["Supervisors", "str"]


# -- try -----------------------------------------------------------------------------------------------------------


def test_try_prints_each_topic_as_it_is_done(rtpipe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def tried(settings: Any, topics: Any, rows: int) -> Any:
        asked.append((settings.bootstrap_servers, topics, rows))
        one = PartitionTrial(ORDERS, 0, 3, messages=3, rows=3)
        return iter([TopicTrial(topic, topic, [one], missing=topic == "b", statements=()) for topic in topics])

    monkeypatch.setattr("supervisor.trial.trial.try_topics", tried)
    answer = rtpipe("try", "--topics", "a", "--rows", "7", "-b", "other:9")
    assert answer.returncode == 0
    assert "a -> a: 3 messages tried" in answer.stdout
    assert asked == [("other:9", ["a"], 7)]
    answer = rtpipe("try", "--topics", "a,b", "--json")
    assert answer.returncode == 3
    assert [topic["topic"] for topic in json.loads(answer.stdout)["topics"]] == ["a", "b"]


# -- peek ----------------------------------------------------------------------------------------------------------


class FakePeek:
    """What Peek gives."""

    found: list[tuple[Peeked, Beside]]
    more: list[Any]
    trouble: Any

    def __init__(self, _settings: object, order: PeekOrder) -> None:
        FakePeek.order = order

    order: PeekOrder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def messages(self) -> list[tuple[Peeked, Beside]]:
        return FakePeek.found

    def follow(self) -> Any:
        yield from FakePeek.more
        raise KeyboardInterrupt


def message(offset: int) -> tuple[Peeked, Beside]:
    read = Peeked(ORDERS, offset, 1_700_000_000_123, 12, b"k", b"\0\0\0\0\x0c", None, {"id": offset}, "")
    return read, Beside(RowState.ROW, "", {"id": offset})


@pytest.fixture
def peeking(monkeypatch: pytest.MonkeyPatch) -> type[FakePeek]:
    FakePeek.found, FakePeek.more, FakePeek.trouble = [message(7)], [[message(8)]], None
    monkeypatch.setattr("supervisor.peek.peek.Peek", FakePeek)
    return FakePeek


def test_peek_shows_each_message_beside_its_row(rtpipe: Command, peeking: type[FakePeek]) -> None:
    answer = rtpipe("peek", "orders")
    assert answer.returncode == 0
    assert answer.stdout.startswith("orders/0 offset 7")
    assert peeking.order == PeekOrder(topic="orders", partition=None, offset=None, count=5)


def test_peek_follows_until_it_is_ended(rtpipe: Command, peeking: type[FakePeek]) -> None:
    answer = rtpipe("peek", "orders/0", "--offset", "7", "-n", "1", "-f", "--json")
    assert answer.returncode == 0
    assert [json.loads(line)["offset"] for line in answer.stdout.splitlines()] == [7, 8]
    assert peeking.order == PeekOrder(topic="orders", partition=0, offset=7, count=1)


@pytest.mark.parametrize(
    ("found", "words", "said"),
    [
        ([], ["orders"], "orders has no message"),
        ([], ["orders/0", "--offset", "3"], "from offset 3 on there is no message"),
        ([7], ["orders/0", "--offset", "6"], "offset 6 is gone"),
        ([7], ["orders/0", "--offset", "3"], "offsets 3 to 6 are gone"),
        ([7], ["orders/0", "--offset", "7"], ""),
        ([], ["orders", "-n", "0"], ""),
    ],
)
def test_peek_says_why_there_is_less_than_was_asked_for(
    rtpipe: Command, peeking: type[FakePeek], found: list[int], words: list[str], said: str
) -> None:
    peeking.found = [message(offset) for offset in found]
    answer = rtpipe("peek", *words)
    assert answer.returncode == 0
    assert answer.stderr.startswith(said)
    assert bool(said) is bool(answer.stderr)


def test_peek_without_a_database_still_shows_messages(rtpipe: Command, peeking: type[FakePeek]) -> None:
    peeking.trouble = UnreachableError("db:1 does not answer", hint="start it")
    answer = rtpipe("peek", "orders")
    assert answer.returncode == 0
    assert "no rows: db:1 does not answer (start it)" in answer.stderr
    assert "offset 7" in answer.stdout
