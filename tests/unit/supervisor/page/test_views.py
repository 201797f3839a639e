"""What the pages show, as rows and words."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.control.event_ring import Event
from supervisor.lifecycle.worker_state import WorkerState
from supervisor.page.recent import Point
from supervisor.page.views.activity import event_rows
from supervisor.page.views.charts import MARKED, ROWS, last_minutes, marks, options_of
from supervisor.page.views.dead_letters import letter_rows
from supervisor.page.views.partition import death_rows, reason_of, trouble_rows
from supervisor.page.views.partition_table import folded_rows, partition_row
from supervisor.page.views.phase_bar import limit_in_words
from supervisor.page.views.topic import change_rows
from supervisor.page.views.words import caught_up, clock, condition_mark, milliseconds, seconds, size, state_mark, trend
from supervisor.schemas.topic_facts import TableChange
from supervisor.status.facts.condition import Condition
from supervisor.status.facts.partition_status import DeathFact, PartitionStatus, Trouble
from supervisor.status.facts.topic_status import TopicStatus
from tests.support.pages import strings_of_the_code
from tests.support.samples.statuses import partition_status, pipeline_status
from workers.contract.batch_figures import BatchFigures, PhaseSeconds


def partitions(*changes: dict[str, Any]) -> tuple[PartitionStatus, ...]:
    return pipeline_status(*changes).partitions


LATE = {"condition": "late", "condition_reason": "its oldest message has waited for 90 s"}
HELD = {"state": "halted", "condition": "held", "reason": "E_DATA: no row", "condition_seconds": 61.0}


def test_topics_are_folded_worst_first_and_those_in_trouble_are_open() -> None:
    found = partitions({"topic": "a"}, {"topic": "b"}, {"topic": "b"} | HELD, {"topic": "c"} | LATE)
    rows = folded_rows(found, set())
    assert [row["id"] for row in rows] == ["b", "b/2", "b/1", "c", "a"]
    assert [rows[0]["condition"], rows[0]["state"]] == ["■ 1 held", "▸ 1 of 2"]
    assert rows[3]["reason"] == "its oldest message has waited for 90 s"
    assert [row["id"] for row in folded_rows(found, {"a", "b"})] == ["b", "c", "a", "a/0"]


def test_partitions_that_are_well_stay_where_they_are() -> None:
    found = partitions({"offset": 1_500}, {"offset": 0}, {"offset": 700})
    assert [row["id"] for row in folded_rows(found, {"orders"})] == ["orders", "orders/0", "orders/1", "orders/2"]


def test_a_worker_in_backoff_comes_before_those_that_are_well() -> None:
    found = partitions({}, {"state": "backoff", "reason": "it died"})
    assert [row["id"] for row in folded_rows(found, {"orders"})][1] == "orders/1"


def test_a_sum_with_an_unknown_part_is_a_dash() -> None:
    [row] = folded_rows(partitions({}, {"offset": None, "rows_per_second": None}), set())
    assert (row["lag"], row["rate"], row["dead"]) == ("-", "-", "6")


def test_what_is_not_known_of_a_partition_is_a_dash() -> None:
    unknown = dict.fromkeys(("offset", "rows_per_second", "dead", "restarts"))
    row = partition_row(partition_status(**unknown), name="x")
    assert {row[name] for name in ("lag", "rate", "dead", "restarts", "age", "trend", "until")} == {"-"}


def test_names_of_topics_cannot_hide_or_lead_elsewhere() -> None:
    row = partition_row(partition_status(topic="a\x1b/../b?c"), name="x")
    assert row["address"] == "/partition/a%1B/../b%3Fc/0"
    assert "\x1b" not in folded_rows(partitions({"topic": "\x1b"}), set())[0]["name"]


@pytest.mark.parametrize("state", [state.value for state in WorkerState])
def test_every_state_has_a_shape_of_its_own_tone(state: str) -> None:
    assert state_mark(state).shape != "?"


def test_every_condition_has_a_shape_that_no_other_has() -> None:
    shapes = [condition_mark(condition.value).shape for condition in Condition]
    assert len(set(shapes)) == len(shapes)
    assert condition_mark("of another version").text == "? of another version"


def test_a_held_partition_says_since_when_and_the_way_out() -> None:
    assert reason_of(partition_status(**HELD)) == (
        "E_DATA: no row (for 1 min 1 s) Repair the cause, then: rtpipe resume orders/0"
    )
    assert not reason_of(partition_status())


@pytest.mark.parametrize(
    ("changes", "moves", "until"),
    [
        ({"lag_per_second": 0.2, "lag_seconds": 0.5}, "steady", "now"),
        ({"lag_per_second": -120.0, "caught_up_in": 65.0, "lag_seconds": 30.0}, "-120/s", "1 min 5 s"),
        ({"lag_per_second": 1_500.0, "lag_seconds": 30.0}, "+1,500/s", "not like this"),
        ({"lag_per_second": 0.0, "offset": 1_500}, "none", "now"),
        ({"offset": None}, "-", "-"),
    ],
)
def test_the_trend_and_when_it_is_caught_up(changes: dict[str, Any], moves: str, until: str) -> None:
    found = partition_status(**changes)
    assert (trend(found), caught_up(found)) == (moves, until)


def test_units() -> None:
    assert [milliseconds(0.012), milliseconds(2.5), milliseconds(None)] == ["12 ms", "2.5 s", "-"]
    assert [size(27_400_000), size(3 << 30), size(None), seconds(None)] == ["26 MB", "3.0 GB", "-", "-"]
    assert [clock("2026-11-29T18:03:49.120Z"), clock("")] == ["11-29 18:03:49", "-"]


@pytest.mark.parametrize(
    ("phases", "words"),
    [
        (None, "Nothing was committed"),
        (PhaseSeconds(0.9, 0.1, 0.0, 0.0), "It waits for messages"),
        (PhaseSeconds(0.1, 0.2, 0.6, 0.1), "Limited by writing to the database."),
    ],
)
def test_which_phase_limits(phases: PhaseSeconds | None, words: str) -> None:
    assert limit_in_words(partition_status(phases=phases)).startswith(words)


def test_dead_letters_by_reason_with_what_to_do() -> None:
    few, many = ({"figures": BatchFigures(reasons={"E_WIRE_FORMAT": count})} for count in (1, 40))
    [row, other] = letter_rows(partitions(few, many, {"figures": BatchFigures(reasons={"E_OF_LATER": 2})}))
    assert (row["count"], row["partitions"], row["reason"]) == ("41", "0, 1", "E_WIRE_FORMAT")
    assert "serializer" in row["meaning"]
    assert (other["count"], other["meaning"]) == ("2", "")


def test_deaths_troubles_and_changes() -> None:
    death = DeathFact("2026-11-29T18:03:49.120Z", "killed", "consumer", 7, -9, 1_000, 3, has_stacks=True)
    found = partition_status(deaths=(death,), troubles=(Trouble("", "E_X", "a\x1b"),))
    assert death_rows(found)[0] | {"id": 0} == {
        "id": 0,
        "at": "11-29 18:03:49",
        "reason": "killed",
        "offset": "1,000",
        "epoch": "3",
        "stacks": "in the log",
    }
    assert trouble_rows(found)[0]["text"] == "a\\x1b"
    left = TableChange("", 8, done=False, sql="ALTER", why_not="it would copy")
    [row] = change_rows(TopicStatus("t", "t", 60, 120, (), (left,)))
    assert (row["done"], row["sql"]) == ("■ a person must", "ALTER — it would copy")


def event(number: int, name: str, at: str = "1970-01-01T00:01:40Z") -> Event:
    return Event(number, at, "warning", name, "orders/0", "text", {})


def test_the_newest_event_comes_first() -> None:
    rows = event_rows([event(1, "a"), event(2, "b")])
    assert [row["name"] for row in rows] == ["b", "a"]
    assert rows[0]["level"] == "▲ warning"
    assert [row["name"] for row in event_rows([event(1, "a_died"), event(2, "b")], " A_DI")] == ["a_died"]


POINTS = [Point(100.0 + at, 1.0, None, None) for at in range(0, 100, 2)]


def test_a_chart_has_marks_where_something_began_or_ended_and_words_where_there_is_room() -> None:
    events = [event(1, "worker_died"), event(2, "worker_claimed", "1970-01-01T00:01:41Z"), event(3, "dead_letters")]
    later = event(4, "worker_halted", "1970-01-01T00:03:00Z")
    outside = event(5, "worker_halted", "1970-01-02T00:03:00Z")
    found = marks(last_minutes(POINTS), [*events, later, outside])
    assert [(mark["xAxis"], mark["name"]) for mark in found] == [(100_000, "died"), (101_000, ""), (180_000, "held")]
    assert not marks(last_minutes([]), events)


def test_a_point_that_is_not_known_is_a_gap() -> None:
    points = [*POINTS, Point(200.0, None, None, None)]
    drawn = options_of(ROWS, points, last_minutes(points), [])
    assert {name: values[-1] for name, values in drawn["dataset"]["source"].items()} == {"at": 200_000, "value": None}


def test_the_events_that_are_marked_are_events_of_the_log() -> None:
    assert set(MARKED) <= set(strings_of_the_code().split())
