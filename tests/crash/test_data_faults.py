"""Values and rows that the database refuses, each for a reason of its own: one partition halts, no neighbour does."""

from __future__ import annotations

import dataclasses
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.faults.fault_run import QUICK, moves_on, nobody_left
from tests.support.faults.tally import TALLY
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.producers import ordered_producer
from tests.support.waits import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses
    from tests.support.pipeline.pipeline import Pipeline

pytestmark = pytest.mark.faults

#: Stands in every refused value; no log may quote it.
CANARY, MANY = "canary-4711", 4_711_471_100
GOOD = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """What makes the table of a topic refuse a message, and how it is mended."""

    breaking: str
    mending: str
    errors: tuple[int, ...]  #: the server's number, MariaDB's or MySQL's
    payload: str = CANARY
    seq: int = GOOD + 1
    column: str = "payload"  #: that the error must name; "" where the server names none
    good: str = "x"
    ours: str = (
        ""  #: what rtpipe says of a value that the server is not asked about: the column is one that people made
    )

    def told(self, text: str) -> bool:
        """Whether a text says why."""
        return self.ours in text if self.ours else any(f"(MySQL {number})" in text for number in self.errors)


WIDE = "ALTER TABLE `{t}` MODIFY payload MEDIUMTEXT NOT NULL"
REFUSALS = {
    "too long": Refusal(
        "ALTER TABLE `{t}` MODIFY payload VARCHAR(5) NOT NULL", WIDE, (), ours="longer than 5 characters"
    ),
    "out of range": Refusal(
        "ALTER TABLE `{t}` MODIFY seq TINYINT NOT NULL",
        "ALTER TABLE `{t}` MODIFY seq BIGINT NOT NULL",
        (),
        seq=MANY,
        column="seq",
        ours="not within tinyint",
    ),
    "no number": Refusal(
        "ALTER TABLE `{t}` MODIFY payload INT NOT NULL", WIDE, (), good="1", ours="not written as int"
    ),
    "not in its character set": Refusal(
        "ALTER TABLE `{t}` MODIFY payload VARCHAR(99) CHARACTER SET latin1 NOT NULL",
        WIDE,
        (),
        payload=f"{CANARY} \N{GRINNING FACE}",
        ours="a character that latin1 has not",
    ),
    "no symbol of the ENUM": Refusal(
        "ALTER TABLE `{t}` MODIFY payload ENUM('x') NOT NULL", WIDE, (), ours="none of the column's ENUM"
    ),
    "no date": Refusal(
        "ALTER TABLE `{t}` MODIFY payload DATETIME NOT NULL",
        WIDE,
        (),
        good="2026-01-02 03:04:05",
        ours="not written as datetime",
    ),
    "year 0": Refusal(
        "ALTER TABLE `{t}` MODIFY payload DATE NOT NULL",
        WIDE,
        (),
        payload="0000-00-00",
        good="2026-01-02",
        ours="not written as date",
    ),
    "no JSON": Refusal(
        "ALTER TABLE `{t}` MODIFY payload JSON NOT NULL",
        WIDE,
        (),
        good="1",
        ours="text that is no JSON",
    ),
    "check constraint": Refusal(
        "ALTER TABLE `{t}` ADD CONSTRAINT bounded CHECK (seq < 4711)",
        "ALTER TABLE `{t}` DROP CONSTRAINT bounded",
        (3819, 4025),
        seq=MANY,
        column="",
    ),
    "generated column": Refusal(
        "ALTER TABLE `{t}` ADD COLUMN more BIGINT AS (seq * 9000000000000000) STORED",
        "ALTER TABLE `{t}` DROP COLUMN more",
        (1690,),
        seq=MANY,
        column="",
    ),
    "unique key of the user": Refusal(
        "ALTER TABLE `{t}` ADD UNIQUE one_a_number (seq)",
        "ALTER TABLE `{t}` DROP INDEX one_a_number",
        (1062,),
        seq=1,
        column="",
    ),
    "foreign key": Refusal(
        "ALTER TABLE `{t}` ADD CONSTRAINT `{t}_fk` FOREIGN KEY (seq) REFERENCES `{t}_parent` (id)",
        "ALTER TABLE `{t}` DROP FOREIGN KEY `{t}_fk`",
        (1452,),
        seq=MANY,
        column="",
    ),
    "trigger": Refusal(
        "CREATE TRIGGER `{t}_no` BEFORE INSERT ON `{t}` FOR EACH ROW"
        " IF NEW.seq > 4711 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'canary-4711'; END IF",
        "DROP TRIGGER `{t}_no`",
        (1644,),
        seq=MANY,
        column="",
    ),
}


