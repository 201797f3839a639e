"""Tables that people made: rows go in, and nothing of theirs is changed unless they say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.sender import Sender, caught_up
from tests.support.pipeline.supervision import messages_of, supervised, supervising
from tests.support.pipeline.table_command import table
from tests.support.samples.schema_parts import field, text
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.stack.state import Addresses
    from tests.support.pipeline.pipeline import Pipeline

COLUMNS = """`key` varchar(64) NOT NULL COMMENT 'mine', seq bigint NOT NULL, payload mediumtext NOT NULL,
 _kafka_partition int NOT NULL, _kafka_offset bigint NOT NULL, PRIMARY KEY (_kafka_partition, _kafka_offset)"""


@pytest.fixture
def sender(database: Addresses, tmp_path: Path) -> Iterator[Sender]:
    with running_pipeline(database, tmp_path, partitions=2) as pipeline:
        yield Sender(pipeline)  # the second partition keeps the supervisor while the first is held


def made_by_a_person(sender: Sender, columns: str = COLUMNS, options: str = "COLLATE utf8mb4_general_ci") -> None:
    sender.pipeline.query(f"DROP TABLE `{sender.topic}`")
    sender.pipeline.query(f"CREATE TABLE `{sender.topic}` ({columns}) CHARACTER SET utf8mb4 {options}")


def shown(sender: Sender) -> str:
    [[_, told]] = sender.pipeline.query(f"SHOW CREATE TABLE `{sender.topic}`")
    return str(told)


def halted(pipeline: Pipeline) -> dict[str, Any]:
    return eventually(lambda: pipeline.events("worker_halted"), within=60, what="the partition is held")[0]


def test_not_null_of_a_person_stays_until_a_person_ends_it(sender: Sender) -> None:
    pipeline = sender.pipeline
    made_by_a_person(sender)
    before = shown(sender)
    may_be_null = sender.version(field("key", ["null", text(64)]))
    gone = sender.version(without="payload", subject=f"{sender.topic}-value")
    statement = f"ALTER TABLE `bank`.`{sender.topic}` MODIFY COLUMN `key` varchar(64)"
    with supervising(pipeline):
        sender.send(may_be_null)
        caught_up(sender, 1)  # what is not null goes in
        assert shown(sender) == before
        sender.send(may_be_null, key=None)
        event = halted(pipeline)
        assert "E_EVOLUTION" in str(event)
        assert "null for a column that a person made NOT NULL" in str(event)
        assert statement in str(event)
        assert sum(pipeline.offsets(sender.topic).values()) == 1
        told = table(pipeline, "plan", "--check", code=3)
        assert "~ payload NOT NULL -> NULL" in told
        assert "only `rtpipe table apply` changes it" in told
        assert "columns that a person made: payload" in table(pipeline, "apply", code=1)  # nobody answers
        assert shown(sender) == before
        pipeline.query(f"{statement} NULL COMMENT 'mine'")
        assert pipeline.run("resume", sender.topic).returncode == 0
        caught_up(sender, 2)
        sender.send(gone)
        assert eventually(
            lambda: [one for one in pipeline.events("worker_halted") if "payload" in str(one)], within=60, what="held"
        )
        table(pipeline, "apply", "--yes")
        assert pipeline.run("resume", sender.topic).returncode == 0
        caught_up(sender, 3)
    assert sender.rows("seq", "key", "payload") == [(1, "k", "p"), (2, None, "p"), (3, "k", None)]
    assert shown(sender).count("COMMENT 'mine'") == 1
    assert sender.verified()


def test_no_field_in_common_goes_on_once_it_is_accepted(sender: Sender) -> None:
    pipeline = sender.pipeline
    made_by_a_person(sender, "a int NULL")
    (pipeline.directory / "rtpipe.toml").write_text("")  # no metadata columns
    version = sender.version()
    with supervising(pipeline):
        sender.send(version)
        assert "rtpipe table apply --topics TOPIC --accept-unrelated" in str(halted(pipeline))
        assert "has no column of this schema: it has a" in table(pipeline, "apply", "--yes", code=78)
        table(pipeline, "apply", "--accept-unrelated")
        assert pipeline.run("resume", sender.topic).returncode == 0
        caught_up(sender, 1)
    assert pipeline.query(f"SELECT a, `key`, seq, payload FROM `{sender.topic}`") == [(None, "k", 1, "p")]
    assert sender.verified()


SPECIAL = {
    "versioned": "WITH SYSTEM VERSIONING",
    "partitioned": "PARTITION BY HASH (_kafka_partition) PARTITIONS 3",
    "compressed": "ROW_FORMAT=COMPRESSED",
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_tables_of_a_special_kind_take_rows_and_changes(sender: Sender, kind: str) -> None:
    pipeline = sender.pipeline
    is_mariadb = "maria" in str(pipeline.query("SELECT VERSION()")).lower()
    if kind == "versioned" and not is_mariadb:
        kind = "compressed"
    columns = COLUMNS.replace("payload mediumtext", "payload mediumtext COMPRESSED") if is_mariadb else COLUMNS
    made_by_a_person(sender, columns, f"COLLATE utf8mb4_bin {SPECIAL[kind]}")
    first = sender.version()
    assert "fits" in table(pipeline, "plan", "--check")
    second = sender.version(field("key", ["null", text(64)]), field("more", "long", default=1))
    sender.send(first)
    sender.send(second, key=None, more=5)
    assert supervised(pipeline) == 0, messages_of(pipeline, "worker_halted")
    assert sender.rows("seq", "key", "more") == [(1, "k", 1), (2, None, 5)]
    assert sender.verified()
    assert "fits" in table(pipeline, "plan", "--check")


@pytest.mark.both_servers
def test_json_that_is_too_deep_for_the_server_goes_into_text(sender: Sender) -> None:
    pipeline = sender.pipeline
    is_mariadb = "maria" in str(pipeline.query("SELECT VERSION()")).lower()
    most = 31 if is_mariadb else 100
    node = {"type": "record", "name": "Node", "fields": [field("next", ["null", "Node"])]}
    version = sender.version(field("tree", ["null", node]))

    def chain(deep: int) -> Any:
        return {"next": chain(deep - 1)} if deep > 1 else {"next": None}

    warned = table(pipeline, "plan")
    assert "tree: may be as deep as a message makes it" in warned
    assert f"deeper than {most}" in warned
    settings = pipeline.directory / "rtpipe.toml"
    before = settings.read_text()
    settings.write_text(before.replace('"stop"', '"dead_letter"'))
    sender.send(version, tree=chain(most))
    sender.send(version, tree=chain(most + 1))
    assert supervised(pipeline) == 0, messages_of(pipeline, "worker_halted")
    [[name, why]] = pipeline.query(
        "SELECT error_name, error_text FROM rtpipe_dead_letters WHERE topic = %s", sender.topic
    )
    assert name == "E_VALUE"
    assert f"arrays and objects {most + 1} deep, and JSON of this server ends at {most}" in why
    assert sender.rows("seq") == [(1,)]
    settings.write_text(before + '[[topics]]\nmatch = ".*"\ncolumns = { tree = { mysql = "LONGTEXT" } }\n')
    assert "tree json -> longtext" in table(pipeline, "plan", "--check", code=3)
    assert "deeper" not in table(pipeline, "apply", "--yes")
    sender.send(version, tree=chain(most + 5))
    assert supervised(pipeline) == 0, messages_of(pipeline, "worker_halted")
    assert sender.rows("seq") == [(1,), (3,)]
    assert "fits" in table(pipeline, "plan", "--check")
    later = sender.version(field("tree", ["null", node]), field("more", "int"))
    sender.send(later, tree=chain(most + 9), more=1)
    assert supervised(pipeline) == 0, messages_of(pipeline, "worker_halted")
    assert sender.verified()


def test_what_is_no_table_is_refused_in_words_that_fit(sender: Sender) -> None:
    pipeline = sender.pipeline
    made_by_a_person(sender)
    pipeline.query(f"RENAME TABLE `{sender.topic}` TO `{sender.topic}_t`")
    pipeline.query(f"CREATE VIEW `{sender.topic}` AS SELECT * FROM `{sender.topic}_t`")
    sender.send(sender.version())
    words = f"{sender.topic} is a view and no table, and rtpipe writes rows into tables alone"
    assert words in table(pipeline, "plan", code=78)
    assert supervised(pipeline) == 78
    assert words in str(halted(pipeline))
