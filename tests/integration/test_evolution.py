"""A new schema id never waits for a restart: the table follows it, or the partition says what is missing and waits."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from tests.integration.test_pipeline import messages_of, register, running, supervised, wire
from tests.pipeline import running_pipeline, schema_named
from tests.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.stack_state import Addresses
    from tests.pipeline import Pipeline

HISTORY = "SELECT schema_id, statement, outcome, finished_at >= began_at FROM rtpipe_table_changes WHERE topic = %s"
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


class Sender:
    """Sends records of any schema to one topic; knows what each row must hold."""

    def __init__(self, pipeline: Pipeline, topic: str = "") -> None:
        self.pipeline = pipeline
        self.topic = topic or pipeline.topics[0]
        self.sequence = 0

    def version(self, *more: dict[str, Any], without: str = "", subject: str = "") -> tuple[int, dict[str, Any]]:
        """Id and schema of a version with these fields, too."""
        schema = schema_named(self.topic)
        names = {one["name"] for one in more} | {without}
        schema["fields"] = [one for one in schema["fields"] if one["name"] not in names] + list(more)
        return register(self.pipeline, subject or f"{self.topic}-value", schema), schema

    def send(self, version: tuple[int, dict[str, Any]], partition: int = 0, **values: Any) -> int:
        """One record; its `seq`."""
        self.sequence += 1
        record = {"key": "k", "seq": self.sequence, "payload": "p"} | values
        known = {one["name"] for one in version[1]["fields"]}
        record = {name: value for name, value in record.items() if name in known}
        self.pipeline.send(self.topic, wire(version[0], plain(version[1]), record), partition=partition)
        return self.sequence

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        listed = ", ".join(f"`{name}`" for name in columns)
        return self.pipeline.query(f"SELECT {listed} FROM `{self.topic}` ORDER BY _kafka_partition, _kafka_offset")

    def history(self) -> list[tuple[Any, ...]]:
        return self.pipeline.query(f"{HISTORY} ORDER BY id", self.topic)

    def types(self) -> dict[str, tuple[str, str]]:
        sql = "SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE FROM information_schema.COLUMNS WHERE TABLE_NAME = %s"
        found = self.pipeline.query(f"{sql} AND TABLE_SCHEMA = 'bank' ORDER BY ORDINAL_POSITION", self.topic)
        return {
            name: (str(kind).replace("bigint(20)", "bigint").replace("int(11)", "int"), null)
            for name, kind, null in found
        }

    def verified(self) -> bool:
        answer = self.pipeline.run("verify", "--topics", self.topic, "--values")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return True


def plain(schema: Any) -> Any:
    """Without logical types, so that fastavro takes ints and bytes as they are."""
    if isinstance(schema, dict):
        return {key: plain(value) for key, value in schema.items() if key != "logicalType"}
    return [plain(one) for one in schema] if isinstance(schema, list) else schema


@contextlib.contextmanager
def supervising(pipeline: Pipeline) -> Iterator[Any]:
    supervisor = pipeline.supervise()
    eventually(lambda: running(pipeline), within=60, what="all partitions run")
    yield supervisor
    supervisor.terminate()
    assert supervisor.wait(60) == 0, pipeline.log.read_text()[-3000:]


def caught_up(sender: Sender, count: int) -> None:
    def committed() -> bool:
        done = sum(sender.pipeline.offsets(sender.topic).values())
        assert done == count, f"{done}, {messages_of(sender.pipeline, 'worker_halted')}"
        return True

    eventually(committed, within=60, what=f"{count} are committed")


def test_a_new_field_arrives_in_mid_stream_and_versions_alternate(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=2) as pipeline:
        sender = Sender(pipeline)
        first = sender.version()
        second = sender.version(field("note", ["null", "string"], default=None), field("n", "int", default=7))
        with supervising(pipeline):
            pids = [(one["pid"], one["writer_pid"]) for one in pipeline.status()]
            sender.send(first)
            caught_up(sender, 1)
            assert "note" not in sender.types()
            for number in range(40):
                sender.send((first, second)[number % 2], number % 4 // 2, note=f"n{number}", n=number)
            caught_up(sender, 41)
            assert [(one["pid"], one["writer_pid"]) for one in pipeline.status()] == pids
        assert sender.types()["note"] == ("mediumtext", "YES")
        assert sender.types()["n"] == ("int", "YES")
        told = {seq: (note, n) for seq, note, n in sender.rows("seq", "note", "n")}
        wanted: dict[int, Any] = {1: (None, 7)}  # a row of before: NULL, or the literal default
        for number in range(40):
            wanted[number + 2] = (f"n{number}", number) if number % 2 else (None, 7)
        assert told == wanted
        [(schema_id, statement, outcome, in_order)] = sender.history()
        assert (schema_id, outcome, in_order) == (second[0], "done", 1)
        assert statement.startswith(f"ALTER TABLE `bank`.`{sender.topic}` ADD COLUMN `note` MEDIUMTEXT")
        assert statement.endswith("ALGORITHM=INSTANT")
        [event] = pipeline.events("table_altered")
        assert event["sql"] == statement
        assert not pipeline.events("worker_died")
        assert sender.verified()


def test_a_field_that_goes_and_one_that_may_be_null(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1) as pipeline:
        sender = Sender(pipeline)
        first = sender.version()
        sender.send(first)
        sender.send(sender.version(without="payload", subject=f"{sender.topic}-x"))
        sender.send(sender.version(field("key", ["null", text(64)])), key=None)
        sender.send(first)
        assert supervised(pipeline) == 0, pipeline.log.read_text()
        assert sender.rows("key", "seq", "payload") == [("k", 1, "p"), ("k", 2, None), (None, 3, "p"), ("k", 4, "p")]
        assert [kind for kind, null in sender.types().values() if null == "YES"] == ["varchar(64)", "mediumtext"]
        assert all("ALGORITHM=INPLACE, LOCK=NONE" in statement for _, statement, _, _ in sender.history())


def text(length: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": length}
