"""Checks are made side by side: none disturbs another, none hangs, and an error that nobody foresaw is one line."""

from __future__ import annotations

import json
import threading

from rtpipe.errors import ExitCode, SettingsError, UnreachableError
from supervisor.doctor.examination import Area, Check, examine, exit_code_of
from supervisor.doctor.finding import Finding, Verdict, fine
from supervisor.doctor.view import facts_of
from tests.support.command_answers import CANARY

OK, WARN, FAIL = Verdict


def raising(error: Exception) -> Check:
    def ask() -> list[Finding]:
        raise error

    return Check("connection", ask)


def test_what_is_away_fails_its_own_checks_and_no_others() -> None:
    away = Area(
        "kafka", [raising(UnreachableError("nobody", hint="start it")), Check("topics", lambda: [fine("a", "b")])]
    )
    there = Area("database", [Check("connection", lambda: [fine("connection", "db")])])
    kafka, database = examine([away, there])
    assert [finding.verdict for finding in kafka.findings] == [FAIL, FAIL]
    assert kafka.findings[0].found == "E_UNREACHABLE: nobody"
    assert kafka.findings[0].fix == "start it"
    assert kafka.findings[1].found == "not looked at, because connection fails"
    assert database.findings == [fine("connection", "db")]
    assert exit_code_of([kafka, database]) is ExitCode.DIFFERENT
    assert exit_code_of([database]) is ExitCode.DONE


def test_checks_that_do_not_depend_on_the_first_are_all_made() -> None:
    area = Area("tables", [raising(SettingsError("no")), Check("b", lambda: [fine("b", "fits")])], needs_first=False)
    [found] = examine([area])
    assert [finding.verdict for finding in found.findings] == [FAIL, OK]


def test_a_check_that_hangs_ends_with_its_time() -> None:
    never = threading.Event()

    def hang() -> list[Finding]:
        never.wait()
        return []

    [found] = examine([Area("database", [Check("clock", hang, seconds=0.05)])])
    never.set()
    assert found.findings[0].found == "no answer within 0.05 s"


def test_an_error_that_nobody_foresaw_says_its_kind_alone() -> None:
    [found] = examine([Area("database", [raising(ValueError(CANARY))])])
    assert found.findings[0].verdict is FAIL
    assert "ValueError" in found.findings[0].found
    assert CANARY not in json.dumps(facts_of([found]))
