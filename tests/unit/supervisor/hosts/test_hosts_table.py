"""The rows of a group's hosts, as statements; the real servers are in tests/integration/run/test_hosts.py."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.dialects import mysql

from supervisor.hosts.hosts_table import Asked, HostsTable
from tests.support.samples.statuses import pipeline_status

PLACES = {"where": ["orders/0"], "dry_run": False, "page_client": ""}
ASKED = Asked("7f", "pause", PLACES, "alice on host-2")
WORDS = {"number": "7f", "command": "pause", "body": PLACES, "by": "alice on host-2"}
REPLY = {"done": ["orders/0"], "refused": {}, "unknown": [], "warning": ""}


class FakeRows(list[Any]):
    """The rows of one answer."""

    def all(self) -> list[Any]:
        return self

    def one_or_none(self) -> Any:
        return self[0] if self else None

    def scalar(self) -> Any:
        return self[0] if self else None


class FakeConnection:
    """`answers`, in order; what was said, with its values."""

    def __init__(self, *answers: list[Any]) -> None:
        self.answers = list(answers)
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.commits = 0

    def execute(self, statement: Any) -> FakeRows:
        compiled = statement.compile(dialect=mysql.dialect())
        self.said.append((" ".join(str(compiled).replace("`", "").split()), dict(compiled.params)))
        return FakeRows(self.answers.pop(0) if self.answers else [])

    def commit(self) -> None:
        self.commits += 1


def table(*answers: list[Any]) -> tuple[HostsTable, FakeConnection]:
    connection: Any = FakeConnection(*answers)
    return HostsTable(connection, "members"), connection


def test_a_host_says_what_a_table_shows_and_no_more() -> None:
    hosts, connection = table()
    hosts.publish("host-1", "h:1", pipeline_status({}, {}).to_json())
    [(sql, values)] = connection.said
    assert sql.startswith("INSERT INTO rtpipe_hosts")
    assert "ON DUPLICATE KEY UPDATE" in sql
    assert "asked" not in sql  # what is asked of it stays
    assert (values["member_group"], values["instance_id"], values["owner"]) == ("members", "host-1", "h:1")
    said = json.loads(values["status"])
    assert said["partitions"][0]["offset"] == 1_000
    assert "memory_bytes" not in said["partitions"][0]
    assert len(json.dumps(said["partitions"][0])) < 600  # bytes: some hundred partitions are some hundred KB at most
    assert connection.commits == 1


def test_all_hosts_are_read_with_their_ages_by_the_databases_clock() -> None:
    status = json.dumps(pipeline_status({}).to_json())
    hosts, connection = table([SimpleNamespace(instance_id="host-1", owner="h:1", status=status, age=2_500_000)])
    [host] = hosts.hosts()
    assert (host.instance_id, host.owner, host.age) == ("host-1", "h:1", 2.5)
    assert [one.topic for one in host.status.partitions] == ["orders"]
    assert "timestampdiff(MICROSECOND, rtpipe_hosts.published_at, utc_timestamp(" in connection.said[0][0]
    assert 7 * 86_400 * 1_000_000 in connection.said[0][1].values()  # who was heard of no more since is forgotten


def test_a_host_is_forgotten_by_its_moment_alone() -> None:
    hosts, connection = table()
    hosts.forget("host-1")
    [(sql, values)] = connection.said
    assert sql.startswith("UPDATE rtpipe_hosts SET published_at=timestampadd(SECOND, ")
    assert -7 * 86_400 in values.values()
    assert connection.commits == 1


def test_what_is_asked_is_told_until_it_is_answered() -> None:
    hosts, connection = table([], [SimpleNamespace(asked=json.dumps(WORDS), answer=None)])
    hosts.ask("host-1", ASKED)
    assert json.loads(connection.said[0][1]["asked"]) == WORDS
    assert connection.said[0][1]["answer"] is None
    assert hosts.asked("host-1") == ASKED
    for row in ([], [SimpleNamespace(asked=None, answer=None)], [SimpleNamespace(asked="{}", answer="{}")]):
        assert table(row)[0].asked("host-1") is None


def test_an_answer_belongs_to_one_question() -> None:
    hosts, connection = table()
    hosts.answer("host-1", "7f", REPLY)
    said = connection.said[0][1]["answer"]
    assert json.loads(said) == {"number": "7f", "reply": REPLY}
    assert table([said])[0].answer_to("host-1", "7f") == REPLY
    assert table([said])[0].answer_to("host-1", "80") is None
    assert table([None])[0].answer_to("host-1", "7f") is None


#: What somebody else may have written in the place of a JSON object of ours.
FOREIGN = ["", "no JSON", "[]", "1", "null", "{}", '"text"', "[" * 100_000, '{"partitions": 1, "number": 7, "by": []}']


@pytest.mark.parametrize("text", FOREIGN)
def test_a_row_that_somebody_else_wrote_harms_nobody(text: str) -> None:
    row = SimpleNamespace(instance_id="host-1", owner="h:1", status=text, age=0, asked=text, answer=None)
    assert table([row])[0].hosts()[0].status.partitions == ()
    assert table([row])[0].asked("host-1") is None
    assert table([text])[0].answer_to("host-1", "7f") is None


@pytest.mark.parametrize(
    "more",
    [{"body": 1}, {"body": {}}, {"body": {"where": "orders"}}, {"body": {"where": [1]}}, {"by": 1}, {"command": None}],
)
def test_what_is_asked_in_another_form_is_not_done(more: dict[str, Any]) -> None:
    assert table([SimpleNamespace(asked=json.dumps(WORDS | more), answer=None)])[0].asked("host-1") is None


def test_nothing_but_places_is_passed_on() -> None:
    body = {"where": ["orders/0"], "command": "step-over", "path": "/", "patience": 1e9, "on_page": True}
    found = table([SimpleNamespace(asked=json.dumps(WORDS | {"body": body}), answer=None)])[0].asked("host-1")
    assert found is not None
    assert found.body == PLACES


@pytest.mark.parametrize(
    "reply", [1, {}, {"done": "a", "refused": {}, "unknown": []}, {"done": [], "refused": {"a": 1}}]
)
def test_an_answer_that_is_none(reply: Any) -> None:
    hosts, _ = table([json.dumps({"number": "7f", "reply": reply})])
    assert hosts.answer_to("host-1", "7f") == {"error": "the host's answer cannot be read"}
