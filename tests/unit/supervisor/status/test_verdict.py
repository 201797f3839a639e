"""One sentence about a run, and which of its partitions are not ready."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rtpipe.clock import duration
from supervisor.status.facts.condition import Condition
from supervisor.status.facts.readiness import not_ready
from supervisor.status.facts.verdict import silent, verdict
from tests.support.samples.statuses import pipeline_status
from workers.contract.batch_figures import BatchFigures


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0 s"),
        (0.44, "0.4 s"),
        (7, "7 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (3_600, "1 h"),
        (7_800, "2 h 10 min"),
        (356_400, "4 d 3 h"),
    ],
)
def test_a_duration_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_all_is_well_and_dead_letters_are_not_hidden() -> None:
    found = verdict(pipeline_status({"dead": 0}, {"dead": 2_000}))
    assert found.level == "well"
    assert found.sentence == (
        "All 2 partitions run, and all data is on time."
        " Also 2,000 dead letters since the start: rtpipe dead-letters list."
    )


HELD = {"state": "halted", "condition": "held", "reason": "E_EVOLUTION: a column is missing", "condition_seconds": 130}
LATE = {"condition": "late", "condition_reason": "its oldest message has waited for 90 s", "condition_seconds": 30}


def test_the_worst_comes_first_with_its_reason_since_when_and_what_to_do() -> None:
    found = verdict(pipeline_status(LATE, HELD, {}, LATE))
    assert found.level == "trouble"
    assert found.sentence == (
        "orders/1 has been held for 2 min 10 s: E_EVOLUTION: a column is missing."
        " Repair the cause, then: rtpipe resume orders/1. Also 2 late."
    )


def test_of_many_the_one_that_waits_longest_gives_its_reason() -> None:
    longer = HELD | {"reason": "the first", "condition_seconds": 500}
    found = verdict(pipeline_status(HELD, HELD, longer))
    assert found.what == "3 of 3 partitions (orders/0 …) have been held"
    assert (found.why, found.since, found.do) == ("the first", 500, "Repair the cause, then: rtpipe resume orders/2")


@pytest.mark.parametrize("condition", [one.value for one in Condition if one is not Condition.OK])
def test_no_condition_but_ok_is_well(condition: str) -> None:
    assert verdict(pipeline_status({}, {"condition": condition})).level != "well"


@pytest.mark.parametrize("state", ["waiting", "starting", "backoff", "stopping", "stopped"])
def test_a_worker_that_does_not_run_is_not_well_though_its_data_may_be(state: str) -> None:
    assert verdict(pipeline_status({}, {"state": state})).level != "well"


def test_control_characters_of_a_reason_do_not_move_the_cursor() -> None:
    assert "\x1b" not in verdict(pipeline_status(HELD | {"reason": "\x1b[2J"})).sentence


def test_before_the_first_partition_is_known() -> None:
    assert verdict(pipeline_status()).what == "No partition has been known"
    found = verdict(pipeline_status({"partition": -1, "state": "waiting", "reason": "Kafka does not answer"}))
    assert (found.level, found.why) == ("notice", "Kafka does not answer")


def test_a_supervisor_that_is_silent() -> None:
    assert silent(65).sentence.startswith("The supervisor has not answered for 1 min 5 s.")


@pytest.mark.parametrize(
    ("changes", "of_run", "who"),
    [
        (({}, {}), {}, []),
        (({}, {"state": "paused"}), {}, []),
        (({}, {"state": "halted"}, {"state": "waiting"}), {}, ["orders/1", "orders/2"]),
        ((), {}, ["supervisor"]),
        (({},), {"draining": True}, ["supervisor"]),
    ],
)
def test_who_is_not_ready(changes: tuple[dict[str, Any], ...], of_run: dict[str, Any], who: list[str]) -> None:
    assert [one.who for one in not_ready(pipeline_status(*changes, **of_run))] == who


def test_sums_of_figures_are_plain_enough_for_a_status() -> None:
    one = BatchFigures(reasons={"E_VALUE": 2})
    for summed in (one + one, one + one - one):
        told = json.loads(json.dumps(pipeline_status({"figures": summed}).to_json()))
        assert told["partitions"][0]["figures"]["reasons"] == summed.reasons


def test_a_topic_that_is_not_served_is_said_beside_the_others() -> None:
    note = "bank_b is not served: topics bank_a, bank_b would all go to table bank_a"
    found = verdict(pipeline_status({"dead": 0}, notes=(note,)))
    assert (found.level, found.sentence) == ("notice", f"orders/0 runs, and all data is on time. Also {note}.")
    assert verdict(pipeline_status(LATE, {}, notes=(note,))).sentence.endswith(f"Also {note}.")
    none = pipeline_status(notes=("Kafka has no topic that fits ^bank_",))
    assert "Kafka has no topic that fits ^bank_" in verdict(none).sentence
    assert not_ready(none)[0].reason == "Kafka has no topic that fits ^bank_"
