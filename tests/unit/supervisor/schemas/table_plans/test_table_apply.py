"""`rtpipe table` and the tables of `rtpipe setup`: planned, refused, and made by the account that may."""

from __future__ import annotations

from pathlib import Path

import pytest

from avro_schemas.tables.evolution import EvolutionError
from infra.tables.refused_ddl import TableBusyError
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import SettingsError, UnreachableError
from rtpipe.pause import PausePolicy
from supervisor.schemas.table_plans import table_apply
from supervisor.schemas.table_plans.planned_tables import plan_tables
from supervisor.schemas.table_plans.table_apply import apply_to, make_fit, refuse
from supervisor.schemas.table_plans.table_plan import UNASKED, PlanOptions, TablePlan, TableTarget
from supervisor.schemas.table_plans.topic_tables import TopicTables, open_tables
from tests.support.fakes.fake_registry import FakeRegistry
from tests.support.samples.table_targets import OPTIONAL, record, target_of, two_accounts
from tests.support.servers.scripted_connection import scripted
from tests.support.servers.scripted_server import ScriptedServer

V1, V2 = record(id="int"), record(id="int", note=OPTIONAL)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    monkeypatch.setattr(table_apply, "_PAUSES", PausePolicy.steady(0.0))
    return scripted(monkeypatch)


def plans(*targets: TableTarget, options: PlanOptions = UNASKED) -> list[TablePlan]:
    return plan_tables(targets, two_accounts().infra, "bank", options)


def test_a_table_is_made_and_its_consumer_gets_what_it_lacks(server: ScriptedServer) -> None:
    server.fail("^EXPLAIN INSERT", 1142)
    apply_to(target_of(V1), two_accounts(admin=True), UNASKED)
    assert list(server.tables["t"].columns) == ["id"]
    assert server.privileges["app"] == {"SELECT", "INSERT"}
    assert server.open == 0
    apply_to(target_of(V1), two_accounts(), UNASKED)
    assert len(server.sent("^GRANT")) == 1, "the table was there"


def test_a_consumer_that_has_its_privileges_gets_none(server: ScriptedServer) -> None:
    apply_to(target_of(V1), two_accounts(), UNASKED)
    assert not server.sent("^GRANT")


def test_a_consumer_that_nobody_knows_yet_gets_its_privileges_by_name(server: ScriptedServer) -> None:
    del server.users["app"]
    with pytest.raises(AccessDeniedError, match="app"):
        apply_to(target_of(V1), two_accounts(), UNASKED)


def test_privileges_that_nobody_here_may_give_are_told_as_sql(server: ScriptedServer) -> None:
    server.fail("^EXPLAIN INSERT", 1142)
    server.fail("^GRANT", 1044)
    with pytest.raises(AccessDeniedError, match="table t is made, but") as refused:
        apply_to(target_of(V1), two_accounts(), UNASKED)
    assert "GRANT SELECT, INSERT ON `bank`.`t` TO 'app'@'%';" in refused.value.hint
    assert "RTPIPE_ADMIN_DATABASE_URL" in refused.value.hint


def test_a_table_that_nobody_here_may_make_is_told_as_sql(server: ScriptedServer) -> None:
    server.fail("^CREATE TABLE", 1142)
    with pytest.raises(AccessDeniedError) as denied:
        make_fit(target_of(V1), two_accounts(), UNASKED)
    assert "GRANT CREATE ON `bank`.* TO 'infra'@'%'" in denied.value.hint
    server.fail("^CREATE TABLE", 1071)
    with pytest.raises(EvolutionError, match="refuses to make table t: 1071: forged"):
        make_fit(target_of(V1), two_accounts(), UNASKED)
    for number, ends in ((1290, False), (2013, True)):
        server.fail("^CREATE TABLE", number, ends=ends)
        with pytest.raises(UnreachableError, match=str(number)):
            make_fit(target_of(V1), two_accounts(), UNASKED)
    assert server.open == 0


def test_a_copy_a_rename_and_a_drop_are_done_on_a_persons_word(server: ScriptedServer) -> None:
    server.table("t", id="int NOT NULL", old="mediumtext", gone="mediumtext")
    renamed = {
        "type": "record",
        "name": "r",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "new", "type": OPTIONAL, "default": None, "aliases": ["old"]},
        ],
    }
    target = target_of(renamed, record(id="int", old=OPTIONAL, gone=OPTIONAL))
    plan = make_fit(target, two_accounts(), PlanOptions(accept_rename=True, drop=True))
    assert set(plan.questions) == {"copies the table", "drops a column"}
    assert {name: column.type for name, column in server.tables["t"].columns.items()} == {
        "id": "bigint",
        "new": "mediumtext",
    }
    assert [entry["outcome"] for entry in server.history] == ["done", "done"]
    assert not plans(target)[0].differs, "doing it twice changes nothing"


def test_a_table_that_others_hold_is_tried_again(server: ScriptedServer) -> None:
    server.fail("GET_LOCK", result=(0,), times=5)
    make_fit(target_of(V1), two_accounts(), UNASKED)
    server.fail("GET_LOCK", result=(0,), times=6)
    with pytest.raises(TableBusyError):
        make_fit(target_of(V1), two_accounts(), UNASKED)


def test_records_that_share_a_table_are_planned_one_after_the_other(server: ScriptedServer) -> None:
    first, second = target_of(V1, schema_id=1, by_record=True), target_of(V2, schema_id=2, by_record=True)
    made, altered = plans(first, second)
    assert made.create
    assert [str(change) for change in altered.changes] == ["add column note mediumtext (field note is new)"]
    assert "t" not in server.tables


def test_what_no_table_takes_is_refused_together(server: ScriptedServer) -> None:
    server.table("t", id="mediumtext")
    found = plans(target_of(V1, record(id="string")), target_of(V1, record(id="string")))
    with pytest.raises(EvolutionError) as refused:
        refuse(found)
    assert refused.value.message.count("table t: field id") == 2
    refuse([])


def test_the_tables_of_some_topics(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    registry = FakeRegistry({3: V2}, {3: ["a-value", "r"]}, newest_of={"a-value": 3})
    monkeypatch.setattr("supervisor.schemas.table_plans.table_targets.open_registry", lambda _: registry)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RTPIPE_DATABASE_URL", "mysql+pymysql://app:a@h/bank")
    tables = open_tables(["a"], None, None, UNASKED, "http://h:1")
    assert isinstance(tables, TopicTables)
    [plan] = tables.plans()
    assert plan.create
    tables.refuse([plan])
    assert list(tables.apply([plan])) == ["a"]
    assert list(tables.apply(tables.plans())) == []
    (tmp_path / "rtpipe.toml").write_text('[[topics]]\nmatch = "a"\nsubject = "{record}"\n')
    registry.newest_of["r"] = 3
    with pytest.raises(SettingsError, match="a subject for each record"):
        open_tables(["a"], None, 3, PlanOptions(drop=True), "http://h:1")
