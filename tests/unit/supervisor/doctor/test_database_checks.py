"""What is said of the database, and of tables beside their schemas."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from rtpipe.mysql.error_numbers import READ_ONLY
from supervisor.doctor import (
    database_checks,
    table_checks,
)
from supervisor.doctor.database_checks import DatabaseChecks
from supervisor.doctor.examination import examine
from supervisor.doctor.finding import Finding, Verdict
from supervisor.doctor.view import facts_of
from supervisor.settings.fields.topic_settings import TopicSettings
from supervisor.settings.settings import Settings, load
from tests.support.command_answers import CANARY
from tests.support.samples.examined import GOOD
from workers.database.errors import DatabaseTrouble

OK, WARN, FAIL = Verdict


class FakeServer:
    """Sessions whose every connection answers from a table of beginnings of statements."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "SHOW GLOBAL VARIABLES": list(GOOD.items()),
            "SELECT UNIX_TIMESTAMP": [(0.0,)],
            "SELECT CURRENT_USER": [("writer@10.%",)],
            "SELECT COLUMN_NAME": [("id",)],
        }

    def close(self) -> None:
        pass

    @contextlib.contextmanager
    def connected(self, account: Any, *, doing: str) -> Iterator[FakeServer]:
        yield self

    def exec_driver_sql(self, sql: str, *_: Any) -> Any:
        rows = next(rows for start, rows in self.answers.items() if sql.strip().startswith(start))
        first = rows[0][0] if rows else None
        answer = SimpleNamespace(scalar=lambda: first, scalar_one=lambda: first)
        return rows if sql.startswith("SHOW") else answer


@pytest.fixture
def fake_server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    found = FakeServer()
    monkeypatch.setattr(database_checks, "Sessions", lambda: found)
    monkeypatch.setattr(database_checks, "open_session", lambda *_: found)
    monkeypatch.setattr(f"{database_checks.__name__}.time.time", lambda: 0.5)
    monkeypatch.setattr(f"{database_checks.__name__}.who.missing_privileges", lambda *_: [])
    monkeypatch.setattr(f"{database_checks.__name__}.who.login", lambda *_: "'writer'@'%'")
    monkeypatch.setattr(f"{database_checks.__name__}.who.infra_holds_all", lambda *_: True)
    return found


def of_database(examined: Settings) -> dict[str, Finding]:
    [found] = examine([DatabaseChecks(examined, ["orders"], 3, loads=True).area()])
    assert CANARY not in json.dumps(facts_of([found]))
    return {finding.name: finding for finding in found.findings}


def test_a_database_as_it_should_be(
    examined: Settings, fake_server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert of_database(examined)["account for tables"].verdict is WARN  # one account for everything
    monkeypatch.setenv("RTPIPE_INFRA_DATABASE_URL", "mysql+pymysql://infra:p@db:1/bank")
    found = of_database(load())
    assert {finding.verdict for finding in found.values()} == {OK}
    assert {"privileges on orders", "privileges on kafka_offsets", "clock", "version"} <= found.keys()


def test_what_a_database_lacks(examined: Settings, fake_server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{database_checks.__name__}.who.missing_privileges", lambda *given: [given[-1][-1]])
    monkeypatch.setattr(f"{database_checks.__name__}.who.infra_holds_all", lambda *_: False)
    fake_server.answers["SELECT UNIX_TIMESTAMP"] = [(-100.0,)]
    found = of_database(examined)
    assert found["privileges on orders"].fix == "GRANT INSERT ON `bank`.`orders` TO 'writer'@'10.%';"
    assert found["account for tables"].fix.startswith("GRANT CREATE, ALTER")
    assert found["clock"].found == "100.5 s behind ours"
    assert "privileges on rtpipe_journal" not in found, "no topic has one"
    with_journal = of_database(examined.model_copy(update={"defaults": TopicSettings(journal=True)}))
    assert with_journal["privileges on rtpipe_journal"].fix.startswith("GRANT DELETE ON `bank`.`rtpipe_journal`")
    fake_server.answers["SELECT COLUMN_NAME"] = []
    assert of_database(examined)["privileges on orders"].fix == "rtpipe setup --topics orders"


def test_a_database_that_refuses_us(
    examined: Settings, fake_server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(number: int) -> None:
        def open_session(*_: Any) -> Any:
            raise DatabaseTrouble(number).at("writer@db:1/bank")

        monkeypatch.setattr(database_checks, "open_session", open_session)

    refuse(1045)
    found = of_database(examined)
    assert {finding.verdict for finding in found.values()} == {FAIL}
    assert "writer@db:1/bank" in found["connection"].found
    refuse(READ_ONLY)  # which the check of read_only tells
    assert of_database(examined)["connection"].verdict is OK


@pytest.mark.parametrize(
    ("plan", "verdict", "said"),
    [
        ({}, OK, "fits schema id 7"),
        ({"refused": ["column a"]}, FAIL, "cannot take"),
        ({"create": "CREATE TABLE"}, FAIL, "there is no table"),
        ({"changes": [1]}, WARN, "needs 1 change for"),
        ({"changes": [1, 2], "questions": ["copies the table"]}, WARN, "needs 2 changes"),
        ({"losses": ["column a cuts"]}, WARN, "column a cuts"),
    ],
)
def test_a_table_beside_its_schema(
    examined: Settings, monkeypatch: pytest.MonkeyPatch, plan: dict[str, Any], verdict: Verdict, said: str
) -> None:
    target = SimpleNamespace(topic="orders", table="orders", schema_id=7)
    nothing: dict[str, Any] = {"refused": [], "create": "", "changes": [], "questions": [], "losses": []}
    monkeypatch.setattr(table_checks, "targets", lambda *_: [target])
    monkeypatch.setattr(table_checks, "plan_tables", lambda *_: [SimpleNamespace(target=target, **(nothing | plan))])
    [found] = examine([table_checks.table_area(examined, ["orders"])])
    assert found.findings[0].verdict is verdict
    assert said in found.findings[0].found
