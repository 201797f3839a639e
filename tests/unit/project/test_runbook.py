"""The runbook has every state, condition and event that somebody is woken for: what it means, and what to do."""

from __future__ import annotations

import re

import pytest

from supervisor.lifecycle.worker_state import WorkerState
from supervisor.status.facts.condition import Condition
from tests.support.event_table import documented_events
from tests.support.pages import DOCS, PROJECT

TEXT = (DOCS / "runbook.md").read_text()
#: A worker's way through these is no trouble.
FINE = {WorkerState.STARTING, WorkerState.RUNNING, WorkerState.STOPPING, WorkerState.STOPPED}
STEPS = re.compile(r"^- (?:\*\*(\w+):\*\*|Condition)", re.MULTILINE)


def sections() -> dict[str, str]:
    return dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("condition", [one for one in Condition if one is not Condition.OK])
def test_each_condition_has_its_place(condition: Condition) -> None:
    assert re.search(rf"[Cc]onditions? .*`{condition.value}`", TEXT)


@pytest.mark.parametrize("state", [one for one in WorkerState if one not in FINE])
def test_each_state_that_is_not_as_it_should_be_has_its_place(state: WorkerState) -> None:
    assert re.search(rf"[Ss]tate `{state.value}`", TEXT)


def test_each_event_that_names_trouble_of_a_worker_or_a_service_has_its_place() -> None:
    errors = {name for name, event in documented_events().items() if "error" in event.levels}
    bugs = {name for name in errors if name.endswith("_failed")}
    asked = (errors - bugs) | {"worker_died", "dead_letters", "outage_began", "offsets_not_mirrored"}
    assert asked <= set(re.findall(r"`(\w+)`", TEXT))


def test_each_error_that_halts_until_a_person_acts_has_its_place() -> None:
    table = (DOCS / "errors.md").read_text().partition("## What stops one partition")[2].partition("\n### ")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    halting = {row[1].strip(" `") for row in rows if row[4].strip().startswith(("Halts", "Commits"))}
    assert halting
    leads_on = "errors.md#what-stops-one-partition" in sections()["Halted"]
    assert leads_on
    named = {"E_OFFSET_GONE", "E_TRUNCATED", "E_TOPIC_ID", "E_EVOLUTION", "E_DEAD_LETTERS"}
    assert named <= halting & set(re.findall(r"`(E_\w+)`", TEXT))


def test_each_alert_has_its_place() -> None:
    rules = (PROJECT / "infra" / "monitoring" / "alerts.yml").read_text()
    alerts = set(re.findall(r"alert: (\w+)", rules))
    assert alerts
    assert alerts == set(re.findall(r"`(Rtpipe\w+)`", TEXT))


@pytest.mark.parametrize(
    "title", [title for title in sections() if title not in {"Disk full", "Unknown, paused, throttled"}]
)
def test_each_section_says_what_it_means_where_to_look_and_what_to_do(title: str) -> None:
    assert {"Means", "Do"} <= set(STEPS.findall(sections()[title]))
    assert "**Look:**" in sections()[title]
