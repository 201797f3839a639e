"""The table of `rtpipe status`, from facts to text."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.pipeline_status import PipelineStatus
from supervisor.status.status_table import status_picture, summary_words

FACTS: dict[str, Any] = {
    "topic": "orders",
    "partition": 0,
    "state": "running",
    "reason": "",
    "pid": 4_711,
    "writer_pid": 4_712,
    "epoch": 1,
    "end_offset": 1_500,
    "offset": 1_000,
    "rows": 1_000,
    "dead": 0,
    "rows_per_second": 1_234.4,
    "queue_depth": 3,
    "backpressure": False,
    "restarts": 2,
    "memory_bytes": 27_400_000,
    "cpu_percent": 12.0,
}


def _nested(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(children) | st.dictionaries(st.text(), children)


def pipeline(*changes: dict[str, Any], draining: bool = False) -> PipelineStatus:
    return PipelineStatus(1, 2.0, draining, tuple(PartitionStatus(**(FACTS | change)) for change in changes))


def picture(status: PipelineStatus, width: int = 160, height: int | None = None) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(status_picture(status, width, height))
    assert "\x1b" not in out.getvalue()
    found = [line.rstrip() for line in out.getvalue().splitlines()]
    assert max(map(cell_len, found)) <= width
    return found


def lines(status: PipelineStatus, width: int = 160, height: int | None = None) -> list[list[str]]:
    return [line.split() for line in picture(status, width, height)]


def test_one_row_for_each_partition_and_the_sums_below() -> None:
    head, first, second, total, summary = lines(pipeline({}, {"partition": 1, "offset": 1_499, "rows_per_second": 0.6}))
    assert head[:5] == ["TOPIC", "PART", "STATE", "PID", "KAFKA"]
    assert first == ["orders", "0", "running", "4711", "1,500", "1,000", "500", "1,234", "3", "2", "27", "12"]
    assert second[5:8] == ["1,499", "1", "1"]
    assert total == ["total", "501", "1,235", "4", "55", "24"]
    assert " ".join(summary) == "2 of 2 running"


def test_what_is_not_known_is_a_dash_and_no_sum_hides_it() -> None:
    unknown = dict.fromkeys(("pid", "end_offset", "offset", "memory_bytes", "cpu_percent"))
    _, row, known, total, summary = lines(pipeline({**unknown, "state": "starting"}, {"partition": 1}))
    assert row == ["orders", "0", "starting", "-", "-", "-", "-", "1,234", "3", "2", "-", "-"]
    assert known[6] == "500"
    assert total[1:4] == ["500", "+", "?"]
    assert " ".join(summary) == "1 of 2 running, 1 starting; lag of 1 not known"
    assert lines(pipeline(unknown))[2][:2] == ["total", "-"]


STATES = ["running", "starting", "halted", "stopped", "waiting", "of another version", "quarantined", "backoff"]


def test_the_worst_is_first() -> None:
    found = picture(pipeline(*({"state": state, "partition": part} for part, state in enumerate(STATES))))
    assert [line.split()[1] for line in found[1:-2]] == ["2", "6", "7", "4", "1", "5", "0", "3"]


@pytest.mark.parametrize("width", [40, 80, 100, 250])
def test_a_reason_stands_below_the_table_in_full_and_once(width: int) -> None:
    reason = "column `amount` of bank.orders: " + "what the server said of it, " * 20 + "x" * 300 + " end"
    waits = {"state": "waiting", "reason": reason}
    found = picture(pipeline(waits, {**waits, "partition": 1}, {"partition": 2}), width)
    below = found[found.index("orders/0, orders/1 waiting:") + 1 :]
    assert "".join(below).replace(" ", "") == reason.replace(" ", "")


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("topic", ["orders", "a-topic-with-a-rather-long-name.of.its.own-" + "x" * 100])
def test_columns_that_matter_stay_on_every_width(width: int, topic: str) -> None:
    large = {"end_offset": 9_999_999_999, "offset": 1_111_111_111, "dead": 12_345, "state": "quarantined"}
    found = picture(pipeline({"topic": topic}, {"topic": topic, "partition": 1, **large}), width)
    assert {"TOPIC", "PART", "STATE", "LAG", "ROWS/S"} <= set(found[0].split())
    text = " ".join(found)
    for word in ("8,888,888,888", "8,888,889,388", "quarantined", "1,234", "1 of 2 running"):
        assert word in text
    assert "…" not in text
    if width >= 80:
        assert "DEAD" in found[0].split()


def test_on_the_narrowest_of_terminals_lines_break_and_nothing_is_cut() -> None:
    found = picture(pipeline({"state": "quarantined", "end_offset": 9_999_999_999, "offset": 0}), 30)
    assert "".join(found).count("9") == 2 * 10  # its lag, and the sum
    assert "…" not in "".join(found)


def test_what_is_dropped_first_is_what_a_person_needs_least() -> None:
    titles = {width: picture(pipeline({"topic": "a-topic-of-20-letters"}), width)[0].split() for width in (110, 80)}
    assert "PID" in titles[110]
    assert titles[80] == ["TOPIC", "PART", "STATE", "KAFKA", "DATABASE", "LAG", "ROWS/S", "QUEUE"]


def test_a_terminal_that_is_too_low_shows_the_worst_and_all_sums() -> None:
    many = [{"partition": number, "offset": number} for number in range(100)]
    found = picture(pipeline(*many, {"partition": 100, "state": "halted", "reason": "why"}), 80, 20)
    assert len(found) <= 20
    assert [line.split()[1] for line in found[1:4]] == ["100", "0", "1"]
    assert "and 88 more: 88 running" in " ".join(found)
    assert "total" in " ".join(found)
    assert found[-1].strip() == "why"


def test_backpressure_is_seen() -> None:
    row = lines(pipeline({"backpressure": True, "queue_depth": 8}))[1]
    assert row[8:10] == ["8", "full"]


def test_a_warning_stands_below_the_table_while_the_partition_runs() -> None:
    warned = {"warning": "W_KEY_FORMAT: why"}
    status = pipeline(warned, {"partition": 1}, {"partition": 2, **warned})
    found = picture(status)
    assert found[-3:] == ["3 of 3 running", "orders/0, orders/2 running, with a warning:", "  W_KEY_FORMAT: why"]
    [first, second, _] = json.loads(json.dumps(status.to_json()))["partitions"]
    assert (first["warning"], second["warning"]) == ("W_KEY_FORMAT: why", "")
    assert PipelineStatus.from_json(status.to_json()) == status
    halted = picture(pipeline({"state": "halted", "reason": "E_X why", **warned}))
    assert halted[-4:] == ["orders/0 halted:", "  E_X why", "orders/0 halted, with a warning:", "  W_KEY_FORMAT: why"]


def test_a_death_of_late_is_shown_though_the_partition_runs_again() -> None:
    died = {"last_death": "the writer was killed by SIGKILL (out of memory?)", "last_death_age": 20.0}
    found = picture(pipeline(died, {**died, "partition": 1}, {"partition": 2}))
    assert found[-2:] == [
        "orders/0, orders/1 running again; why it died:",
        "  the writer was killed by SIGKILL (out of memory?)",
    ]
    assert "SIGKILL" not in " ".join(picture(pipeline({**died, "last_death_age": 301.0})))
    backoff = {**died, "state": "backoff", "reason": died["last_death"]}
    assert " ".join(picture(pipeline(backoff))).count("SIGKILL") == 1


def test_what_is_late_or_stuck_is_shown_with_its_reason_before_what_is_well() -> None:
    late = {"condition": "late", "lag_seconds": 75.4, "condition_reason": "its oldest message has waited for 75 s"}
    stuck = {"condition": "stuck", "lag_seconds": None, "condition_reason": "nothing was committed for 130 s"}
    status = pipeline(
        {"condition": "ok", "lag_seconds": 0.0},
        {**late, "partition": 1},
        {**stuck, "partition": 2},
        {**late, "partition": 3},
    )
    head, *rows, total, _, who, why, others, other = lines(status)
    assert [row[1:4] for row in rows] == [
        ["2", "running", "stuck"],
        ["1", "running", "late"],
        ["3", "running", "late"],
        ["0", "running", "ok"],
    ]
    assert [head.index(title) for title in ("CONDITION", "LAG")] == [3, 7]
    assert rows[1][8] == "75"
    assert "75 + ?" in " ".join(total)
    assert (" ".join(who), " ".join(why)) == ("orders/2 stuck:", "nothing was committed for 130 s")
    assert " ".join(others) == "orders/1, orders/3 late:"
    assert " ".join(other) == "its oldest message has waited for 75 s"
    assert "CONDITION" not in lines(pipeline({"condition": "ok", "lag_seconds": 0.0}))[0]


def test_what_is_not_served_stands_below_the_table() -> None:
    note = "bank_b is not served: topics bank_a, bank_b would all go to table bank_a"
    assert note in picture(replace(pipeline({}), notes=(note,)))


def test_a_reason_cannot_move_the_cursor() -> None:
    found = picture(pipeline({"state": "halted", "reason": "[red]it said \x1b[2J\r\n[/red]"}))
    assert found[-1].strip() == "[red]it said \\x1b[2J\\x0d\\x0a[/red]"


def test_the_summary() -> None:
    assert summary_words(pipeline({}, {"state": "halted"})) == "1 of 2 running, 1 halted"
    assert summary_words(pipeline({}, draining=True)) == "1 of 1 running; draining"
    ended = pipeline({"state": "halted"}, {"state": "stopped"}, draining=True)
    assert summary_words(ended) == "0 of 2 running, 1 halted, 1 stopped"


def test_json_there_and_back() -> None:
    status = pipeline({}, {"offset": None})
    told = status.to_json()
    assert [partition["lag"] for partition in told["partitions"]] == [500, None]
    assert PipelineStatus.from_json(json.loads(json.dumps(told))) == status


def test_what_another_version_tells_more_is_left_out_and_what_it_does_not_tell_is_unknown() -> None:
    told = pipeline({}).to_json() | {"schema_version": 7, "version": "9.9", "mood": "good"}
    partition = told["partitions"][0]
    partition["colour"], partition["rows"] = "blue", "many"
    for gone in ("restarts", "queue_depth", "reason", "backpressure", "rows_per_second", "dead"):
        del partition[gone]
    status = PipelineStatus.from_json(told)
    [read] = status.partitions
    assert (read.offset, read.rows, read.restarts, read.reason, read.lag) == (1_000, None, None, "", 500)
    found = picture(status)
    assert found[1].split() == ["orders", "0", "running", "4711", "1,500", "1,000", "500", "-", "-", "-", "27", "12"]
    assert found[2].split()[:3] == ["total", "500", "-"]
    assert "(pid 1) is rtpipe 9.9, and this command is rtpipe" in found[-1]
    assert "status version 7, not 3" in found[-1]


@settings(max_examples=50, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), _nested, max_leaves=20))
def test_no_answer_of_another_version_is_a_bug(value: Any) -> None:
    for told in ({"partitions": value}, {"partitions": [value]}, {"partitions": [dict.fromkeys(FACTS, value)]}):
        status = PipelineStatus.from_json({**told, "supervisor_pid": value, "draining": value, "version": value})
        picture(status)
        assert PipelineStatus.from_json(status.to_json()) == status


def test_a_running_partition_of_version_1_that_has_a_reason_waits() -> None:
    told = {"partitions": [FACTS | {"reason": "database: gone"}]}
    assert PipelineStatus.from_json(told).partitions[0].state == "waiting"
