"""`rtpipe setup` for topics that exist, and the README's way to the first rows, typed as it stands."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from sqlalchemy.engine import make_url

from tests.support.pipeline.parts.commands import ROOT
from tests.support.pipeline.parts.topics_and_tables import schema_named
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.raw_clients import connect
from tests.support.pipeline.typed_topic import register, wire
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.stack.state import Addresses

PASSWORD = "p@ss/w:rd#1%"


@dataclass(frozen=True)
class Foreign:
    """Topics with messages and schemas, and a server that has neither the database nor the users."""

    pipeline: Pipeline
    name: str  #: of the database, and in the names of its users
    variables: dict[str, str]

    def run(self, *arguments: str, code: int = 0, changed: dict[str, str] | None = None) -> str:
        """Output of a command that is told nothing but the variables."""
        answer = self.pipeline.run(*arguments, env=self.variables | (changed or {}))
        assert answer.returncode == code, answer.stdout + answer.stderr
        assert PASSWORD not in answer.stdout + answer.stderr
        return answer.stdout + answer.stderr

    def sql(self, *statements: str) -> list[tuple[object, ...]]:
        """The last one's rows, as the admin."""
        with contextlib.closing(connect(self.variables["RTPIPE_ADMIN_DATABASE_URL"])) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def states(self, *arguments: str, **changed: str) -> dict[str, str]:
        """ItemState by kind and name, as `--json` tells it."""
        answer = self.pipeline.run("setup", *self.topics, "--json", *arguments, env=self.variables | changed)
        return {f"{one['kind']} {one['name']}": one["state"] for one in json.loads(answer.stdout)["items"]}

    @property
    def topics(self) -> tuple[str, str]:
        """The option."""
        return "--topics", ",".join(self.pipeline.topics)


@pytest.fixture
def foreign(database: Addresses, tmp_path: Path) -> Iterator[Foreign]:
    with running_pipeline(database, tmp_path, topics=2, partitions=2, metadata=False) as pipeline:
        name = f"s{pipeline.topics[0]}"
        base = make_url(database.admin_database_url).set(database=name, password=PASSWORD)
        consumer, infra = (base.set(username=f"{who}_{name}").render_as_string(hide_password=False) for who in "ci")
        variables = {
            "RTPIPE_DATABASE_URL": consumer,
            "RTPIPE_INFRA_DATABASE_URL": infra,
            "RTPIPE_ADMIN_DATABASE_URL": database.admin_database_url,
        }
        found = Foreign(pipeline, name, variables)
        try:
            yield found
        finally:
            found.sql(f"DROP DATABASE IF EXISTS {name}", f"DROP USER IF EXISTS c_{name}, i_{name}")


def block(after: str) -> list[str]:
    """The lines of the README's first shell block behind this text."""
    text = (ROOT / "README.md").read_text().partition(after)[2]
    found = re.search(r"```bash\n(.*?)```", text, re.DOTALL)
    assert found, after
    return found[1].splitlines()


def typed(foreign: Foreign, lines: list[str]) -> str:
    """What a person types: the README's lines with addresses and topics of their own."""
    mine = foreign.pipeline.environment() | foreign.variables
    topics = ",".join(foreign.pipeline.topics)

    def own(line: str) -> str:
        exported = re.match(r"export (RTPIPE_\w+)=", line)
        return f"export {exported[1]}={shlex.quote(mine[exported[1]])}" if exported else line

    return "\n".join(own(line).replace("orders,payments", topics) for line in lines)


