"""`rtpipe setup`, with Kafka, registry and database inside the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from avro_schemas.tables.evolution import EvolutionError
from infra.provision.items import ItemState, ProvisionItem, ProvisionResult
from infra.provision.topics import Cluster, FoundTopic
from infra.stack.status import ServiceStatus, StackStatus
from rtpipe.errors import ExitCode, SchemaError, SettingsError
from supervisor.schemas.table_plans import table_targets
from supervisor.settings.settings import Settings
from supervisor.setup import database_setup
from supervisor.setup.database_setup import Setup
from supervisor.setup.file_check import check_files, facts_of
from supervisor.setup.provision_request import request_of
from supervisor.setup.provision_view import print_items, print_stack
from tests.support.fakes.fake_registry import FakeRegistry
from tests.support.samples.table_targets import OPTIONAL, record
from tests.support.servers.scripted_connection import scripted
from tests.support.servers.scripted_server import ScriptedServer
from workers.contract.errors import SetupError

V1, V2 = record(id="int"), record(id="int", note=OPTIONAL)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    registry = FakeRegistry({1: V1, 2: V2}, {1: ["orders-value"], 2: ["orders-value"]}, newest_of={"orders-value": 2})
    monkeypatch.setattr(table_targets, "open_registry", lambda _: registry)
    monkeypatch.setattr(table_targets, "sampled_ids", lambda *_: [])

    class Topics:
        def __init__(self, kafka: object) -> None: ...

        def describe(self) -> Cluster:
            return Cluster(1, {"orders": FoundTopic(3, 1), "bare": FoundTopic(1, 1)})

    monkeypatch.setattr(database_setup, "TopicAdmin", Topics)
    made = scripted(monkeypatch)
    made.databases.clear()
    return made


def settings(**more: Any) -> Settings:
    url = "mysql+pymysql://{}:a@h/bank"
    return Settings(
        bootstrap_servers="h:1",
        schema_registry_url=SecretStr("http://h:1"),
        database_url=SecretStr(url.format("app")),
        infra_database_url=SecretStr(url.format("infra")),
        admin_database_url=SecretStr(url.format("root")),
        **more,
    )


def states(result: ProvisionResult) -> dict[str, ItemState]:
    return {f"{item.kind} {item.name}": item.state for item in result.items}


def test_it_plans_makes_and_then_finds_everything_there(server: ScriptedServer) -> None:
    for user in ("app", "infra"):
        del server.users[user]
    setup = Setup(settings(), ["orders"])
    planned = setup.plan()
    setup.refuse()
    assert planned.to_do
    assert states(planned)["table orders"] is states(planned)["user app"] is ItemState.TO_CREATE
    assert states(planned)["topic orders"] is states(planned)["schema r"] is ItemState.THERE
    assert not server.tables
    assert not server.sent("^CREATE|^GRANT")
    made = setup.carry_out()
    assert set(states(made).values()) == {ItemState.CREATED, ItemState.THERE}
    own = {"kafka_offsets", "rtpipe_dead_letters", "rtpipe_hosts", "rtpipe_journal", "rtpipe_table_changes"}
    assert set(server.tables) == {"orders", *own}
    assert set(server.users) == {"app", "infra", "root"}
    again = Setup(settings(), ["orders"]).carry_out()
    assert again.exit_code is ExitCode.DONE
    assert states(again)["table orders"] is ItemState.THERE
    assert server.open == 0


def test_a_table_that_lacks_a_column_gets_it_and_one_that_takes_no_row_is_refused(server: ScriptedServer) -> None:
    server.databases.add("bank")
    server.table("orders", id="int NOT NULL")
    setup = Setup(settings(), ["orders"])
    assert states(setup.plan())["table orders"] is ItemState.TO_CHANGE
    assert states(setup.carry_out())["table orders"] is ItemState.CHANGED
    server.table("orders", id="point NOT NULL")
    setup = Setup(settings(), ["orders"])
    result = setup.plan()
    assert result.exit_code is ExitCode.DIFFERENT
    assert result.differing_tables == ["orders"]
    with pytest.raises(EvolutionError, match="table orders"):
        setup.refuse()


def test_a_table_that_must_be_copied_is_left_to_a_person(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.databases.add("bank")
    server.table("orders", id="int NOT NULL")
    under = {1: ["orders-value"], 2: ["orders-value"]}
    longer = FakeRegistry(
        {1: V1, 2: record(id="long")}, under, newest_of={"orders-value": 2}, versions_of={"orders-value": [1, 2]}
    )
    monkeypatch.setattr(table_targets, "open_registry", lambda _: longer)
    result = Setup(settings(), ["orders"]).carry_out()
    [item] = [one for one in result.items if one.kind == "table" and one.name == "orders"]
    assert item.state is ItemState.DIFFERS
    assert "`rtpipe table apply --topics orders` does it, at a time that you choose" in item.detail
    assert server.tables["orders"].columns["id"].type == "int"


def test_a_topic_or_schema_that_is_not_there_is_told_with_what_helps(server: ScriptedServer) -> None:
    with pytest.raises(SetupError, match="no topic ordres") as missing:
        Setup(settings(), ["ordres"])
    assert "did you mean orders?" in missing.value.hint
    with pytest.raises(SetupError) as missing:
        Setup(settings(), ["xyz"])
    assert "rtpipe infra create" in missing.value.hint
    with pytest.raises(SchemaError, match="no schema for the values"):
        Setup(settings(), ["bare"])
    assert server.open == 0


def test_items_and_services_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    items = [
        ProvisionItem("table", "orders", ItemState.TO_CREATE, "two\nlines", "CREATE TABLE orders;\n"),
        ProvisionItem("topic", "orders", ItemState.THERE),
    ]
    print_items(items, with_sql=True)
    shown = capsys.readouterr().out
    for line in ("to create      table  orders  two", "lines", "CREATE TABLE orders;", "already there  topic  orders"):
        assert line in shown
    assert set(states(ProvisionResult(tuple(items)))) == {"table orders", "topic orders"}
    print_stack(StackStatus("/x", (), {}))
    assert "no embedded stack in /x" in capsys.readouterr().out
    dead = ServiceStatus("kafka", "dead", 9092, None, None, "/x/kafka.log")
    print_stack(StackStatus("/x", (dead,), {}))
    assert "kafka: see /x/kafka.log" in capsys.readouterr().out


def test_what_infra_create_asks_for_is_what_the_settings_say() -> None:
    asked = request_of(
        settings(), Path("a.avsc"), root=None, topic=None, new_versions=True, partitions=3, replication_factor=None
    )
    assert (asked.database_url, asked.admin_database_url) == (
        "mysql+pymysql://app:a@h/bank",
        "mysql+pymysql://root:a@h/bank",
    )
    assert (asked.table_of("a"), asked.rules_of("a").mode, asked.subjects_of("a").any_subject) == ("a", "insert", False)


def test_files_are_judged_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "good.avsc").write_text('{"type": "record", "name": "r", "fields": [{"name": "id", "type": "int"}]}')
    (tmp_path / "bad.avsc").write_text('{"type": "record", "name": "b", "fields": [{"name": "id"}]}')
    bad, good = check_files([tmp_path], logical=True, root=None, topic=None)
    assert bad.error is not None
    assert [schema.name for schema, _ in good.tables] == ["r"]
    facts = facts_of([bad, good])
    assert facts["tables"][0]["table"] == "r"
    assert facts["refused"][0]["file"].endswith("bad.avsc")


def test_files_that_clash_or_have_no_table_are_refused_and_definitions_alone_are_passed_over(tmp_path: Path) -> None:
    """Two schemas of one name, a row that is too wide, and a file of JSON Schema definitions."""
    fields = '"fields": [{"name": "id", "type": "int"}]'
    (tmp_path / "a.avsc").write_text('{"type": "record", "name": "x.r", ' + fields + "}")
    (tmp_path / "b.avsc").write_text('{"type": "record", "name": "r", "namespace": "y", ' + fields + "}")
    wide = ", ".join(f'{{"name": "f{number}", "type": "int"}}' for number in range(1_100))
    (tmp_path / "c.avsc").write_text('{"type": "record", "name": "wide", "fields": [' + wide + "]}")
    first, second, third = check_files([tmp_path], logical=True, root=None, topic=None)
    assert first.error is None
    assert second.error is not None
    assert "record y.r: its table 'r' is that of record x.r" in str(second.error.message)
    assert third.error is not None
    assert "1017 is the most" in str(third.error.message)
    with pytest.raises(SettingsError, match="--topic names one topic"):
        check_files([tmp_path / "a.avsc", tmp_path / "b.avsc"], logical=True, root=None, topic="t")
