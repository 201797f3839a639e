"""The table of a topic is made fit for each schema, on a server inside the test."""

from __future__ import annotations

from typing import Any

import pytest

from avro_schemas.tables.evolution import EvolutionError
from avro_schemas.tables.layout import TableLayout
from avro_schemas.tables.rules import TableRules
from avro_schemas.tables.unfit import TableUnfitError
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import RtpipeError, SchemaError
from supervisor.schemas.table_fitter import TableFitter
from supervisor.schemas.table_plans.plan_verdict import DiscardedError
from supervisor.schemas.table_plans.table_plan import TableTarget
from tests.support.samples.table_targets import OPTIONAL, record, target_of, two_accounts
from tests.support.servers.scripted_connection import scripted
from tests.support.servers.scripted_server import ScriptedServer

OLD, NEW = record(id="int"), record(id="int", note=OPTIONAL)
SHORT = record(id={"type": "string", "maxLength": 9})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    made = scripted(monkeypatch)
    made.table("t", id="int NOT NULL")
    return made


def fit(*targets: TableTarget) -> list[TableLayout | RtpipeError]:
    return TableFitter(two_accounts()).fit(targets)


def names(fitted: TableLayout | RtpipeError) -> list[str]:
    assert isinstance(fitted, TableLayout), fitted
    return [column.name for column in fitted.columns]


def refused(target: TableTarget, kind: type[RtpipeError]) -> RtpipeError:
    [error] = fit(target)
    assert isinstance(error, kind), error
    return error


def test_a_table_that_fits_is_left_alone(server: ScriptedServer) -> None:
    assert names(fit(target_of(OLD))[0]) == ["id"]
    assert not server.sent("GET_LOCK|ALTER")