def test_rows_by_the_commands_of_the_readme(foreign: Foreign, tmp_path: Path) -> None:
    pipeline = foreign.pipeline
    pipeline.produce(300)
    title = "### With what you have"
    first, second = block(title), block("In a second terminal")
    exports = [line for line in first if line.startswith("export ")]
    assert len([line for line in (*first, *second) if line.startswith("rtpipe ")]) <= 5
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RTPIPE_")} | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RTPIPE_RUNTIME_DIR": str(tmp_path / "run"),
        "PYTHONPATH": str(ROOT),
    }
    with (tmp_path / "terminal").open("wb") as out:
        terminal = subprocess.Popen(
            ["bash", "-ec", typed(foreign, first)],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def done() -> bool:
        assert terminal.poll() is None, (tmp_path / "terminal").read_text()
        script = typed(foreign, ["set -e", *exports, *second])
        answer = subprocess.run(
            ["bash", "-c", script], check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert "every value of every row is equal" in answer.stdout
        return True

    eventually(done, within=120)
    for topic in pipeline.topics:
        assert foreign.sql(f"SELECT COUNT(*) FROM {foreign.name}.`{topic}`") == [(300,)]
    os.killpg(terminal.pid, signal.SIGTERM)
    assert terminal.wait(60) in {0, -signal.SIGTERM, 143}
    again = foreign.run("setup", *foreign.topics)
    assert "all is there already" in again
    assert {line.split("  ")[0] for line in again.splitlines() if "  " in line} == {"already there"}


def test_nothing_is_made_without_a_yes(foreign: Foreign) -> None:
    planned = foreign.run("setup", *foreign.topics, "--dry-run")
    assert f"CREATE DATABASE IF NOT EXISTS `{foreign.name}`" in planned
    assert f"GRANT SELECT, INSERT ON `{foreign.name}`.`{foreign.pipeline.topics[0]}` TO 'c_{foreign.name}'@" in planned
    refused = foreign.run("setup", *foreign.topics, code=2)
    assert "E_SETTINGS" in refused
    assert "--yes" in refused
    assert foreign.sql(f"SHOW DATABASES LIKE '{foreign.name}'") == []


def test_what_is_missing_is_named(foreign: Foreign) -> None:
    topic = foreign.pipeline.topics[0]
    said = foreign.run("setup", "--topics", f"{topic},{topic}x", code=78)
    assert f"has no topic {topic}x" in said
    assert f"did you mean {topic}?" in said


def test_settings_rule_the_table_and_a_table_that_is_there_is_mended(foreign: Foreign) -> None:
    """One account for everything; a table of another name by rtpipe.toml; a person's own table for the other topic."""
    pipeline = foreign.pipeline
    renamed, mended = pipeline.topics
    (pipeline.directory / "rtpipe.toml").write_text(
        f"""[[topics]]
match = "{renamed}"
table = "facts"
mode = "upsert"
key = ["key"]
metadata_columns = ["_kafka_partition", "_kafka_offset"]
"""
    )
    admin = make_url(foreign.variables["RTPIPE_ADMIN_DATABASE_URL"]).set(database=foreign.name)
    one = {
        "RTPIPE_DATABASE_URL": admin.render_as_string(hide_password=False),
        "RTPIPE_INFRA_DATABASE_URL": "",
        "RTPIPE_ADMIN_DATABASE_URL": "",
    }
    foreign.sql(
        f"CREATE DATABASE {foreign.name}",
        f"CREATE TABLE {foreign.name}.`{mended}` (`key` VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
        " seq BIGINT NOT NULL, mine INT)",
    )
    planned = foreign.states("--dry-run", **one)
    assert planned["table facts"] == "to create"
    assert planned[f"table {mended}"] == "to change"
    assert "changed" in foreign.run("setup", *foreign.topics, "--yes", changed=one)
    assert set(foreign.states(**one).values()) == {"already there"}
    shown = str(foreign.sql(f"SHOW CREATE TABLE {foreign.name}.facts"))
    assert "PRIMARY KEY (`key`)" in shown
    assert "_kafka_offset" in shown
    assert "payload" in str(foreign.sql(f"SHOW CREATE TABLE {foreign.name}.`{mended}`"))


def test_a_change_that_copies_is_left_to_a_person_and_what_cannot_be_stops_it(foreign: Foreign) -> None:
    topic = foreign.pipeline.topics[0]
    with SchemaRegistryClient({"url": foreign.pipeline.addresses.schema_registry_url}) as registry:
        for number in ("int", "long"):
            schema = schema_named(topic)
            schema["fields"].append({"name": "n", "type": number, "default": 0})
            registry.register_schema(f"{topic}-value", Schema(json.dumps(schema), "AVRO"))
        schema["fields"][1]["type"] = ["long", "string"]
    text = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"
    foreign.sql(
        f"CREATE DATABASE {foreign.name}",
        f"CREATE TABLE {foreign.name}.`{topic}`"
        f" (`key` VARCHAR(64) {text}, seq BIGINT NOT NULL, payload MEDIUMTEXT {text}, n INT NOT NULL)",
    )
    said = foreign.run("setup", "--topics", topic, "--yes", code=3)
    assert f"`rtpipe table apply --topics {topic}` does it" in said
    assert "n int -> bigint" in said
    assert "bigint" not in str(foreign.sql(f"SHOW COLUMNS FROM {foreign.name}.`{topic}` LIKE 'n'"))
    with SchemaRegistryClient({"url": foreign.pipeline.addresses.schema_registry_url}) as registry:
        registry.register_schema(f"{topic}-value", Schema(json.dumps(schema), "AVRO"))
    refused = foreign.run("setup", "--topics", topic, "--yes", code=5)
    assert "E_EVOLUTION" in refused
    assert "field seq: union does not go into column seq bigint" in refused


def test_a_key_column_that_makes_one_key_of_two_is_told_with_the_alter(foreign: Foreign) -> None:
    topic = foreign.pipeline.topics[0]
    (foreign.pipeline.directory / "rtpipe.toml").write_text(
        f'[[topics]]\nmatch = "{topic}"\nmode = "upsert"\nkey = ["key"]\n'
    )
    text = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL"
    foreign.sql(
        f"CREATE DATABASE {foreign.name}",
        f"CREATE TABLE {foreign.name}.`{topic}`"
        f" (`key` VARCHAR(64) {text} PRIMARY KEY, seq BIGINT NOT NULL, payload MEDIUMTEXT {text})",
    )
    for option in ("--dry-run", "--yes"):
        said = foreign.run("setup", "--topics", topic, option, code=5)
        assert "which takes different keys for the same" in said
        [alter, *_] = re.findall(rf"repair it by: (ALTER TABLE `{topic}` MODIFY .* NOT NULL)", said)
    foreign.sql(f"USE {foreign.name}", alter)
    foreign.run("setup", "--topics", topic, "--yes")
    foreign.sql(f"CREATE UNIQUE INDEX other ON {foreign.name}.`{topic}` (seq)")
    assert "another unique index (other)" in foreign.run("setup", "--topics", topic, "--dry-run", code=78)
    foreign.sql(f"ALTER TABLE {foreign.name}.`{topic}` DROP INDEX other, DROP PRIMARY KEY")
    said = foreign.run("table", "plan", "--topics", topic, code=78)
    assert "has the primary key (), the topic's settings say (key)" in said


def field(name: str, kind: object, **more: object) -> dict[str, object]:
    return {"name": name, "type": kind, **more}


def test_a_table_of_several_records_is_planned_once_as_it_comes_to_be(foreign: Foreign) -> None:
    """What one record alone has may be NULL; the planned SQL, typed by hand, makes the same table."""
    pipeline = foreign.pipeline
    topic = pipeline.topics[0]
    (pipeline.directory / "rtpipe.toml").write_text(f'[[topics]]\nmatch = "{topic}"\nsubject = "{{record}}"\n')
    word = {"type": "enum", "name": "Word", "symbols": ["a", "b"]}
    money = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}
    only = [
        field("word", word),
        field("price", money, doc="in 'euros'"),
        field("lines", {"type": "array", "items": "string"}),
        field("uid", {"type": "string", "logicalType": "uuid"}),
        field("at", {"type": "long", "logicalType": "timestamp-millis"}),
        field("text", "string"),
    ]
    order, payment = schema_named(f"{topic}.Order"), schema_named(f"{topic}.Payment")
    order["fields"] += only
    payment["fields"] += [field("cents", ["null", "long"])]
    uid, record = "01234567-89ab-4def-8123-456789abcdef", {"key": "k", "seq": 1, "payload": "p"}
    of_order = {"word": "a", "price": b"\1", "lines": [], "uid": uid, "at": 0, "text": ""}
    for schema, more in ((order, of_order), (payment, {"cents": 5})):
        schema_id = register(pipeline, schema["name"], schema)
        pipeline.send(topic, wire(schema_id, schema, record | more))

    def planned() -> Any:
        told = json.loads(foreign.run("setup", "--topics", topic, "--dry-run", "--json"))
        [table] = [one for one in told["items"] if (one["kind"], one["name"]) == ("table", topic)]
        return table

    def table() -> str:
        return str(foreign.sql(f"SHOW CREATE TABLE {foreign.name}.`{topic}`"))

    assert "--drop" not in foreign.run("setup", "--topics", topic, "--dry-run")  # of what another record has
    before = planned()
    assert before["state"] == "to create"
    done = json.loads(foreign.run("setup", "--topics", topic, "--yes", "--json"))
    assert [one["state"] for one in done["items"] if one["name"] == topic and one["kind"] == "table"] == ["created"]
    made = table()
    assert all(f"`{name}`" in made for name in ("word", "price", "lines", "uid", "at", "text", "cents"))
    assert planned()["state"] == "already there"
    foreign.sql(f"DROP TABLE {foreign.name}.`{topic}`", *filter(str.strip, before["sql"].split(";\n")))
    assert table() == made
    foreign.sql(f"DROP TABLE {foreign.name}.`{topic}`")
    statements = foreign.run("table", "plan", "--topics", topic, "--sql").split(";\n")
    foreign.sql(*filter(str.strip, statements))
    assert table() == made
