"""Records of any version of a schema to one topic, and the rows that they are to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.pipeline.parts.topics_and_tables import schema_named
from tests.support.pipeline.supervision import messages_of
from tests.support.pipeline.typed_topic import register, wire
from tests.support.samples.schema_parts import plain
from tests.support.waits import eventually

if TYPE_CHECKING:
    from tests.support.pipeline.pipeline import Pipeline
HISTORY = "SELECT schema_id, statement, outcome, finished_at >= began_at FROM rtpipe_table_changes WHERE topic = %s"


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

    def letters(self) -> list[tuple[Any, ...]]:
        sql = "SELECT `offset`, error_name FROM rtpipe_dead_letters WHERE topic = %s ORDER BY 1"
        return self.pipeline.query(sql, self.topic)

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


def caught_up(sender: Sender, count: int) -> None:
    def committed() -> bool:
        done = sum(sender.pipeline.offsets(sender.topic).values())
        assert done == count, f"{done}, {messages_of(sender.pipeline, 'worker_halted')}"
        return True

    eventually(committed, within=60, what=f"{count} are committed")
