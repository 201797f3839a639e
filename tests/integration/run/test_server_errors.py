"""What real servers answer with tables, modes and accounts that people made: rows, dead letters, waits, named halts."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql
from sqlalchemy.engine import make_url

from infra.provision.accounts import INFRA_PRIVILEGES
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.raw_clients import connect
from tests.support.pipeline.sender import Sender
from tests.support.pipeline.supervision import messages_of, supervised
from tests.support.samples.schema_parts import field
from tests.support.stack.server_setting import server_setting
from tests.support.waits import eventually

if TYPE_CHECKING:
    from infra.stack.state import Addresses

#: What each table does to the second of three messages, whose seq is 1, and how the server says it.
ONE_ROW = {
    "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 31001, MESSAGE_TEXT = 'not on Sundays'": "(MySQL 31001): not on Sundays",
    "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 40001, MESSAGE_TEXT = 'no'": "refused by the server (MySQL 40001): no",
    "SIGNAL SQLSTATE '99A01' SET MESSAGE_TEXT = 'no'": "refused by a trigger (MySQL 1644): no",
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = NEW.payload": "refused by a trigger (MySQL 1644)",
    "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'no'": "refused by a trigger (MySQL 1213): no",
    "SIGNAL SQLSTATE '45001' SET MYSQL_ERRNO = 1290, MESSAGE_TEXT = 'no'": "refused by a trigger (MySQL 1290): no",
    "CHECK (seq <> 1)": "check constraint",
    "FOREIGN KEY (seq) REFERENCES parent_{table} (id)": "foreign key (MySQL 1452)",
    "PARTITION BY LIST (_kafka_offset) (PARTITION p VALUES IN (0, 2))": "no partition for the value (MySQL 1526)",
    "ADD mean DECIMAL(12, 4) AS (1 / (seq - 1)) STORED": "division by zero (MySQL 1365)",
}
SECRET = "sesame-canary"


def test_a_row_that_the_table_refuses_is_a_dead_letter_among_stored_neighbours(
    database: Addresses, tmp_path: Path
) -> None:
    """Of each kind one table; one more refuses every row, and stops its partition once."""
    with running_pipeline(
        database, tmp_path, topics=len(ONE_ROW) + 1, partitions=1, on_error="dead_letter"
    ) as pipeline:
        *refusing, orphaned = pipeline.topics
        for table, what in zip(refusing, ONE_ROW, strict=True):
            _make_refuse(pipeline, table, what)
        _trigger_without_definer(pipeline, orphaned)
        for topic in pipeline.topics:
            for seq in range(3):
                pipeline.send(topic, pipeline.body(topic, "k", seq, f"{SECRET} {seq}"))
        assert supervised(pipeline, within=120) == 78
        for table, said in zip(refusing, ONE_ROW.values(), strict=True):
            assert pipeline.query(f"SELECT seq FROM `{table}` ORDER BY seq") == [(0,), (2,)], table
            [[offset, name, text]] = pipeline.query(
                "SELECT `offset`, error_name, error_text FROM rtpipe_dead_letters WHERE topic = %s", table
            )
            assert (offset, name) == (1, "E_VALUE")
            assert said in text
            assert SECRET not in text
        halted = messages_of(pipeline, "worker_halted")
        assert set(halted) == {f"{orphaned}/0"}
        for word in ("E_CONFIG", f"table {orphaned}", "(MySQL 1449)", f"gone_{orphaned}", "SHOW CREATE TRIGGER"):
            assert word in halted[f"{orphaned}/0"]
        assert pipeline.query("SELECT COUNT(*) FROM rtpipe_dead_letters WHERE topic = %s", orphaned) == [(0,)]
        assert not pipeline.events("worker_died")
        assert SECRET not in pipeline.log.read_text()


def _make_refuse(pipeline: Pipeline, table: str, what: str) -> None:
    if what.startswith("SIGNAL"):
        body = f"IF NEW.seq = 1 THEN {what}; END IF"
        pipeline.query(f"CREATE TRIGGER tr_{table} BEFORE INSERT ON `{table}` FOR EACH ROW BEGIN {body}; END")
        return
    if what.startswith("FOREIGN"):
        [[kind]] = pipeline.query(
            "SELECT COLUMN_TYPE FROM information_schema.COLUMNS WHERE TABLE_NAME = %s AND COLUMN_NAME = 'seq'", table
        )
        pipeline.query(f"CREATE TABLE parent_{table} (id {kind} PRIMARY KEY)")
        pipeline.query(f"INSERT INTO parent_{table} VALUES (0), (2)")
    verb = "" if what.startswith(("PARTITION", "ADD")) else "ADD "
    pipeline.query(f"ALTER TABLE `{table}` {verb}{what.format(table=table)}")


def _trigger_without_definer(pipeline: Pipeline, table: str) -> None:
    user = f"'gone_{table}'@'localhost'"
    pipeline.query(f"CREATE TABLE audit_{table} (seq BIGINT)")
    pipeline.query(f"CREATE USER {user} IDENTIFIED BY 'x1!Xxxxx'")
    action = f"AFTER INSERT ON `{table}` FOR EACH ROW INSERT INTO audit_{table} VALUES (NEW.seq)"
    pipeline.query(f"CREATE DEFINER = {user} TRIGGER tr_{table} {action}")
    try:
        pipeline.query(f"DROP USER {user}")
    except pymysql.err.MySQLError:  # MySQL 9 keeps one who defines something, unless told otherwise
        pipeline.query("GRANT ALLOW_NONEXISTENT_DEFINER ON *.* TO CURRENT_USER()")
        pipeline.query(f"DROP USER {user}")


def test_the_servers_own_sql_mode_changes_nothing(own_database: Addresses, tmp_path: Path) -> None:
    """By which quotes name columns and a backslash is a backslash: of writers, letters, locks, DDL and verify."""
    with running_pipeline(own_database, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        [[version]] = pipeline.query("SELECT VERSION()")
        mode = "ORACLE,NO_BACKSLASH_ESCAPES" if "mariadb" in version.lower() else "ANSI,NO_BACKSLASH_ESCAPES"
        sender = Sender(pipeline)
        first, second = sender.version(), sender.version(field("note", ["null", "string"], default=None))
        sender.send(first, payload='it\'s "quoted" \\ and `so` on')
        sender.send(second, note="\\'\"")
        pipeline.send(sender.topic, b"raw '\"\\")
        with server_setting(own_database.admin_database_url, "sql_mode", f"'{mode}'"):
            assert supervised(pipeline) == 0, pipeline.log.read_text()[-2_000:]
            verified = pipeline.run("verify", "--values", "-t", sender.topic)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert [row[0] for row in sender.rows("payload")] == ['it\'s "quoted" \\ and `so` on', "p"]
        assert not pipeline.events("worker_died")


def test_a_password_that_is_changed_while_rows_flow(database: Addresses, tmp_path: Path) -> None:
    """The server first, which is waited for; the files then, which is noticed. No process starts again."""
    with running_pipeline(database, tmp_path, partitions=2, on_error="dead_letter") as pipeline:
        sender = Sender(pipeline)
        accounts = {"DATABASE": f"c{uuid.uuid4().hex[:10]}", "INFRA_DATABASE": f"i{uuid.uuid4().hex[:10]}"}
        for user in accounts.values():
            pipeline.query(f"CREATE USER '{user}'@'%' IDENTIFIED BY '{SECRET}-1!A'")
            pipeline.query(f"GRANT SELECT, INSERT, UPDATE, DELETE ON bank.* TO '{user}'@'%'")
        pipeline.query(f"GRANT {', '.join(INFRA_PRIVILEGES)} ON bank.* TO '{accounts['INFRA_DATABASE']}'@'%'")

        def tell(number: int) -> dict[str, str]:
            """Write the files; the variables that name them."""
            variables: dict[str, str] = {}
            for name, user in accounts.items():
                file = tmp_path / user
                where = make_url(database.database_url).set(username=user, password=f"{SECRET}-{number}!A")
                file.touch(0o600)
                file.write_text(where.render_as_string(hide_password=False))
                variables |= {f"RTPIPE_{name}_URL": "", f"RTPIPE_{name}_URL_FILE": str(file)}
            return variables

        supervisor = pipeline.supervise(env=tell(1))
        pipeline.produce(50)
        pipeline.wait_caught_up()
        for user in accounts.values():
            pipeline.query(f"ALTER USER '{user}'@'%' IDENTIFIED BY '{SECRET}-2!A'")
            _kill_sessions(database, user)
        sender.send(sender.version(field("note", ["null", "string"], default=None)), note="after")
        pipeline.produce(50)
        eventually(
            lambda: {"", f"{sender.topic}/1"} <= set(_waiting(pipeline)),
            within=60,
            what="a writer waits, and the supervisor, which is to alter the table for the other one",
        )
        said = _waiting(pipeline)[f"{sender.topic}/1"]
        assert f"{accounts['DATABASE']}@" in said
        assert "user or password refused (MySQL 1045)" in said
        tell(2)
        pipeline.wait_caught_up()
        assert supervisor.poll() is None, pipeline.log.read_text()[-3_000:]
        assert len(pipeline.events("worker_claimed")) == 2
        assert not pipeline.events("worker_died") + pipeline.events("worker_halted")
        assert pipeline.query(f"SELECT COUNT(*) FROM `{sender.topic}`") == [(101,)]
        assert SECRET not in pipeline.log.read_text()


def _waiting(pipeline: Pipeline) -> dict[str, str]:
    """What each partition waits for; "" stands for the supervisor, which waits to alter the table."""
    return {entry.get("partition", ""): entry["msg"] for entry in pipeline.events("outage_began")}


def _kill_sessions(database: Addresses, user: str) -> None:
    with contextlib.closing(connect(database.admin_database_url)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT id FROM information_schema.processlist WHERE user = %s", (user,))
        for [session] in cursor.fetchall():
            with contextlib.suppress(pymysql.err.MySQLError):  # gone by itself
                cursor.execute(f"KILL {session}")
