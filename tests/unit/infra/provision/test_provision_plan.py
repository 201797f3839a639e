import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from avro_schemas.tables.rules import TableRules
from infra.provision import provision
from infra.provision.accounts import accounts_of
from infra.provision.items import ItemState, ProvisionItem, ProvisionResult
from infra.provision.provision import ProvisionRequest
from infra.provision.topics import Cluster, FoundTopic, copies_for
from rtpipe.errors import ExitCode, SchemaError, SettingsError

CANARY = "canary'1%"


URL = "mysql+pymysql://{}:canary'1%25@127.0.0.1:1/bank"


def request(folder: Path, document: Any = None, **more: Any) -> ProvisionRequest:
    path = folder / "schema_before.json"
    path.write_text(json.dumps(document or [{"name": "orders", "fields": {"x": "int", "y": "string(9)?"}}]))
    settings: dict[str, Any] = {
        "kafka": {"bootstrap.servers": "127.0.0.1:1"},
        "registry_url": f"http://me:{CANARY.replace('%', '%25')}@127.0.0.1:1",
        "database_url": URL.format("consumer"),
        "infra_database_url": URL.format("infra"),
        "admin_database_url": URL.format("root"),
    }
    return ProvisionRequest(schemas=path, **(settings | more))


class FakeRegistry:
    """A registry in a dict; `accepting` is what it says to a new schema under a subject that exists."""

    accepting = True
    versions: Mapping[str, int] = {}

    def __init__(self, url: str, config: Mapping[str, str]) -> None:
        self.known: dict[str, Any] = {}

    def check(self) -> None:
        pass

    def close(self) -> None:
        pass

    def find(self, subject: str, schema: Any) -> int | None:
        return 7 if self.known.get(subject) == schema else None

    def accepts(self, subject: str, schema: Any) -> bool:
        return self.accepting

    def newest_version(self, subject: str) -> int:
        return self.versions.get(subject, int(subject in self.known))

    def register(self, subject: str, schema: Any) -> int:
        self.known[subject] = schema
        return 7


class FakeTopics:
    """A cluster of two brokers."""

    topics: dict[str, FoundTopic]

    def __init__(self, kafka: Mapping[str, str]) -> None:
        pass

    def describe(self) -> Cluster:
        return Cluster(2, dict(self.topics))

    def create(self, names: list[str], *, partitions: int, copies: int) -> None:
        self.topics.update(dict.fromkeys(names, FoundTopic(partitions, copies)))


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeTopics, "topics", {}, raising=False)
    monkeypatch.setattr(provision, "Registry", FakeRegistry)
    monkeypatch.setattr(provision, "TopicAdmin", FakeTopics)
    monkeypatch.setattr(provision, "database_items", lambda *_, **__: [])


def states(result: ProvisionResult) -> list[tuple[str, str, ItemState]]:
    return [(item.kind, item.name, item.state) for item in result.items if item.kind != "schema file"]


def test_a_plan_makes_nothing_and_create_makes_it_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="rtpipe")
    wanted = request(tmp_path)
    planned = provision.plan(wanted)
    assert states(planned) == [
        ("subject", "orders-value", ItemState.TO_CREATE),
        ("topic", "orders", ItemState.TO_CREATE),
    ]
    assert planned.exit_code is ExitCode.DONE
    assert not FakeTopics.topics
    assert not (tmp_path / "schema_avro.json").exists()
    made = provision.create(wanted)
    assert {item.state for item in made.items} == {ItemState.CREATED}
    assert FakeTopics.topics == {"orders": FoundTopic(3, 2)}
    again = provision.create(wanted)
    assert {item.state for item in again.items if item.kind != "subject"} == {ItemState.THERE}
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == "data pipeline setting start..."
    assert messages[1] == "Avro schema created successfully ... orders"
    assert [m for m in messages if m.startswith("Avro schema Json dumped successfully ...")] == [messages[-3]]


def test_an_older_schema_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "schema_avro.json").write_text("[]")
    item = provision.create(request(tmp_path)).items[0]
    assert (item.state, item.detail) == (ItemState.CREATED, "replaces an older one")
    assert json.loads((tmp_path / "schema_avro.json").read_text())[0]["name"] == "orders"


def test_avro_schemas_need_no_file_beside_them(tmp_path: Path) -> None:
    wanted = replace(request(tmp_path), schemas=tmp_path / "mine.avsc")
    line = {"type": "record", "name": "com.exam.line", "fields": [{"name": "suit", "type": "Suit"}]}
    suit = {"type": "enum", "name": "com.exam.Suit", "symbols": ["A"]}
    wanted.schemas.write_text(json.dumps([suit, line, {"type": "record", "name": "empty", "fields": []}]))
    made = provision.create(wanted)
    assert [(item.kind, item.name) for item in made.items] == [
        *(("subject", f"{name}-value") for name in ("line", "empty")),
        *(("topic", name) for name in ("line", "empty")),
    ]
    assert not (tmp_path / "schema_avro.json").exists()


def test_avro_schemas_whose_topics_are_too_like(tmp_path: Path) -> None:
    wanted = replace(request(tmp_path), schemas=tmp_path / "mine.avsc")
    wanted.schemas.write_text(
        json.dumps([{"type": "record", "name": name, "fields": []} for name in ("a.Line", "line")])
    )
    with pytest.raises(SchemaError, match=r"mine\.avsc: schema 'line': too like 'Line'"):
        provision.plan(wanted)


