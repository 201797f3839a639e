"""A topic's journal on real servers: a row for each change of an offset, in its transaction, whatever way it took."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.raw_clients import connect
from tests.support.pipeline.supervision import messages_of, supervised, supervising
from tests.support.waits import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses
    from tests.support.pipeline.pipeline import Pipeline


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_rows": 1_000},
        {"batch_rows": 1_000, "load_data": False},
        {"batch_rows": 40},
        {"mode": "upsert", "key": ["key", "seq"], "batch_rows": 300},
    ],
    ids=["load data", "insert", "one round trip", "upsert"],
)
def test_each_batch_has_a_row_of_what_it_wrote(database: Addresses, tmp_path: Path, settings: dict[str, Any]) -> None:
    with running_pipeline(database, tmp_path, metadata="mode" not in settings, journal=True, **settings) as pipeline:
        pipeline.produce(6_000)
        assert supervised(pipeline) == 0
        assert pipeline.assert_exact() == 6_000
        journal = pipeline.journal(pipeline.topics[0])
        assert {row[0] for rows in journal.values() for row in rows} == {"batch"}
        assert max(row[3] for rows in journal.values() for row in rows) <= settings["batch_rows"]
        [[owner, early, late]] = pipeline.query(
            "SELECT MIN(owner), COUNT(IF(written_at < UTC_TIMESTAMP(6) - INTERVAL 1 HOUR, 1, NULL)),"
            " COUNT(IF(written_at > UTC_TIMESTAMP(6), 1, NULL)) FROM rtpipe_journal WHERE topic = %s",
            pipeline.topics[0],
        )
        assert owner.startswith(f"{socket.gethostname()}:")
        assert (early, late) == (0, 0)


def test_dead_letters_and_retries_steps_over_and_set_offsets_are_in_it(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1, on_error="dead_letter", journal=True) as pipeline:
        topic = pipeline.topics[0]
        pipeline.query(f"ALTER TABLE `{topic}` ADD CONSTRAINT `{topic}_c` CHECK (seq < 100)")
        for seq in (1, 100, 2):
            pipeline.send(topic, pipeline.body(topic, "k", seq, "x"))
        assert supervised(pipeline) == 0
        pipeline.assert_journal(topic)
        [rows] = pipeline.journal(topic).values()
        assert [sum(row[at] for row in rows) for at in (3, 4, 5)] == [3, 2, 1]
        pipeline.query(f"ALTER TABLE `{topic}` DROP CONSTRAINT `{topic}_c`")
        answer = pipeline.run("dead-letters", "retry", "--topics", topic)
        assert answer.returncode == 0, answer.stderr
        pipeline.assert_journal(topic)
        assert pipeline.journal(topic)[0][-1] == ("retry", 3, 3, 0, 1, -1)
        answer = pipeline.run("offsets", "set", f"{topic}/0", "2", "--yes")
        assert answer.returncode == 0, answer.stderr
        pipeline.query(f"DELETE FROM `{topic}` WHERE _kafka_offset = 2")
        assert supervised(pipeline) == 0
        assert pipeline.journal(topic)[0][-2:] == [("set", 3, 2, 0, 0, 0), ("batch", 2, 3, 1, 1, 0)]
        [[owner]] = pipeline.query("SELECT owner FROM rtpipe_journal WHERE topic = %s AND kind = 'set'", topic)
        assert owner.endswith(f" on {socket.gethostname()}")


def test_without_the_setting_nothing_is_kept(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path) as pipeline:
        pipeline.produce(300)
        assert supervised(pipeline) == 0
        assert pipeline.journal(pipeline.topics[0]) == {}


def test_old_rows_are_removed_and_the_others_stay(own_database: Addresses, tmp_path: Path) -> None:
    """It begins when the supervisor starts; without the privilege it is told, and rows go on."""
    with running_pipeline(own_database, tmp_path, partitions=1, journal=True) as pipeline:
        topic = pipeline.topics[0]
        pipeline.produce(100)
        assert supervised(pipeline) == 0
        pipeline.query("UPDATE rtpipe_journal SET written_at = written_at - INTERVAL 8 DAY WHERE topic = %s", topic)
        where = f"ON {pipeline.database}.rtpipe_journal"
        pipeline.query(f"REVOKE DELETE {where} FROM '{pipeline.user}'@'%'")
        with supervising(pipeline):
            [told] = eventually(lambda: pipeline.events("journal_not_pruned"), within=60)
            assert "rtpipe_journal" in told["msg"]
            pipeline.produce(100)
            pipeline.wait_caught_up()
        pipeline.assert_exact()
        pipeline.query(f"GRANT DELETE {where} TO '{pipeline.user}'@'%'")
        with supervising(pipeline):
            eventually(lambda: pipeline.journal(topic)[0][0][1] == 100, within=60, what="the rows of the first run go")
        assert sum(row[4] for row in pipeline.journal(topic)[0]) == 100


def test_whoever_removes_old_rows_holds_up_no_batch(database: Addresses, tmp_path: Path) -> None:
    """As the supervisor does it, but for its COMMIT, which does not come."""
    with running_pipeline(database, tmp_path, partitions=1, journal=True) as pipeline:
        pipeline.produce(100)
        assert supervised(pipeline) == 0
        with contextlib.closing(connect(database.admin_database_url, pipeline.database)) as connection:
            connection.autocommit(False)
            cursor = connection.cursor()
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            cursor.execute("SELECT MAX(id) FROM rtpipe_journal WHERE topic = %s", (pipeline.topics[0],))
            [last] = cursor.fetchone() or [0]
            assert cursor.execute("DELETE FROM rtpipe_journal WHERE id <= %s ORDER BY id LIMIT 1000", (last,))
            pipeline.produce(100)
            assert supervised(pipeline) == 0
            connection.rollback()
        assert pipeline.assert_exact() == 200
        assert not pipeline.events("batch_replayed")


def test_a_person_finds_who_wrote_a_message(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=1, journal=True, batch_rows=50) as pipeline:
        pipeline.produce(200)
        assert supervised(pipeline) == 0
        [where] = [f"{topic}/0" for topic in pipeline.topics]
        [row] = json.loads(pipeline.run("offsets", "journal", where, "--offset", "120", "--json").stdout)["journal"]
        assert row["first_offset"] <= 120 < row["next_offset"]
        assert (row["kind"], row["owner"].split(":")[0]) == ("batch", socket.gethostname())
        lines = pipeline.run("offsets", "journal", where, "-n", "2").stdout.splitlines()
        assert (len(lines), lines[-1].split()[3]) == (3, "200")
        nothing = pipeline.run("offsets", "journal", where, "--offset", "200")
        assert nothing.stdout == f"the journal has no row of {where} with offset 200\n"


@pytest.mark.parametrize("missing", ["table", "column", "privilege"])
def test_a_journal_that_cannot_be_written_is_told_at_the_start(
    own_database: Addresses, tmp_path: Path, missing: str
) -> None:
    with running_pipeline(own_database, tmp_path, partitions=1, journal=True) as pipeline:
        repair = spoil(pipeline, missing)
        pipeline.produce(10)
        assert supervised(pipeline) == (77 if missing == "privilege" else 78)
        halted = messages_of(pipeline, "worker_halted")[f"{pipeline.topics[0]}/0"]
        assert "rtpipe_journal" in halted
        assert pipeline.query(f"SELECT COUNT(*) FROM `{pipeline.topics[0]}`") == [(0,)]
        for statement in repair:
            pipeline.query(statement)
        assert supervised(pipeline) == 0
        assert pipeline.assert_exact() == 10


def spoil(pipeline: Pipeline, missing: str) -> list[str]:
    """Take it away; the statements that give it back."""
    if missing == "column":
        pipeline.query("ALTER TABLE rtpipe_journal RENAME COLUMN owner TO o")
        return ["ALTER TABLE rtpipe_journal RENAME COLUMN o TO owner"]
    if missing == "privilege":
        where = f"ON {pipeline.database}.rtpipe_journal"
        pipeline.query(f"REVOKE INSERT {where} FROM '{pipeline.user}'@'%'")
        return [f"GRANT INSERT {where} TO '{pipeline.user}'@'%'"]
    pipeline.query("RENAME TABLE rtpipe_journal TO rtpipe_journal_gone")
    return ["RENAME TABLE rtpipe_journal_gone TO rtpipe_journal"]
