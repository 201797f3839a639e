"""Every error number at every statement of the supervisor's DDL: what passes is waited for, what lasts is told by name.

The supervisor fits a table for a new schema on a server that fails at one statement with one number, as the fault suite
does for writers.
"""

from __future__ import annotations

import logging
from typing import Any

import pytest

from infra.provision.accounts import Accounts, accounts_of
from rtpipe.errors import ExitCode
from rtpipe.mysql.error_lookup import action_of, is_known
from rtpipe.mysql.error_numbers import OTHER_ALGORITHM, PASSING, TABLE_CHANGED, Action
from rtpipe.pause import PausePolicy
from supervisor.schemas import schema_requests
from supervisor.schemas.schema_requests import SchemaRequests
from supervisor.schemas.table_fitter import TableFitter
from tests.support.fakes.fake_registry import FakeRegistry
from tests.support.samples.specs import default_spec
from tests.support.servers.scripted_connection import scripted
from tests.support.servers.scripted_server import ScriptedServer
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import SchemaWanted
from workers.contract.schema_answers import SchemaAnswer, SchemaHalt, SchemaLayout

#: What the supervisor sends for one new column, in this order: name -> how it is known.
STATEMENTS = {
    "connect": r"^CONNECT",
    "session": r"^SET SESSION",
    "version": r"VERSION\(\)$",
    "schema": r"^SELECT DATABASE",
    "open entries": r"^SELECT COUNT\(\*\) FROM `bank`.`rtpipe_table_changes`",
    "look": r"information_schema.TABLES",
    "show create": r"^SHOW CREATE",
    "columns": r"information_schema.COLUMNS",
    "key": r"information_schema.STATISTICS",
    "lock": r"GET_LOCK",
    "close entries": r"^UPDATE `bank`.`rtpipe_table_changes` .* WHERE table_name",
    "create history": r"^CREATE TABLE",
    "insert entry": r"^INSERT",
    "alter": r"^ALTER",
    "finish entry": r"^UPDATE `bank`.`rtpipe_table_changes` .* WHERE id",
    "release": r"RELEASE_LOCK",
    "rollback": r"^ROLLBACK",
}
KNOWN = [number for number in range(1, 10_000) if is_known(number)]
PASSES = [number for number in KNOWN if action_of(number) in PASSING]
LASTS = [number for number in KNOWN if action_of(number) not in PASSING]
#: Tried at every statement; all others at ALTER alone.
USUAL = (1021, 1045, 1053, 1114, 1205, 1290, 1317, 1792, 1836, 1927, 2003, 2006, 2013, 3024, 9001)
USUALLY_LASTING = (1044, 1142, 1054, 1062, 1064, 1153)
#: In no table: another product's, and one of a server newer than this.
UNHEARD = [5_999, 31_001]


class Pipeline:
    """A topic whose table lacks a column of the schema, its server and what its writer asks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = scripted(monkeypatch)
        self.server.table("t", id="int NOT NULL")
        fields: list[dict[str, Any]] = [
            {"name": "id", "type": "int"},
            {"name": "note", "type": ["null", "string"], "default": None},
        ]
        self.registry = FakeRegistry({1: {"type": "record", "name": "r", "fields": fields}})
        monkeypatch.setattr(schema_requests, "_PAUSES", PausePolicy.steady(0.0))
        self.requests = SchemaRequests(lambda: self.registry, TableFitter(accounts()))  # type: ignore[arg-type, return-value]

    def answer(self) -> SchemaAnswer:
        [answer] = self.requests.answer(default_spec(PartitionKey("t", 0)), SchemaWanted(1))
        return answer


def accounts() -> Accounts:
    return accounts_of("mysql+pymysql://app:a@h/bank", "mysql+pymysql://infra:a@h/bank", None)


def require_fit(answer: SchemaAnswer, server: ScriptedServer, case: str) -> None:
    """The row goes in, the column was added once, and nobody holds or leaves open anything."""
    assert isinstance(answer, SchemaLayout), f"{case}: {answer}"
    assert list(server.tables["t"].columns) == ["id", "note"], case
    assert (server.open, server.locks, server.open_entries()) == (0, set(), []), case


@pytest.mark.parametrize("statement", STATEMENTS)
def test_what_passes_is_waited_for(
    statement: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether the session goes on behind the error, or is over."""
    for number in PASSES if statement == "alter" else USUAL:
        for ends in (False, True):
            with monkeypatch.context() as patch:
                pipeline = Pipeline(patch)
                fault = pipeline.server.fail(STATEMENTS[statement], number, ends=ends, times=2)
                caplog.clear()
                case = f"{number} at {statement}, {'the session is over' if ends else 'the session goes on'}"
                require_fit(pipeline.answer(), pipeline.server, case)
                assert fault.hits, case


