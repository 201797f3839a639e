"""What people do to tables, offsets and accounts while batches flow: it halts by name, and goes on once mended."""

from __future__ import annotations

import contextlib
import re
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from sqlalchemy.engine import make_url

from tests.support.faults.fault_run import QUICK, FaultRun, all_run, fault_run, generations
from tests.support.faults.tally import TALLY
from tests.support.pipeline.pipeline import Pipeline
from tests.support.pipeline.raw_clients import connect
from tests.support.waits import eventually

if TYPE_CHECKING:
    from infra.stack.state import Addresses

pytestmark = pytest.mark.faults


# -- tables and offsets ----------------------------------------------------------------------------------------------


def halted(run: FaultRun, code: int, *words: str) -> int:
    """The partition halts with this code and these words; returns the offset it stays at."""
    said = run.wait_event("worker_halted")[-1]["msg"]
    assert said.endswith(f"exiting {code}"), said
    TALLY.hit()
    for word in words:
        assert word in said, said
    return run.committed()


def restart(run: FaultRun, code: int) -> None:
    """The only partition halted, so nothing is left to supervise; a new supervisor goes on."""
    assert run.supervisor.wait(30) == code
    before = generations(run.pipeline)
    run.supervisor = run.pipeline.supervise(env=QUICK)
    all_run(run.pipeline, besides=before)


def resume(run: FaultRun, *partitions: int) -> None:
    """Of several partitions these halted, after the cause was mended."""
    before = generations(run.pipeline)
    for partition in partitions:
        key = f"{run.topic}/{partition}"
        assert run.pipeline.run("resume", key).stdout == f"resumed {key}\n"
    halted_before = {f"{run.topic}/{partition}": before[f"{run.topic}/{partition}"] for partition in partitions}
    all_run(run.pipeline, besides=halted_before)


@pytest.mark.parametrize(
    ("breaking", "repairing", "words"),
    [
        ("RENAME TABLE `{t}` TO `{t}_away`", "RENAME TABLE `{t}_away` TO `{t}`", ("E_CONFIG", "1146")),
        (
            "ALTER TABLE `{t}` RENAME COLUMN payload TO elsewhere",
            "ALTER TABLE `{t}` RENAME COLUMN elsewhere TO payload",
            ("E_CONFIG", "column elsewhere that is NOT NULL"),
        ),
        ("ALTER TABLE `{t}` ENGINE = MyISAM", "ALTER TABLE `{t}` ENGINE = InnoDB", ("E_CONFIG",)),
    ],
    ids=["table gone", "column gone", "no transactions"],
)
def test_a_table_that_changes_under_the_stream_halts_until_it_is_repaired(
    database: Addresses, tmp_path: Path, breaking: str, repairing: str, words: tuple[str, ...]
) -> None:
    """F28: renamed, not dropped, so that a repair brings back what was in it; the server's errors are the same."""
    with fault_run(database, tmp_path, partitions=1) as run:
        with run.moving():
            run.pipeline.query(breaking.format(t=run.topic))
            stored = halted(run, 78, *words)
            assert run.committed() == stored
            run.pipeline.query(repairing.format(t=run.topic))
            restart(run, 78)
        assert run.finish() > 0
        run.no_death()


def test_a_metadata_lock_is_waited_for(database: Addresses, tmp_path: Path) -> None:
    """F28: an open SELECT blocks an ALTER, which blocks every INSERT: no reason to halt."""
    with fault_run(database, tmp_path, partitions=1) as run:
        with run.moving():
            with contextlib.closing(connect(database.admin_database_url, "bank")) as reader:
                reader.autocommit(False)
                reader.cursor().execute(f"SELECT COUNT(*) FROM `{run.topic}`")
                altering = connect(database.admin_database_url, "bank")
                thread = threading.Thread(
                    target=lambda: altering.cursor().execute(f"ALTER TABLE `{run.topic}` ADD COLUMN more INT NULL")
                )
                thread.start()
                run.wait_event("batch_replayed", 2)
                TALLY.hit()
                reader.rollback()
                thread.join(30)
                altering.close()
            run.moves_on("metadata lock gone")
        assert run.finish() > 0
        run.no_death()
        assert "1205" in run.events("batch_replayed")[0]["msg"]