@pytest.mark.parametrize(
    ("found", "asked", "detail"),
    [
        (FoundTopic(4, 2), None, "4 partitions, replication factor 2 instead of 3 partitions, replication factor 2"),
        (FoundTopic(3, 1), 2, "3 partitions, replication factor 1 instead of 3 partitions, replication factor 2"),
    ],
)
def test_a_topic_that_differs_is_told_and_left_alone(
    found: FoundTopic, asked: int | None, detail: str, tmp_path: Path
) -> None:
    FakeTopics.topics["orders"] = found
    result = provision.create(request(tmp_path, partitions=3, replication_factor=asked))
    (topic,) = [item for item in result.items if item.kind == "topic"]
    assert (topic.state, topic.detail) == (ItemState.DIFFERS, detail)
    assert result.exit_code is ExitCode.DIFFERENT
    assert FakeTopics.topics == {"orders": found}


def test_the_usual_numbers_are_no_demand(tmp_path: Path) -> None:
    FakeTopics.topics["orders"] = FoundTopic(6, 1)
    assert provision.create(request(tmp_path)).exit_code is ExitCode.DONE


@pytest.mark.parametrize("neighbour", ["Orders", "ORDERS"])
def test_a_topic_too_like_another_is_refused(neighbour: str, tmp_path: Path) -> None:
    FakeTopics.topics[neighbour] = FoundTopic(3, 1)
    with pytest.raises(SchemaError, match=f"schema 'orders': there is a topic '{neighbour}'"):
        provision.create(request(tmp_path))
    assert list(FakeTopics.topics) == [neighbour]


def test_a_point_counts_as_an_underscore() -> None:
    cluster = Cluster(1, {"a.b": FoundTopic(1, 1), "c": FoundTopic(1, 1)})
    assert cluster.neighbour("a_b") == "a.b"
    assert cluster.neighbour("c") is None


def test_an_incompatible_schema_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeRegistry, "accepting", False)
    with pytest.raises(SchemaError, match="schema 'orders': the registry holds the schema for incompatible"):
        provision.create(request(tmp_path))
    assert not FakeTopics.topics
    assert not (tmp_path / "schema_avro.json").exists()


def test_a_new_version_in_a_subject_that_exists_is_told_and_made_only_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeRegistry, "versions", {"orders-value": 1})
    (item,) = [item for item in provision.plan(request(tmp_path)).items if item.kind == "subject"]
    assert (item.state, item.detail) == (
        ItemState.DIFFERS,
        "new version 2 of subject orders-value; only with --new-versions",
    )
    with pytest.raises(SettingsError, match="new version 2 of subject orders-value; nothing was made"):
        provision.create(request(tmp_path))
    assert not FakeTopics.topics
    (item, *_) = [item for item in provision.create(request(tmp_path, new_versions=True)).items if item.sql == ""][1:]
    assert (item.name, item.state) == ("orders-value", ItemState.CREATED)
    assert item.detail == "new version 2 of subject orders-value, schema id 7"


def test_the_topic_of_a_file_with_one_schema(tmp_path: Path) -> None:
    made = provision.create(request(tmp_path, topic="shop.orders-2"))
    assert states(made) == [
        ("subject", "shop.orders-2-value", ItemState.CREATED),
        ("topic", "shop.orders-2", ItemState.CREATED),
    ]
    two = [{"name": name, "fields": {"x": "int"}} for name in ("one", "two")]
    with pytest.raises(SettingsError, match=r"schema_before\.json has 2 schemas, and one topic was given: three"):
        provision.plan(request(tmp_path, two, topic="three"))
    with pytest.raises(SettingsError, match="topic 'a b'"):
        provision.plan(request(tmp_path, topic="a b"))


def test_a_bad_file_is_refused_before_anything_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provision, "Registry", None)
    monkeypatch.setattr(provision, "TopicAdmin", None)
    with pytest.raises(SchemaError, match=r"schema_before\.json: dataset 'a\.b'"):
        provision.create(request(tmp_path, [{"name": "a.b", "fields": {"x": "int"}}]))
    wide = {f"f{number}": "string" for number in range(300)}
    with pytest.raises(SchemaError, match=r"schema_before\.json: table 'one'.*\n.*table 'two'") as caught:
        provision.create(request(tmp_path, [{"name": "one", "fields": wide}, {"name": "two", "fields": wide}]))
    assert caught.value.exit_code is ExitCode.SCHEMA_REFUSED


@pytest.mark.parametrize(
    "wrong", [{"partitions": 0}, {"replication_factor": -1}, {"rules_of": lambda _: TableRules(metadata=("x",))}]
)
def test_wrong_numbers_and_columns(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        provision.plan(request(tmp_path, **wrong))


def test_copies_are_three_or_as_many_as_there_are_brokers() -> None:
    assert [copies_for(brokers, None) for brokers in (1, 2, 3, 9)] == [1, 2, 3, 3]
    assert copies_for(3, 2) == 2
    with pytest.raises(SettingsError, match="replication factor 3 needs as many brokers, the cluster has 1"):
        copies_for(1, 3)


def test_no_repr_shows_a_password(tmp_path: Path) -> None:
    accounts = accounts_of(URL.format("consumer"), URL.format("infra"), URL.format("root"))
    assert accounts.admin
    assert accounts.admin.password == CANARY
    for shown in (repr(request(tmp_path)), repr(accounts), str(accounts)):
        assert "canary" not in shown


def test_items_are_plain_and_frozen() -> None:
    item = ProvisionItem("table", "t", ItemState.THERE)
    with pytest.raises(AttributeError):
        item.name = "u"  # type: ignore[misc]
    assert f"{item.state}" == "already there"
