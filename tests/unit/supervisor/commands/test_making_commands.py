"""`infra`, `setup`, `schema` and `table`: what is planned is shown, what is done is asked for, the exit code follows.

The features are fakes; the command runs through the front door, as the console script does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from avro_schemas.registry.errors import SchemaNotFoundError
from infra.provision.items import ItemState, ProvisionItem, ProvisionResult
from infra.stack.status import ServiceStatus, StackStatus
from rtpipe.errors import SchemaError
from tests.support.command_answers import Command

pytestmark = pytest.mark.usefixtures("addresses")


def test_infra_up_and_down(rtpipe: Command, spy: Any, tmp_path: Path) -> None:
    up, down = spy("infra.stack.embedded_stack.up"), spy("infra.stack.embedded_stack.down")
    answer = rtpipe("infra", "up", "--dir", str(tmp_path), "--brokers", "3", "--kafka-port", "9")
    assert f"export RTPIPE_STACK_DIR={tmp_path}" in answer.stderr
    (directory, options), _ = up.only
    assert (directory, options.brokers, options.kafka_port, options.registry_port) == (tmp_path, 3, 9, None)
    assert rtpipe("infra", "up", RTPIPE_STACK_DIR=str(tmp_path / "own")).stderr == ""
    assert up.calls[-1][0][0] == tmp_path / "own"
    rtpipe("infra", "down", "--purge", "--dir", str(tmp_path))
    assert down.only == ((tmp_path,), {"purge": True})


def test_infra_status(rtpipe: Command, spy: Any) -> None:
    service = ServiceStatus("kafka", "running", 9, 1, 2_000_000, "log")
    status = spy("infra.stack.embedded_stack.status", StackStatus("/d", (service,), {}))
    answer = rtpipe("infra", "status")
    assert (answer.returncode, "kafka" in answer.stdout) == (0, True)
    told = json.loads(rtpipe("infra", "status", "--json").stdout)
    assert (told["schema_version"], told["running"]) == (1, True)
    status.answer = StackStatus("/d", (), {})
    assert rtpipe("infra", "status").returncode == 3


def result(*states: ItemState) -> ProvisionResult:
    return ProvisionResult(tuple(ProvisionItem("table", f"t{at}", state) for at, state in enumerate(states)))


def test_infra_create(rtpipe: Command, spy: Any) -> None:
    plan = spy("infra.provision.provision.plan", result(ItemState.TO_CREATE))
    create = spy("infra.provision.provision.create", result(ItemState.CREATED, ItemState.DIFFERS))
    toml = '[[topics]]\nmatch = "orders"\ntable = "other"\nmode = "upsert"\nkey = ["id"]\nsubject = "s"\n'
    Path("rtpipe.toml").write_text(toml)
    answer = rtpipe("infra", "create", "--schemas", "a.json", "--dry-run", "--partitions", "6", "--topic", "x")
    assert answer.returncode == 0, answer.stderr
    assert "RTPIPE_INFRA_DATABASE_URL is not set" in answer.stderr
    (request,), _ = plan.only
    assert (request.schemas, request.partitions, request.topic) == (Path("a.json"), 6, "x")
    assert (request.table_of("orders"), request.table_of("a")) == ("other", "a")
    assert (request.rules_of("orders").key, request.subjects_of("orders").values) == (("id",), "s")
    answer = rtpipe("infra", "create", "--schemas", "a.json", "--json")
    assert answer.returncode == 3
    assert [one["state"] for one in json.loads(answer.stdout)["items"]] == ["created", "differs"]
    assert "tables that differ (t1): rtpipe table plan" in answer.stderr
    assert len(create.calls) == 1


class Setup:
    """Two topics in the database."""

    plan_found = result(ItemState.TO_CREATE)
    refusal: Exception | None = None

    def __init__(self, _settings: Any, topics: list[str]) -> None:
        assert topics == ["a", "b"]

    def plan(self) -> ProvisionResult:
        return self.plan_found

    def refuse(self) -> None:
        if self.refusal:
            raise self.refusal

    def carry_out(self) -> ProvisionResult:
        return result(ItemState.CREATED, ItemState.DIFFERS)


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch) -> type[Setup]:
    monkeypatch.setattr("supervisor.setup.database_setup.Setup", Setup)
    for name in ("plan_found", "refusal"):
        monkeypatch.setattr(Setup, name, getattr(Setup, name))
    return Setup


def test_setup(rtpipe: Command, setup: type[Setup], typed: Any) -> None:
    answer = rtpipe("setup", "-t", "a,b", "--dry-run")
    assert (answer.returncode, "to create" in answer.stdout) == (0, True)
    answer = rtpipe("setup", "-t", "a,b", "--yes")
    assert answer.returncode == 3
    assert "done; next: " in answer.stdout
    told = json.loads(rtpipe("setup", "-t", "a,b", "--yes", "--json").stdout)
    assert [one["state"] for one in told["items"]] == ["created", "differs"]
    answer = rtpipe("setup", "-t", "a,b")
    assert (answer.returncode, "setup asks before it changes the database" in answer.stderr) == (2, True)
    typed("n")
    assert rtpipe("setup", "-t", "a,b").returncode == 1
    setup.refusal = SchemaError("no")
    answer = rtpipe("setup", "-t", "a,b", "--yes")
    assert (answer.returncode, "error E_SCHEMA  no" in answer.stderr) == (5, True)
    setup.refusal, setup.plan_found = None, result(ItemState.THERE)
    assert "all is there already; next: " in rtpipe("setup", "-t", "a,b").stdout


class Tables:
    """One table, as `rtpipe table` sees it."""

    def __init__(self, *, differs: bool = True, costly: bool = False, refusal: Exception | None = None) -> None:
        self.plan = SimpleNamespace(
            statements=["ALTER TABLE `a` ADD `b` INT"],
            differs=differs,
            questions=["copies 5 rows"] if costly else [],
            target=SimpleNamespace(table="a"),
        )
        self.refusal = refusal

    def plans(self) -> list[Any]:
        return [self.plan]

    def refuse(self, plans: list[Any]) -> None:
        assert plans == [self.plan]
        if self.refusal:
            raise self.refusal

    def apply(self, plans: list[Any]) -> Iterator[str]:
        return iter([plan.target.table for plan in plans if plan.differs])


def test_table_plan(rtpipe: Command, spy: Any) -> None:
    opened = spy("supervisor.schemas.table_plans.topic_tables.open_tables", Tables())
    spy("supervisor.schemas.table_plans.table_plan_view.print_plans")
    spy("supervisor.schemas.table_plans.table_plan_view.facts_of", {"table": "a"})
    assert rtpipe("table", "plan", "-t", "a", "--accept-unrelated", "--schema-id", "4").returncode == 0
    (topics, schema, schema_id, options, url), _ = opened.calls[-1]
    assert (topics, schema, schema_id, url) == (["a"], None, 4, None)
    assert (options.accept_unrelated, options.drop) == (True, False)
    assert rtpipe("table", "plan", "-t", "a", "--check").returncode == 3
    assert rtpipe("table", "plan", "-t", "a", "--sql").stdout == "ALTER TABLE `a` ADD `b` INT;\n"
    told = json.loads(rtpipe("table", "plan", "-t", "a", "--json").stdout)
    assert told == {"schema_version": 1, "tables": [{"table": "a"}]}
    opened.answer = Tables(refusal=SchemaNotFoundError("no"))
    assert rtpipe("table", "plan", "-t", "a").returncode == 5


def test_table_apply(rtpipe: Command, spy: Any, typed: Any) -> None:
    opened = spy("supervisor.schemas.table_plans.topic_tables.open_tables", Tables())
    spy("supervisor.schemas.table_plans.table_plan_view.print_plans")
    assert rtpipe("table", "apply", "-t", "a", "--drop", "--accept-rename").stdout == "a: done\n"
    options = opened.calls[-1][0][3]
    assert (options.drop, options.accept_rename) == (True, True)
    opened.answer = Tables(costly=True)
    typed("n")
    answer = rtpipe("table", "apply", "-t", "a")
    assert (answer.returncode, "a: this copies 5 rows" in answer.stdout) == (1, True)
    assert rtpipe("table", "apply", "-t", "a", "--yes").stdout == "a: done\n"
    opened.answer = Tables(differs=False)
    assert rtpipe("table", "apply", "-t", "a").stdout == ""


def test_schema_convert_writes_the_avro_of_a_schema_file(rtpipe: Command, tmp_path: Path) -> None:
    (tmp_path / "schema_before.json").write_text('[{"name": "d1", "fields": {"a": "int"}}]')
    answer = rtpipe("schema", "convert", "schema_before.json")
    assert (answer.returncode, "schema_avro.json: 1 schemas" in answer.stdout) == (0, True)
    assert json.loads((tmp_path / "schema_avro.json").read_text())[0]["name"] == "d1"