def test_an_offset_set_back_under_a_live_writer_adds_no_row_twice(database: Addresses, tmp_path: Path) -> None:
    """F29, F30: W_REWOUND, and it reads again; the primary key of partition and offset refuses the first repeated row.

    Only the offset went back here, as after a restore of one table: exit 70 until a person sets the offset forward.
    """
    with fault_run(database, tmp_path) as run:
        with run.moving():
            back(run, rows=False)
            said = run.wait_event("worker_left")[0]["msg"]
            assert re.search(rf"W_REWOUND {run.topic}/0 \d+ -> 0", said), said
            halted(run, 70, "E_DUPLICATE", f"{run.topic}/0 offset 0: its row is in {run.topic} already")
            [[last]] = run.pipeline.query(f"SELECT MAX(_kafka_offset) FROM `{run.topic}` WHERE _kafka_partition = 0")
            done = run.pipeline.run("offsets", "set", f"{run.topic}/0", str(last + 1), "--yes")
            assert done.returncode == 0, done.stderr
            resume(run, 0)
        assert run.finish() > 0
        run.no_death()


def test_a_restored_database_is_filled_again(database: Addresses, tmp_path: Path) -> None:
    """F29: rows and offset went back together, as after a failover that lost commits: read again, exact."""
    with fault_run(database, tmp_path) as run:
        with run.moving():
            back(run, rows=True)
            said = run.wait_event("worker_left")[0]["msg"]
            assert "W_REWOUND" in said
            TALLY.hit()
        assert run.finish() > 0
        run.no_death()


def test_a_restored_database_whose_messages_are_gone(database: Addresses, tmp_path: Path) -> None:
    """F29: the offset went back to where retention has been since: it halts by name, with how many are gone."""
    with fault_run(database, tmp_path) as run:
        with run.moving():
            cut = eventually(lambda: run.pipeline.offsets(run.topic).get(0), within=60) or 0
            admin = AdminClient({"bootstrap.servers": database.bootstrap_servers})
            for future in admin.delete_records([TopicPartition(run.topic, 0, cut)]).values():
                future.result(30)
            back(run, rows=True)
            assert "W_REWOUND" in run.wait_event("worker_left")[0]["msg"]
            said = f"stored 0, log is [{cut},"
            assert halted(run, 66, "E_OFFSET_GONE", said, f"{cut} records gone") >= 0
            assert run.pipeline.query(f"SELECT COUNT(*) FROM `{run.topic}` WHERE _kafka_partition = 0") == [(0,)]
            done = run.pipeline.run("offsets", "set", f"{run.topic}/0", str(cut), "--yes")
            assert done.returncode == 0, done.stderr
            resume(run, 0)
        assert run.finish() > 0
        run.no_death()


def back(run: FaultRun, *, rows: bool) -> None:
    """Partition 0 to offset 0, in one transaction."""
    eventually(lambda: run.pipeline.offsets(run.topic).get(0), within=60, what="partition 0 has moved, too")
    with contextlib.closing(connect(run.pipeline.addresses.admin_database_url, "bank")) as connection:
        connection.autocommit(False)
        cursor = connection.cursor()
        changed = cursor.execute(
            "UPDATE kafka_offsets SET `offset` = 0, rows_total = 0 WHERE topic = %s AND `partition` = 0", (run.topic,)
        )
        assert changed == 1
        if rows:
            assert cursor.execute(f"DELETE FROM `{run.topic}` WHERE _kafka_partition = 0") > 0
        connection.commit()


