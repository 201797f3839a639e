"""`rtpipe table plan` and `apply`: what a schema needs of its table, shown and done, on both databases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from sqlalchemy.engine import make_url

from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.sender import Sender
from tests.support.pipeline.supervision import messages_of, supervised
from tests.support.pipeline.table_command import table
from tests.support.samples.schema_parts import MICROS, MILLIS, field, text
from tests.support.stack.server_setting import server_setting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.stack.state import Addresses


@pytest.fixture
def sender(database: Addresses, tmp_path: Path) -> Iterator[Sender]:
    """One topic with a table of its first version; the admin account is known."""
    with running_pipeline(database, tmp_path, partitions=1) as pipeline:
        yield Sender(pipeline)


def test_a_plan_is_shown_checked_and_done(sender: Sender) -> None:
    pipeline = sender.pipeline
    sender.version()
    assert "fits" in table(pipeline, "plan", "--check")
    version, _ = sender.version(
        field("key", ["null", text(200)]), field("note", "string", default=""), without="payload", subject=""
    )
    shown = table(pipeline, "plan", "--check", code=3)
    assert f"{sender.topic}  topic {sender.topic}, schema id {version}: 4 changes" in shown
    for line in (
        "+ note mediumtext  instant, field note is new",
        "~ key varchar(64) -> varchar(200)  in place, field key is string",
        "~ key NOT NULL -> NULL  in place, field key may be null",
        "~ payload NOT NULL -> NULL  in place, this schema has no field for it",
        "- payload  kept; `rtpipe table apply --drop` removes it",
    ):
        assert line in shown, shown
    added, modified = table(pipeline, "plan", "--sql").splitlines()
    utf8 = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    assert added == f"ALTER TABLE `bank`.`{sender.topic}` ADD COLUMN `note` MEDIUMTEXT {utf8} NULL, ALGORITHM=INSTANT;"
    assert modified == (
        f"ALTER TABLE `bank`.`{sender.topic}` MODIFY COLUMN `key` VARCHAR(200) {utf8} NULL,"
        " MODIFY COLUMN `payload` mediumtext NULL, ALGORITHM=INPLACE, LOCK=NONE;"
    )
    [told] = json.loads(table(pipeline, "plan", "--json"))["tables"]
    assert (told["state"], told["schema_id"], told["kept"]) == ("differs", version, ["payload"])
    assert [change["cost"] for change in told["changes"]].count("in place") == 3
    assert f"{sender.topic}: done" in table(pipeline, "apply")
    assert "fits" in table(pipeline, "plan", "--check")
    assert "done" not in table(pipeline, "apply")
    assert [outcome for _, _, outcome, _ in sender.history()] == ["done", "done"]
    assert sender.types()["key"] == ("varchar(200)", "YES")


@pytest.mark.faults
def test_what_copies_or_drops_is_asked_for(sender: Sender) -> None:
    pipeline = sender.pipeline
    sender.version(field("n", "int"))
    pipeline.query(f"ALTER TABLE `{sender.topic}` ADD COLUMN n INT NULL, ADD COLUMN mine INT NULL")
    sender.version(field("n", "long"), without="payload")
    assert "blocks writers" in table(pipeline, "apply", code=1)  # nobody answers
    assert sender.types()["n"][0] == "int"
    table(pipeline, "apply", "--yes", "--drop")
    assert sender.types()["n"][0] == "bigint"
    assert "payload" not in sender.types()
    assert "mine" in sender.types()
    assert "fits" in table(pipeline, "plan", "--check")


@pytest.mark.faults
def test_what_is_refused_has_exit_code_5(sender: Sender, tmp_path: Path) -> None:
    bad = tmp_path / "next.avsc"
    _, schema = sender.version()
    schema["fields"][1]["type"] = ["long", "string"]
    bad.write_text(json.dumps(schema))
    said = table(sender.pipeline, "plan", "--schema", str(bad), code=5)
    assert "E_EVOLUTION" in said
    assert "field seq: union does not go into column seq bigint" in said
    assert table(sender.pipeline, "apply", "--schema", str(bad), code=5)
    missing = sender.pipeline.run("table", "plan", "--topics", "nosuchtopic")
    assert missing.returncode == 78
    assert "topic nosuchtopic does not exist" in missing.stderr


def test_a_file_is_planned_before_it_is_registered(sender: Sender, tmp_path: Path) -> None:
    file = tmp_path / "next.avsc"
    _, schema = sender.version()
    schema["fields"].append(field("at", MICROS))
    file.write_text(json.dumps(schema))
    [told] = json.loads(table(sender.pipeline, "plan", "--json", "--schema", str(file)))["tables"]
    assert told["schema_id"] is None
    assert [change["change"] for change in told["changes"]] == ["add column at datetime(6) (field at is new)"]
    with SchemaRegistryClient({"url": sender.pipeline.addresses.schema_registry_url}) as registry:
        assert len(registry.get_versions(f"{sender.topic}-value")) == 1


@pytest.mark.faults
def test_a_rename_is_made_when_it_is_accepted_and_both_names_may_arrive(sender: Sender) -> None:
    pipeline = sender.pipeline
    old = sender.version(field("client", "string"))
    pipeline.query(f"ALTER TABLE `{sender.topic}` ADD COLUMN client MEDIUMTEXT NOT NULL")
    sender.send(old, client="a")
    new = sender.version(field("customer", "string", aliases=["client"]))
    shown = table(pipeline, "plan")
    assert "+ customer mediumtext" in shown
    assert "--accept-rename renames client instead" in shown
    assert "~ client -> customer" in table(pipeline, "apply", "--accept-rename")
    sender.send(new, customer="b")
    sender.send(old, client="c")
    assert supervised(pipeline) == 0, messages_of(pipeline, "worker_halted")
    assert sender.rows("seq", "customer") == [(1, "a"), (2, "b"), (3, "c")]
    assert "client" not in sender.types()
    assert sender.verified()


@pytest.mark.faults
def test_apply_makes_the_table_with_its_grants(sender: Sender) -> None:
    pipeline = sender.pipeline
    version = sender.version(field("at", MILLIS))
    pipeline.query(f"DROP TABLE `{sender.topic}`")
    shown = table(pipeline, "plan", "--check", code=3)
    assert "+ at datetime(3) NOT NULL" in shown
    assert "CREATE TABLE IF NOT EXISTS" in shown
    table(pipeline, "apply")
    sender.send(version, at=1_700_000_000_123)
    assert supervised(pipeline) == 0, messages_of(pipeline, "worker_halted")
    assert sender.verified()


@pytest.mark.parametrize("database", ["MariaDB"], indirect=True)  # where infra may not do everything
def test_without_the_right_to_grant_the_statement_is_told(sender: Sender) -> None:
    pipeline = sender.pipeline
    sender.version()
    pipeline.query(f"DROP TABLE `{sender.topic}`")
    consumer = make_url(pipeline.addresses.database_url).username
    pipeline.query(f"REVOKE ALL PRIVILEGES ON bank.`{sender.topic}` FROM '{consumer}'@'%'")
    answer = pipeline.run("table", "apply", "--topics", sender.topic)
    assert answer.returncode == 77
    assert f"GRANT SELECT, INSERT ON `bank`.`{sender.topic}` TO '{consumer}'@'%'" in answer.stderr


@pytest.mark.faults  # in `make test` MariaDB is shared by tests that run side by side
@pytest.mark.parametrize(
    ("own_database", "demand"),
    [("MySQL", "sql_require_primary_key"), ("MariaDB", "innodb_force_primary_key")],
    indirect=["own_database"],
)
def test_a_server_that_demands_a_primary_key_gets_one(own_database: Addresses, tmp_path: Path, demand: str) -> None:
    with running_pipeline(own_database, tmp_path, partitions=1) as pipeline:
        a_primary_key_is_demanded(Sender(pipeline), demand)


def a_primary_key_is_demanded(sender: Sender, demand: str) -> None:
    pipeline = sender.pipeline
    (pipeline.directory / "rtpipe.toml").write_text("")  # no metadata columns
    version: Any = sender.version()
    pipeline.query(f"DROP TABLE `{sender.topic}`")
    with server_setting(pipeline.addresses.admin_database_url, demand, "ON"):
        shown = table(pipeline, "plan")
        table(pipeline, "apply")
    assert "this server demands a primary key" in shown
    assert "PRIMARY KEY (`_kafka_partition`, `_kafka_offset`)" in shown
    sender.send(version)
    assert supervised(pipeline) == 0, messages_of(pipeline, "worker_halted")
    assert sender.rows("_kafka_partition", "_kafka_offset", "seq") == [(0, 0, 1)]
    assert sender.verified()
