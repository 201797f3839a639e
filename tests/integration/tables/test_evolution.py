"""A new schema id never waits for a restart: the table follows it, or the partition says what is missing and waits."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url

from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.processes import kill
from tests.support.pipeline.raw_clients import connect
from tests.support.pipeline.sender import Sender, caught_up
from tests.support.pipeline.supervision import messages_of, supervised, supervising
from tests.support.samples.schema_parts import MICROS, MILLIS, field, text
from tests.support.waits import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses
    from tests.support.pipeline.pipeline import Pipeline


#: Partition of rows that no message brought.
NOBODY = 99


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
    with running_pipeline(database, tmp_path, partitions=1, any_subject=True) as pipeline:
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


@pytest.mark.faults
def test_fields_that_a_row_has_no_room_for_stay_in_one_column(database: Addresses, tmp_path: Path) -> None:
    """First a table with room, then schemas without; fixed bytes that come become blobs."""
    with running_pipeline(database, tmp_path, partitions=1, overflow="json", on_error="dead_letter") as pipeline:
        sender = Sender(pipeline)
        fixed = [field("b0", {"type": "fixed", "name": "B", "size": 200}), *(field(f"b{n}", "B") for n in range(1, 50))]
        small = sender.version(*fixed)
        many = [field(f"f{n}", "string") for n in range(300)]
        wide, other = sender.version(*fixed, *many), sender.version(field("new", "string"), *fixed, *many[:150])
        values: dict[str, Any] = {f"b{n}": bytes([n]) * 200 for n in range(50)} | {f"f{n}": f"'{n}" for n in range(300)}
        for version in (small, wide, other, small, wide):
            sender.send(version, new="x", **values)
        assert supervised(pipeline) == 0
        assert sender.letters() == []
        assert {"b0": "binary(200)", "b49": "mediumblob"}.items() <= {
            name: kind for name, (kind, _) in sender.types().items()
        }.items()
        assert "f0" not in sender.types()
        found = [None if row[0] is None else json.loads(row[0]) for row in sender.rows("_overflow")]
        assert [one and (one.get("f299"), one.get("f149"), one.get("new")) for one in found] == [
            None,
            ("'299", "'149", None),
            (None, "'149", "x"),
            None,
            ("'299", "'149", None),
        ]
        assert sender.verified()
        pipeline.query(f"UPDATE `{sender.topic}` SET _overflow = '{{}}' WHERE _overflow IS NOT NULL LIMIT 1")
        assert pipeline.run("verify", "--topics", sender.topic, "--values").returncode == 3


@pytest.mark.faults
def test_int_to_long_without_leave_to_copy(database: Addresses, tmp_path: Path) -> None:
    """What fits goes in; the first value that does not stops its partition, until a person has the table copied."""
    with running_pipeline(database, tmp_path, partitions=2, on_error="dead_letter") as pipeline:
        sender = Sender(pipeline)
        small, big = start_small(sender)
        with supervising(pipeline):
            for value in (5, 2**31 - 1, -(2**31)):
                sender.send(big, n=value)
            caught_up(sender, 4)
            held = sender.send(big, n=2**31)
            sender.send(big, n=6)
            sender.send(small, n=7)
            sender.send(big, partition=1, n=8)
            eventually(lambda: messages_of(pipeline, "worker_halted"), within=60, what="it halts")
            eventually(lambda: pipeline.offsets(sender.topic) == {0: 4, 1: 1}, within=60, what="the other goes on")
            said = messages_of(pipeline, "worker_halted")[f"{sender.topic}/0"]
            assert said.startswith(f"E_EVOLUTION {sender.topic}/0 offset {held - 1} field n: ")
            assert f"ALTER TABLE `bank`.`{sender.topic}` MODIFY COLUMN `n` BIGINT NOT NULL" in said
            assert f"rtpipe table apply --topics {sender.topic}" in said
            assert said.endswith("exiting 5")
            applied = pipeline.run("table", "apply", "--topics", sender.topic, "--yes")
            assert applied.returncode == 0, applied.stderr
            assert "copies" in applied.stdout
            assert pipeline.run("resume", sender.topic).returncode == 0
            caught_up(sender, 8)
            sender.send(big, partition=1, n=2**40)  # of a writer that knows the narrow column
            caught_up(sender, 9)
        assert [n for (n,) in sender.rows("n")] == [1, 5, 2**31 - 1, -(2**31), 2**31, 6, 7, 8, 2**40]
        assert sender.types()["n"] == ("bigint", "NO")
        assert sender.letters() == []
        assert sender.verified()


def start_small(sender: Sender) -> tuple[Any, Any]:
    """A table with an INT for n and a row in it; the versions with int and long."""
    small, big = sender.version(field("n", "int")), sender.version(field("n", "long"))
    sender.pipeline.query(f"ALTER TABLE `{sender.topic}` ADD COLUMN n INT NOT NULL")
    sender.send(small, n=1)
    return small, big


@pytest.mark.faults
def test_int_to_long_with_leave_to_copy(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1, allow_copy=True) as pipeline:
        sender = Sender(pipeline)
        _, big = start_small(sender)
        sender.send(big, n=2**40)
        assert supervised(pipeline) == 0
        assert [n for (n,) in sender.rows("n")] == [1, 2**40]
        [(_, statement, outcome, _)] = sender.history()
        assert statement.endswith("MODIFY COLUMN `n` BIGINT NOT NULL")
        assert outcome == "done"
        assert sender.verified()


@pytest.mark.faults
def test_freeze_holds_the_partition(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=2, evolution="freeze") as pipeline:
        sender = Sender(pipeline)
        first, second = sender.version(), sender.version(field("note", ["null", "string"], default=None))
        sender.send(first)
        sender.send(first)
        sender.send(second, note="x")
        sender.send(first)
        sender.send(first, partition=1)
        assert supervised(pipeline) == 5
        said = messages_of(pipeline, "worker_halted")[f"{sender.topic}/0"]
        assert f"E_EVOLUTION {sender.topic}/0 offset 2 schema id {second[0]}: " in said
        assert 'evolution = "freeze"' in said
        assert "add column note mediumtext" in said
        assert pipeline.offsets(sender.topic) == {0: 2, 1: 1}
        assert not sender.history() if has_history(pipeline) else True
        assert pipeline.run("table", "apply", "--topics", sender.topic).returncode == 0
        assert supervised(pipeline) == 0
        assert sender.rows("seq", "note") == [(1, None), (2, None), (3, "x"), (4, None), (5, None)]
        assert sender.verified()


def has_history(pipeline: Pipeline) -> bool:
    return bool(pipeline.query("SHOW TABLES LIKE 'rtpipe_table_changes'"))


@pytest.mark.faults
def test_discard_value_and_discard_row(stack: Addresses, tmp_path: Path) -> None:
    for contract in ("discard_value", "discard_row"):
        (tmp_path / contract).mkdir()
        with running_pipeline(
            stack, tmp_path / contract, partitions=1, on_error="dead_letter", evolution=contract
        ) as pipeline:
            sender = Sender(pipeline)
            first, second = sender.version(), sender.version(field("note", ["null", "string"], default=None))
            for version in (first, second, first):
                sender.send(version, note="lost")
            assert supervised(pipeline) == 0
            assert "note" not in sender.types()
            letters = pipeline.query(
                "SELECT `offset`, error_name FROM rtpipe_dead_letters WHERE topic = %s", sender.topic
            )
            if contract == "discard_row":
                assert letters == [(1, "E_DISCARDED")]
                assert sender.rows("seq") == [(1,), (3,)]
            else:
                assert letters == []
                assert sender.rows("seq") == [(1,), (2,), (3,)]
            assert sender.verified()


@pytest.mark.faults
def test_another_meaning_gets_a_column_of_its_own(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1) as pipeline:
        sender = Sender(pipeline)
        millis = sender.version(field("at", MILLIS), subject=f"{sender.topic}-value")
        pipeline.query(f"ALTER TABLE `{sender.topic}` ADD COLUMN `at` DATETIME(3) NOT NULL")
        micros = sender.version(field("at", MICROS))
        sender.send(millis, at=1_700_000_000_123)
        sender.send(micros, at=1_700_000_000_123_456)
        sender.send(millis, at=1_700_000_000_789)
        assert supervised(pipeline) == 0, messages_of(pipeline, "worker_halted")
        shown = [tuple(map(str, row)) for row in sender.rows("at", "at_v2")]
        assert shown == [
            ("2023-11-14 22:13:20.123000", "None"),
            ("None", "2023-11-14 22:13:20.123456"),
            ("2023-11-14 22:13:20.789000", "None"),
        ]
        assert sender.types()["at_v2"] == ("datetime(6)", "YES")
        assert sender.verified()
        sender.send(micros, at=1)
        assert supervised(pipeline) == 0  # found again, by another run
        assert len(sender.history()) == 2
        assert sender.verified()


@pytest.mark.faults
def test_bytes_and_strings_change_places(database: Addresses, tmp_path: Path) -> None:
    """Into text goes what is UTF-8, which the server checks; into bytes goes every text."""
    with running_pipeline(database, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        sender = Sender(pipeline)
        old = sender.version(field("b", "bytes"))
        pipeline.query(f"ALTER TABLE `{sender.topic}` ADD COLUMN b MEDIUMBLOB NOT NULL")
        new = sender.version(field("b", "string"), field("payload", "bytes"))
        sender.send(old, b=b"\0\xff")
        sender.send(new, b="gr\u00fc\u00df", payload="gr\u00fc\u00df".encode())
        sender.send(new, b="x", payload=b"\xff\xfe")
        assert supervised(pipeline) == 0, messages_of(pipeline, "worker_halted")
        assert sender.rows("b", "payload") == [(b"\0\xff", "p"), ("gr\u00fc\u00df".encode(), "gr\u00fc\u00df")]
        assert sender.letters() == [(2, "E_VALUE")]
        assert sender.verified()


@pytest.mark.faults
def test_without_the_privilege_it_waits_for_the_grant(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=2) as pipeline:
        sender = Sender(pipeline)
        first, second = sender.version(), sender.version(field("note", ["null", "string"], default=None))
        user = f"i{sender.topic}"
        pipeline.query(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'poor1!'")
        pipeline.query(f"GRANT SELECT ON bank.`{sender.topic}` TO '{user}'@'%'")
        poor = make_url(database.infra_database_url).set(username=user, password="poor1!")
        pipeline.addresses = replace(database, infra_database_url=poor.render_as_string(hide_password=False))
        with supervising(pipeline):
            sender.send(first)
            sender.send(second, note="x")
            sender.send(first, partition=1)
            eventually(lambda: messages_of(pipeline, "worker_halted"), within=60, what="it halts")
            statements: list[str] = []
            while pipeline.offsets(sender.topic)[0] == 1 and len(statements) < 3:  # of the history, then of the table
                halts = pipeline.events("worker_halted")
                said = halts[-1]["msg"]
                assert said.startswith(f"E_AUTH {sender.topic}/0 offset 1 "), said
                kind = "MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
                assert f"ALTER TABLE `bank`.`{sender.topic}` ADD COLUMN `note` {kind} NULL" in said
                assert said.endswith("exiting 77")
                assert pipeline.offsets(sender.topic)[0] == 1
                statements.append(said.partition("GRANT ")[2].partition(";")[0])
                pipeline.query(f"GRANT {statements[-1]}")
                assert pipeline.run("resume", f"{sender.topic}/0").returncode == 0
                await_another_try(sender, len(halts))
            assert statements[-1] == f"ALTER ON `bank`.`{sender.topic}` TO '{user}'@'%'"
            caught_up(sender, 3)
        assert sender.rows("seq", "note") == [(1, None), (2, "x"), (3, None)]
        pipeline.addresses = database
        assert sender.verified()


def await_another_try(sender: Sender, halts: int) -> None:
    """Until the partition halts once more, or goes on."""
    pipeline = sender.pipeline
    eventually(
        lambda: len(pipeline.events("worker_halted")) > halts or pipeline.offsets(sender.topic)[0] > 1,
        within=60,
        what="it tries again",
    )


@pytest.mark.faults
def test_a_table_that_others_hold_keeps_only_its_own_topic_waiting(database: Addresses, tmp_path: Path) -> None:
    """An open transaction holds the metadata lock for longer than an ALTER waits; then everything goes on."""
    with running_pipeline(database, tmp_path, topics=2, partitions=1) as pipeline:
        held, free = (Sender(pipeline, topic) for topic in pipeline.topics)
        new = held.version(field("note", "string", default=""))
        with supervising(pipeline), contextlib.closing(connect(database.admin_database_url, "bank")) as reader:
            reader.autocommit(False)
            reader.cursor().execute(f"SELECT COUNT(*) FROM `{held.topic}`")
            held.send(new, note="x")
            waiting = f"table {held.topic} waits to be altered"
            eventually(lambda: waiting in pipeline.log.read_text(), within=60, what="the ALTER gives way")
            old = free.version()
            for _ in range(20):
                free.send(old)
            caught_up(free, 20)
            assert not pipeline.events("worker_halted")
            assert pipeline.offsets(held.topic) == {0: 0}
            reader.rollback()
            caught_up(held, 1)
        assert [note for (note,) in held.rows("note")] == ["x"]
        assert [outcome == "done" for _, _, outcome, _ in held.history()][-1]


@pytest.mark.faults
@pytest.mark.parametrize("victim", ["supervisor", "writer"])
def test_killed_while_an_alter_waits(database: Addresses, tmp_path: Path, victim: str) -> None:
    """kill -9 in the middle: the next run looks anew, and no row is lost or there twice."""
    with running_pipeline(database, tmp_path, partitions=1) as pipeline:
        sender = Sender(pipeline)
        old, new = sender.version(), sender.version(field("note", ["null", "string"], default=None))
        supervisor = pipeline.supervise()
        sender.send(old)
        caught_up(sender, 1)
        with contextlib.closing(connect(database.admin_database_url, "bank")) as reader:
            reader.autocommit(False)
            reader.cursor().execute(f"SELECT COUNT(*) FROM `{sender.topic}`")
            for number in range(20):
                sender.send((old, new)[number % 2], note=str(number))
            alters = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE %s"
            pattern = f"ALTER TABLE `bank`.`{sender.topic}`%"
            eventually(lambda: pipeline.query(alters, pattern) != [(0,)], within=60, what="an ALTER waits")
            supervisor = killed(pipeline, supervisor, victim)
            reader.rollback()
        caught_up(sender, 21)
        supervisor.terminate()
        assert supervisor.wait(60) == 0
        assert sorted(seq for (seq,) in sender.rows("seq")) == list(range(1, 22))
        outcomes = [outcome for _, _, outcome, _ in sender.history()]
        assert None not in outcomes  # the server ended the statement; its session could no longer say so
        assert {"done", "interrupted"} & set(outcomes)
        assert sender.verified()


@pytest.mark.faults
@pytest.mark.parametrize("victim", ["supervisor", "writer"])
def test_killed_while_the_table_is_copied(database: Addresses, tmp_path: Path, victim: str) -> None:
    """The server may end the ALTER that nobody waits for any more, or undo it: the next run sees what it did."""
    with running_pipeline(database, tmp_path, partitions=1, allow_copy=True) as pipeline:
        sender = Sender(pipeline)
        small, big = start_small(sender)
        supervisor = pipeline.supervise()
        caught_up(sender, 1)
        filled(sender)
        sender.send(small, n=0)
        sender.send(big, n=2**40)  # from here on the table is copied; whatever came next would only use up that time
        copies = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE %s AND STATE LIKE 'copy%%'"
        pattern = f"ALTER TABLE `bank`.`{sender.topic}`%"
        eventually(lambda: pipeline.query(copies, pattern) != [(0,)], within=60, what="the table is copied")
        supervisor = killed(pipeline, supervisor, victim)
        for number in range(2, 20):
            sender.send((small, big)[number % 2], n=number + (number % 2) * 2**40)
        caught_up(sender, 21)
        supervisor.terminate()
        assert supervisor.wait(60) == 0
        assert sender.types()["n"] == ("bigint", "NO")
        assert None not in [outcome for _, _, outcome, _ in sender.history()]
        pipeline.query(f"DELETE FROM `{sender.topic}` WHERE _kafka_partition = {NOBODY}")
        assert sender.rows("seq") == [(seq,) for seq in range(1, 22)]
        assert sender.verified()


def killed(pipeline: Pipeline, supervisor: Any, victim: str) -> Any:
    """kill -9 of the supervisor, which is started again, or of the writer; the supervisor that runs then."""
    kill(supervisor.pid if victim == "supervisor" else pipeline.status()[0]["writer_pid"])
    if victim != "supervisor":
        return supervisor
    assert supervisor.wait(30) == -9
    eventually(lambda: not pipeline.processes(), within=30, what="no process left")
    return pipeline.supervise()


def filled(sender: Sender) -> None:
    """A quarter of a million rows that come from no message, so that a copy takes a while."""
    names = [name for name in sender.types() if name not in {"_kafka_partition", "_kafka_offset"}]
    listed = ", ".join(f"`{name}`" for name in names)
    into = f"INSERT INTO `{sender.topic}` (_kafka_partition, _kafka_offset, {listed})"
    sender.pipeline.query(f"{into} SELECT {NOBODY}, 0, {listed} FROM `{sender.topic}` LIMIT 1")
    for power in range(18):
        more = f"_kafka_offset + {2**power}"
        rows = f"FROM `{sender.topic}` WHERE _kafka_partition = {NOBODY}"
        sender.pipeline.query(f"{into} SELECT {NOBODY}, {more}, {listed} {rows}")


@pytest.mark.faults
def test_an_update_resets_what_newer_versions_added(database: Addresses, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"mode": "upsert", "key": ["key"], "on_error": "dead_letter"}
    with running_pipeline(database, tmp_path, partitions=1, metadata=False, **settings) as pipeline:
        sender = Sender(pipeline)
        old, new = sender.version(), sender.version(field("note", ["null", "string"], default=None))
        pipeline.query(f"DROP TABLE `{sender.topic}`")
        applied = pipeline.run("table", "apply", "--topics", sender.topic, "--schema", file_of(tmp_path, old))
        assert applied.returncode in {0, 77}, applied.stderr
        user = make_url(database.database_url).username
        pipeline.query(f"GRANT SELECT, INSERT, UPDATE, DELETE ON bank.`{sender.topic}` TO '{user}'@'%'")
        for version, key in ((old, "a"), (new, "a"), (new, "b"), (old, "b"), (new, "c")):
            sender.send(version, key=key, note="n")
        assert supervised(pipeline) == 0, messages_of(pipeline, "worker_halted")
        found = pipeline.query(f"SELECT `key`, seq, note FROM `{sender.topic}` ORDER BY 1")
        assert found == [("a", 2, "n"), ("b", 4, None), ("c", 5, "n")]


def file_of(directory: Path, version: tuple[int, dict[str, Any]]) -> str:
    path = directory / "schema.avsc"
    path.write_text(json.dumps(version[1]))
    return str(path)
