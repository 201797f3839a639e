"""Which schema each table is held against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from avro_schemas.registry.errors import SchemaNotFoundError
from rtpipe.errors import SchemaError, SettingsError
from supervisor.schemas.table_plans import table_targets
from supervisor.schemas.table_plans.table_targets import targets
from supervisor.settings.fields.topic_settings import TopicBlock
from supervisor.settings.settings import Settings
from tests.support.fakes.fake_registry import FakeRegistry
from tests.support.samples.table_targets import OPTIONAL, record

V1, V2 = record(id="int"), record(id="int", note=OPTIONAL)
OTHER = {**record(x="int"), "name": "other"}


def settings(monkeypatch: pytest.MonkeyPatch, registry: FakeRegistry | None, *blocks: dict[str, Any]) -> Settings:
    monkeypatch.setattr(table_targets, "open_registry", lambda _: registry)
    return Settings(
        bootstrap_servers="h:1",
        schema_registry_url=SecretStr("http://h:1" if registry else ""),
        topics=tuple(TopicBlock(**block) for block in blocks),
    )


def file_of(tmp_path: Path, *schemas: dict[str, Any]) -> Path:
    path = tmp_path / "all.avsc"
    path.write_text(json.dumps(schemas[0] if len(schemas) == 1 else list(schemas)))
    return path


def test_the_newest_version_of_a_topics_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    under = {1: ["a-value"], 2: ["a-value"]}
    registry = FakeRegistry({1: V1, 2: V2}, under, newest_of={"a-value": 2}, versions_of={"a-value": [1, 2]})
    [target] = targets(settings(monkeypatch, registry, {"match": "a", "table": "b"}), ["a"], None)
    assert (target.topic, target.table, target.schema_id, target.schema) == ("a", "b", 2, V2)
    assert [len(layout.columns) for layout in target.lineage().layouts] == [1, 2, 2]
    [older] = targets(settings(monkeypatch, registry), ["a"], None, 1)
    assert (older.schema_id, older.schema) == (1, V1)


def test_a_subject_for_each_record_is_told_by_the_newest_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = FakeRegistry(
        {1: V1, 2: V2, 3: OTHER}, {1: ["r"], 2: ["r"], 3: ["other"]}, versions_of={"r": [1, 2], "other": [3]}
    )
    monkeypatch.setattr(table_targets, "sampled_ids", lambda *_: [1, 3])
    found = targets(settings(monkeypatch, registry, {"match": "a", "subject": "{record}"}), ["a"], None)
    assert [(one.schema_id, one.by_record) for one in found] == [(2, True), (3, True)], "the newest of each record"
    monkeypatch.setattr(table_targets, "sampled_ids", lambda *_: [])
    with pytest.raises(SchemaNotFoundError, match="none of the newest messages"):
        targets(settings(monkeypatch, registry), ["a"], None)


def test_the_schemas_of_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone = settings(monkeypatch, None)
    [one] = targets(alone, ["orders"], file_of(tmp_path, V1))
    assert (one.topic, one.schema_id, one.schema["name"]) == ("orders", None, "r"), (
        "a file of one schema is for any topic"
    )
    assert one.lineage().layouts[0].columns
    assert [each.topic for each in targets(alone, [], file_of(tmp_path, V1, OTHER))] == ["r", "other"]
    with pytest.raises(SchemaError, match="no schema for gone"):
        targets(alone, ["gone"], file_of(tmp_path, V1, OTHER))


def test_what_does_not_go_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone = settings(monkeypatch, None)
    with pytest.raises(SettingsError, match="no topic given"):
        targets(alone, [], None)
    for names, file in ((["a", "b"], None), (["a"], file_of(tmp_path, V1))):
        with pytest.raises(SettingsError, match="--schema-id is for one topic"):
            targets(alone, names, file, 1)
    with pytest.raises(SettingsError, match="--schema-registry-url is missing"):
        targets(alone, ["a"], None)