def test_a_wait_says_what_the_server_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    for number in (1021, 1114, 1290, 1792, 1836, 1927, 3024, 2006, 2013, 1053):
        with monkeypatch.context() as patch:
            pipeline = Pipeline(patch)
            pipeline.server.fail(STATEMENTS["alter"], number, times=3)
            caplog.clear()
            pipeline.answer()
            [told] = [one.getMessage() for one in caplog.records if getattr(one, "event", "") == "outage_began"]
            for word in ("waiting: ", "table t", str(number), "forged"):
                assert word in told, told


@pytest.mark.parametrize("statement", [one for one in STATEMENTS if one not in {"rollback", "release"}])
def test_what_lasts_is_told_by_name(statement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person must know the number, and what to do: none of these mends itself."""
    for number in LASTS if statement == "alter" else USUALLY_LASTING:
        if statement == "alter" and number in TABLE_CHANGED | OTHER_ALGORITHM:
            continue  # it is looked at again, or tried by another algorithm
        with monkeypatch.context() as patch:
            pipeline = Pipeline(patch)
            pipeline.server.fail(STATEMENTS[statement], number, times=1_000)
            answer, case = pipeline.answer(), f"{number} at {statement}"
            if statement == "open entries" and action_of(number) is Action.DENIED:
                require_fit(answer, pipeline.server, case)  # a history that infra may not read is none
                continue
            assert isinstance(answer, SchemaHalt), case
            assert answer.end.name in {"E_AUTH", "E_DATABASE_SETUP", "E_EVOLUTION"}, case
            assert answer.end.code in {ExitCode.ACCESS_DENIED, ExitCode.BAD_SETUP, ExitCode.SCHEMA_REFUSED}, case
            assert "t" in answer.end.text
            assert "(" in answer.end.text, f"{case} says nothing of what to do: {answer.end.text}"
            if action_of(number) is not Action.DENIED:
                assert str(number) in answer.end.text, case
            assert (pipeline.server.open, pipeline.server.locks) == (0, set()), case


@pytest.mark.parametrize("statement", [one for one in STATEMENTS if one != "alter"])
def test_what_nobody_knows_is_tried_again_as_writers_do(statement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in UNHEARD:
        with monkeypatch.context() as patch:
            pipeline = Pipeline(patch)
            pipeline.server.fail(STATEMENTS[statement], number)
            require_fit(pipeline.answer(), pipeline.server, f"{number} at {statement}")


def test_an_alteration_that_nobody_knows_why_it_fails_is_told_with_its_statement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The statement is to blame, and a try copies the table perhaps."""
    pipeline = Pipeline(monkeypatch)
    pipeline.server.fail(STATEMENTS["alter"], 31_001, times=1_000)
    answer = pipeline.answer()
    assert isinstance(answer, SchemaHalt)
    assert answer.end.name == "E_EVOLUTION"
    for word in ("31001: forged", "ADD COLUMN `note`"):
        assert word in answer.end.text


def test_a_column_that_came_meanwhile_is_looked_at_and_not_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose reply was lost, or that somebody else added: the server refuses it with 1060."""
    pipeline = Pipeline(monkeypatch)
    pipeline.server.fail(STATEMENTS["alter"], 2013, done=True, ends=True)
    require_fit(pipeline.answer(), pipeline.server, "the reply of ALTER is lost")
    assert [entry["outcome"] for entry in pipeline.server.history] == ["interrupted"]
    for number in TABLE_CHANGED:
        with monkeypatch.context() as patch:
            pipeline = Pipeline(patch)
            pipeline.server.fail(STATEMENTS["alter"], number, done=True)
            require_fit(pipeline.answer(), pipeline.server, str(number))


def test_a_lock_that_others_hold_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline(monkeypatch)
    for result in (0, None):  # they hold it; the wait was killed
        pipeline.server.fail(STATEMENTS["lock"], result=(result,))
    require_fit(pipeline.answer(), pipeline.server, "locked")