def test_values_that_the_server_refuses(database: Addresses, tmp_path: Path) -> None:
    """F26, F27: its partition halts at its offset, the value is not told; the others go on, and it, once mended."""
    with running_pipeline(database, tmp_path, topics=len(REFUSALS) + 1, partitions=1) as pipeline:
        *broken, sound = pipeline.topics
        cases = dict(zip(broken, REFUSALS.values(), strict=True))
        for topic, case in cases.items():
            prepare(pipeline, topic, case)
            fill(pipeline, topic, case)
        supervisor = pipeline.supervise(env=QUICK)
        halted = eventually(lambda: halts(pipeline, len(cases)), within=90, what="every broken partition halts")
        TALLY.hit(len(halted))
        for (name, case), topic in zip(REFUSALS.items(), broken, strict=True):
            said = halted[f"{topic}/0"]
            assert f"E_DATA {topic}/0 offset {GOOD}" in said, f"{name}: {said}"
            assert case.told(said), f"{name}: {said}"
            assert not case.column or f"field {case.column}:" in said, f"{name}: {said}"
            assert said.endswith("exiting 65"), said
            assert pipeline.offsets(topic) == {0: GOOD}
            assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(GOOD,)]
        with only(pipeline, sound).stream(500):
            moves_on(only(pipeline, sound))
        assert not any(secret in pipeline.log.read_text() for secret in (CANARY, str(MANY)))
        assert not pipeline.events("worker_died")

        for topic, case in cases.items():
            pipeline.query(case.mending.format(t=topic))
            assert pipeline.run("resume", topic).returncode == 0
        pipeline.wait_caught_up()
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 0
        nobody_left(pipeline)
        for topic in broken:
            assert only(pipeline, topic).assert_exact() == GOOD + 3
        assert only(pipeline, sound).assert_exact() > 0


def test_what_the_server_refuses_becomes_dead_letters(database: Addresses, tmp_path: Path) -> None:
    """F26, F27: each refused message is a dead letter, and no neighbour of its batch is held up."""
    with running_pipeline(database, tmp_path, topics=len(REFUSALS), partitions=1, on_error="dead_letter") as pipeline:
        for topic, case in zip(pipeline.topics, REFUSALS.values(), strict=True):
            prepare(pipeline, topic, case)
            fill(pipeline, topic, case)
        assert pipeline.supervise("--until-caught-up").wait(120) == 0
        for (name, case), topic in zip(REFUSALS.items(), pipeline.topics, strict=True):
            letters = "SELECT `offset`, error_name, error_text FROM rtpipe_dead_letters WHERE topic = %s"
            [(offset, error, text)] = pipeline.query(letters, topic)
            assert (offset, error) == (GOOD, "E_VALUE"), name
            assert case.told(text), text
            assert CANARY not in text
            TALLY.hit()
            messages = (place for place in pipeline.messages(topic).items() if place[0][1] != offset)
            rows = pipeline.query(f"SELECT _kafka_partition, _kafka_offset, `key`, seq, payload FROM `{topic}`")
            assert (
                TALLY.compare(messages, (((row[0], row[1]), (*row[2:4], str(row[4]))) for row in rows)) == GOOD + 2
            ), name
            totals = "SELECT `offset`, rows_total, dead_total FROM kafka_offsets WHERE topic = %s"
            assert pipeline.query(totals, topic) == [(GOOD + 3, GOOD + 2, 1)]
        assert CANARY not in pipeline.log.read_text()


def prepare(pipeline: Pipeline, topic: str, case: Refusal) -> None:
    if "REFERENCES" in case.breaking:
        pipeline.query(f"CREATE TABLE `{topic}_parent` (id BIGINT PRIMARY KEY) ENGINE=InnoDB")
        for number in range(GOOD + 5):
            pipeline.query(f"INSERT INTO `{topic}_parent` VALUES ({number})")
    pipeline.query(case.breaking.format(t=topic))


def fill(pipeline: Pipeline, topic: str, case: Refusal) -> None:
    """Good messages, the one that is refused, and two more, all of one batch."""
    producer = ordered_producer(pipeline.addresses.bootstrap_servers)
    good = [("good", seq, case.good) for seq in range(1, GOOD + 3)]
    for message in [*good[:GOOD], ("bad", case.seq, case.payload), *good[GOOD:]]:
        producer.produce(topic, pipeline.body(topic, *message))
    assert producer.flush(30) == 0


def halts(pipeline: Pipeline, count: int) -> dict[str, str]:
    """Partition -> why it halted, once there are `count`."""
    found: dict[str, Any] = {entry["partition"]: entry["msg"] for entry in pipeline.events("worker_halted")}
    return found if len(found) >= count else {}


def only(pipeline: Pipeline, topic: str) -> Pipeline:
    """The same pipeline, looking at one topic alone."""
    return dataclasses.replace(pipeline, topics=[topic])