def test_a_deleted_offset_row_halts_and_is_never_made_anew(database: Addresses, tmp_path: Path) -> None:
    """F30: without its row a partition would begin at the log's start and write everything twice."""
    with fault_run(database, tmp_path) as run:
        where = f"topic = '{run.topic}' AND `partition` = 0"
        with run.moving():
            with contextlib.closing(connect(database.admin_database_url, "bank")) as connection:
                connection.autocommit(False)
                cursor = connection.cursor()
                cursor.execute(f"SELECT * FROM kafka_offsets WHERE {where} FOR UPDATE")
                [kept] = cursor.fetchall()
                cursor.execute(f"DELETE FROM kafka_offsets WHERE {where}")
                connection.commit()
                halted(run, 78, "E_CONFIG", "its row in kafka_offsets is gone")
                assert run.pipeline.run("resume", f"{run.topic}/0").returncode == 0
                run.wait_event("worker_halted", 2)
                halted(run, 78, "its row in kafka_offsets is gone")
                cursor.execute(f"INSERT INTO kafka_offsets VALUES ({', '.join(['%s'] * len(kept))})", kept)
                connection.commit()
            resume(run, 0)
        assert run.finish() > 0
        run.no_death()


# -- accounts --------------------------------------------------------------------------------------------------------

SECRET = "hunter2-canary"


def own_account(pipeline: Pipeline) -> str:
    """The URL of an account that only this pipeline uses, with the consumer's grants."""
    user, [topic] = f"u{uuid.uuid4().hex[:10]}", pipeline.topics
    for sql in (
        f"CREATE USER '{user}'@'%' IDENTIFIED BY '{SECRET}'",
        f"GRANT SELECT, INSERT, UPDATE ON bank.kafka_offsets TO '{user}'@'%'",
        f"GRANT SELECT, INSERT ON bank.`{topic}` TO '{user}'@'%'",
    ):
        pipeline.query(sql)
    where = make_url(pipeline.addresses.database_url).set(username=user, password=SECRET)
    return where.render_as_string(hide_password=False)


def test_a_grant_taken_while_it_runs(database: Addresses, tmp_path: Path) -> None:
    """F31: no storm of tries, no secret in the log, and on from there once the account is mended."""
    with fault_run(database, tmp_path, partitions=1, prepare=own_account) as run:
        user = make_url(run.proxy.url).username
        with run.moving():
            tried = run.proxy.connections
            run.pipeline.query(f"REVOKE INSERT ON bank.`{run.topic}` FROM '{user}'@'%'")
            halted(run, 77, "E_AUTH", "1142")
            assert run.proxy.connections - tried <= 3
            run.pipeline.query(f"GRANT INSERT ON bank.`{run.topic}` TO '{user}'@'%'")
            restart(run, 77)
        assert run.finish() > 0
        run.no_death()
        assert SECRET not in run.pipeline.log.read_text()
        run.pipeline.query(f"DROP USER '{user}'@'%'")


def test_a_password_refused_while_it_runs(database: Addresses, tmp_path: Path) -> None:
    """F31: waited for, with longer and longer pauses, and on from there by itself."""
    with fault_run(database, tmp_path, partitions=1, prepare=own_account) as run:
        user = make_url(run.proxy.url).username
        with run.moving():
            run.pipeline.query(f"ALTER USER '{user}'@'%' IDENTIFIED BY '{SECRET}-new'")
            run.proxy.cut_all()  # an open connection keeps its rights
            run.wait_event("outage_began")
            run.pipeline.query(f"ALTER USER '{user}'@'%' IDENTIFIED BY '{SECRET}'")
            run.moves_on("password mended")
        assert run.finish() > 0
        run.no_death()
        assert "1045" in run.events("outage_began")[0]["msg"]
        assert not run.events("worker_halted")
        assert SECRET not in run.pipeline.log.read_text()
        run.pipeline.query(f"DROP USER '{user}'@'%'")