def test_a_new_field_gets_a_column_and_the_history_says_so(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    [layout] = fit(target_of(NEW, OLD, schema_id=7))
    assert names(layout) == ["id", "note"]
    assert server.tables["t"].columns["note"].type == "mediumtext"
    [entry] = server.history
    assert (entry["topic"], entry["schema_id"], entry["outcome"]) == ("t", 7, "done")
    [told] = [one for one in caplog.records if getattr(one, "event", "") == "table_altered"]
    assert told.getMessage() == "schema id 7 of t: add column note mediumtext (field note is new)"


def test_schemas_of_one_batch_are_fit_to_what_the_last_one_made_of_the_table(server: ScriptedServer) -> None:
    rules: dict[str, Any] = {"mode": "upsert", "key": ("id",)}
    server.table("t", key=("id",), id="int NOT NULL")
    old, new = fit(target_of(OLD, NEW, schema_id=1, **rules), target_of(NEW, OLD, schema_id=2, **rules))
    assert names(new) == ["id", "note"]
    assert isinstance(old, TableLayout)
    assert old.others == ("note",), "an update by the old schema resets the new column"
    assert len(server.sent("^ALTER")) == 1


def test_a_schema_that_gives_no_table_takes_nothing_from_its_neighbours(server: ScriptedServer) -> None:
    nothing, good = fit(target_of({"type": "record", "name": "r", "fields": [{"name": "x"}]}), target_of(OLD))
    assert isinstance(nothing, SchemaError)
    assert names(good) == ["id"]
    assert server.open == 0


def test_a_table_that_is_not_there_is_the_writers_matter(server: ScriptedServer) -> None:
    del server.tables["t"]
    assert names(fit(target_of(NEW))[0]) == ["id", "note"]
    assert not server.sent("ALTER|CREATE")


@pytest.mark.parametrize("looks", [1, 2])
def test_a_table_that_goes_meanwhile_is_the_writers_matter_too(server: ScriptedServer, looks: int) -> None:
    seen = 0
    shown = server.tables

    class Going(dict):  # type: ignore[type-arg]
        def get(self, name: str, default: object = None) -> object:
            nonlocal seen
            seen += 1
            return None if seen > looks else shown.get(name, default)

    server.tables = Going(shown)
    assert names(fit(target_of(NEW))[0]) == ["id", "note"]


@pytest.mark.parametrize(
    ("evolution", "kind", "word"),
    [("freeze", EvolutionError, "rtpipe table apply --topics t"), ("discard_row", DiscardedError, "does not fit")],
)
def test_settings_that_leave_the_table_as_it_is(
    server: ScriptedServer, evolution: str, kind: type[RtpipeError], word: str
) -> None:
    error = refused(target_of(NEW, OLD, evolution=evolution), kind)
    assert "add column note" in error.message
    assert word in error.message + error.hint
    assert not server.sent("GET_LOCK|ALTER")


def test_fields_without_a_column_are_discarded_where_the_settings_say_so(server: ScriptedServer) -> None:
    assert names(fit(target_of(NEW, OLD, evolution="discard_value"))[0]) == ["id"]
    server.tables["t"].columns["id"].type = "varchar(9)"
    error = refused(target_of(OLD, SHORT, evolution="discard_value"), EvolutionError)
    assert 'evolution = "discard_value" leaves it' in error.message


def test_a_wider_column_that_needs_a_copy_stays_narrow_and_knows_the_statement(server: ScriptedServer) -> None:
    [layout] = fit(target_of(record(id="long"), OLD))
    assert isinstance(layout, TableLayout)
    assert layout.columns[0].narrow == "ALTER TABLE `bank`.`t` MODIFY COLUMN `id` BIGINT NOT NULL"
    assert not server.sent("^ALTER")
    [layout] = fit(target_of(record(id="long"), OLD, allow_copy=True))
    assert isinstance(layout, TableLayout)
    assert layout.columns[0].narrow == ""
    assert server.tables["t"].columns["id"].type == "bigint"


def test_a_server_that_can_only_copy_is_left_to_a_person(server: ScriptedServer) -> None:
    server.fail("ALGORITHM", 1846, times=2)
    error = refused(target_of(NEW, OLD), EvolutionError)
    assert "only by copying" in error.message
    assert "allow_copy = true" in error.hint
    assert server.history[0]["outcome"] == "it needs a copy of the table, which was not allowed"
    server.fail("ALGORITHM", 1846, times=2)
    assert names(fit(target_of(NEW, OLD, allow_copy=True))[0]) == ["id", "note"]


def test_what_no_column_takes_is_told_with_what_helps(server: ScriptedServer) -> None:
    server.tables["t"].columns["id"].type = "varchar(9)"
    error = refused(target_of(OLD, SHORT), EvolutionError)
    assert "table t cannot take it: field id: int does not go into column id varchar(9)" in error.message
    assert "rtpipe resume t" in error.hint


def test_a_column_that_a_person_made_not_null_is_left_to_people(server: ScriptedServer) -> None:
    server.table("t", id="int NOT NULL", own="varchar(9) NOT NULL")
    server.tables["t"].collation = "latin1_swedish_ci"
    error = refused(target_of(OLD, record(id="int", own="string")), EvolutionError)
    assert "own" in error.message
    assert "MODIFY COLUMN `own`" in error.hint


def test_a_column_of_nobody_ends_it(server: ScriptedServer) -> None:
    server.table("t", id="int NOT NULL", own="varchar(9) NOT NULL")
    assert "give it a default" in refused(target_of(OLD), TableUnfitError).hint


def test_an_account_that_may_not_is_told_the_statement_and_its_grant(server: ScriptedServer) -> None:
    server.fail("^ALTER", 1142)
    error = refused(target_of(NEW, OLD), AccessDeniedError)
    for word in ("GRANT ALTER ON `bank`.`t` TO 'infra'@'%'", "ADD COLUMN `note`", "rtpipe resume"):
        assert word in error.hint
    assert len(server.sent("^ALTER")) == 1, "what is refused is not tried twice"
    server.fail("^UPDATE", 1142)
    error = refused(target_of(NEW, OLD), AccessDeniedError)
    assert "GRANT CREATE, SELECT, INSERT, UPDATE ON `bank`.`rtpipe_table_changes`" in error.hint


def test_limits_of_peoples_columns_are_told_once(server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    server.table("t", id="smallint NOT NULL")
    fitter = TableFitter(two_accounts())
    target = target_of(OLD)
    for _ in range(2):
        fitter.tell_limits(target)
        fitter.fit([target])
    [told] = [one.getMessage() for one in caplog.records if getattr(one, "event", "") == "column_limits"]
    assert told.startswith("t: table t, column id smallint: refuses")
    del server.tables["t"]
    fitter.tell_limits(target)


def test_the_key_columns_of_a_table_alone(server: ScriptedServer) -> None:
    rules = TableRules(mode="upsert", key=("id",))
    by_key = TableFitter(two_accounts()).key_layout("t", rules)
    assert by_key.schema["fields"] == [{"name": "id", "type": "int"}]
    assert by_key.layout.key == ("id",)
    for wrong in (TableRules(mode="upsert", key=("other",)), rules):
        with pytest.raises(TableUnfitError, match="has not the key columns"):
            TableFitter(two_accounts()).key_layout("t" if wrong.key == ("other",) else "gone", wrong)
    assert server.open == 0


def test_entries_that_a_killed_session_left_open_are_closed_at_the_first_look(server: ScriptedServer) -> None:
    fit(target_of(NEW, OLD))
    server.history[0]["outcome"] = None
    fit(target_of(NEW, OLD))
    assert server.history[0]["outcome"] == "interrupted"
    server.fail("^SELECT COUNT", 1142)
    assert names(fit(target_of(NEW, OLD))[0]) == ["id", "note"], "a history that infra may not read is none"


@pytest.mark.parametrize("number", [1142, 1146], ids=["no UPDATE", "the history went meanwhile"])
def test_entries_that_the_account_may_not_close_keep_no_fitting_table_from_its_rows(
    server: ScriptedServer, number: int
) -> None:
    fit(target_of(NEW, OLD))
    server.history[0]["outcome"] = None
    server.fail("^UPDATE", number, times=1_000)
    assert names(fit(target_of(NEW, OLD))[0]) == ["id", "note"]
    assert server.locks == set()
