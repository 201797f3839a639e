"""Dead letters become rows once their cause is mended: each once, whoever is killed, whatever runs beside it."""

from __future__ import annotations

import contextlib
import http.server
import json
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url

from tests.support.faults.held_rows import locked_offsets
from tests.support.pipeline.dead_letters import dead_letters_of
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.sender import Sender
from tests.support.pipeline.supervision import running, supervised
from tests.support.samples.schema_parts import field
from tests.support.stack.server_setting import small_packets
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.stack.state import Addresses
    from tests.support.pipeline.pipeline import Pipeline

UNLIMITED: dict[str, Any] = {"on_error": "dead_letter", "dead_letters_per_minute": 0}
UPSERT: dict[str, Any] = {"on_error": "dead_letter", "mode": "upsert", "key": ["key"]}
SPOTS = ["begin", "locked", "mid_insert", "rows_written", "before_commit", "after_commit"]


@contextlib.contextmanager
def with_letters(addresses: Addresses, directory: Path, count: int, **settings: Any) -> Iterator[Pipeline]:
    """One partition, every second message of `count` a letter, since the table refuses odd numbers."""
    with running_pipeline(addresses, directory, partitions=1, **UNLIMITED | settings) as pipeline:
        refuse_odd(pipeline)
        pipeline.produce(count, keys=1)
        assert supervised(pipeline) == 0
        assert len(dead_letters_of(pipeline, pipeline.topics[0])) == count // 2
        yield pipeline


def refuse_odd(pipeline: Pipeline, condition: str = "seq MOD 2 = 0") -> None:
    topic = pipeline.topics[0]
    pipeline.query(f"ALTER TABLE `{topic}` ADD CONSTRAINT `{topic}_odd` CHECK ({condition})")


def repair(pipeline: Pipeline) -> None:
    topic = pipeline.topics[0]
    pipeline.query(f"ALTER TABLE `{topic}` DROP CONSTRAINT `{topic}_odd`")


def retry(pipeline: Pipeline, *arguments: str, code: int = 0, env: dict[str, str] | None = None) -> dict[str, Any]:
    """What a retry of the pipeline's topic says."""
    answer = pipeline.run("dead-letters", "retry", "-t", pipeline.topics[0], "--json", *arguments, env=env)
    assert answer.returncode == code, answer.stdout + answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def totals(pipeline: Pipeline) -> list[tuple[Any, ...]]:
    query = "SELECT rows_total, dead_total FROM kafka_offsets WHERE topic = %s ORDER BY `partition`"
    return pipeline.query(query, pipeline.topics[0])


def verified(pipeline: Pipeline) -> None:
    for arguments in ((), ("--values",)):
        answer = pipeline.run("verify", "-t", pipeline.topics[0], *arguments)
        assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.faults
def test_what_is_mended_is_a_row_and_the_rest_stays(database: Addresses, tmp_path: Path) -> None:
    with with_letters(database, tmp_path, 20) as pipeline:
        topic = pipeline.topics[0]
        pipeline.send(topic, b"no Avro")
        assert supervised(pipeline) == 0
        before = dead_letters_of(pipeline, topic)
        verified(pipeline)
        repair(pipeline)
        tried = retry(pipeline, "--dry-run", code=6)
        assert (tried["written"], tried["refused"]) == (10, 1)
        assert dead_letters_of(pipeline, topic) == before
        assert totals(pipeline) == [(10, 11)]

        done = retry(pipeline, "--error", "E_VALUE", "--offset", "0-7", "--limit", "3")
        assert done["written"] == 3
        assert totals(pipeline) == [(13, 8)]
        done = retry(pipeline, code=6)
        assert (done["written"], done["refused"], done["gone"], done["kept"]) == (7, 1, 0, 0)
        assert done["left"][0] | {"error_text": ""} == {
            "topic": topic,
            "partition": 0,
            "offset": 20,
            "result": "refused",
            "error_name": "E_WIRE_FORMAT",
            "error_text": "",
        }
        assert dead_letters_of(pipeline, topic) == {20: before[20]}
        assert totals(pipeline) == [(20, 1)]
        verified(pipeline)
        rows = pipeline.query(f"SELECT _kafka_offset, seq FROM `{topic}` ORDER BY 1")
        assert rows == [(offset, offset + 1) for offset in range(20)]

        answer = pipeline.run("dead-letters", "drop", "-t", topic)
        assert answer.returncode == 2
        assert "--yes" in answer.stderr
        answer = pipeline.run("dead-letters", "drop", "-t", topic, "--yes")
        assert answer.returncode == 0, answer.stderr
        assert "1 dropped" in answer.stdout
        [stub] = dead_letters_of(pipeline, topic).values()
        assert stub["dropped_at"] is not None
        assert (stub["key"], stub["value"], stub["headers"], stub["error_name"]) == (None, None, None, "E_WIRE_FORMAT")
        assert totals(pipeline) == [(20, 1)]
        verified(pipeline)
        assert retry(pipeline)["written"] == 0
        assert "no dead letters" in pipeline.run("dead-letters", "list", "-t", topic).stdout
        assert f"{topic}/0" in pipeline.run("dead-letters", "list", "-t", topic, "--dropped").stdout


@pytest.mark.faults
def test_what_is_refused_again_says_why_by_now(database: Addresses, tmp_path: Path) -> None:
    with with_letters(database, tmp_path, 4) as pipeline:
        topic = pipeline.topics[0]
        before = dead_letters_of(pipeline, topic)
        repair(pipeline)
        pipeline.query(f"ALTER TABLE `{topic}` DROP COLUMN payload, ADD payload SMALLINT NOT NULL")
        assert retry(pipeline, code=6)["refused"] == 2
        after = dead_letters_of(pipeline, topic)
        for offset, row in after.items():
            assert row["error_text"] != before[offset]["error_text"]
            assert "payload" in row["error_text"]
            same = {"error_text": ""}
            assert row | same == before[offset] | same
        assert totals(pipeline) == [(2, 2)]


@pytest.mark.faults
@pytest.mark.parametrize("spot", SPOTS)
def test_killed_at_any_spot(database: Addresses, tmp_path: Path, spot: str) -> None:
    with with_letters(database, tmp_path, 1_200) as pipeline:
        repair(pipeline)
        answer = pipeline.run(
            "dead-letters", "retry", "-t", pipeline.topics[0], env={"RTPIPE_KILL_POINT": f"dead_letters:{spot}"}
        )
        assert answer.returncode == -signal.SIGKILL, answer.stdout + answer.stderr
        expected = 200 if spot == "after_commit" else 0
        assert retry(pipeline)["written"] == 600 - expected
        assert dead_letters_of(pipeline, pipeline.topics[0]) == {}
        assert pipeline.assert_exact() == 1_200
        assert totals(pipeline) == [(1_200, 0)]
        verified(pipeline)


@pytest.mark.faults
def test_two_at_once(database: Addresses, tmp_path: Path) -> None:
    """Both stand before the same lock when it is opened."""
    with with_letters(database, tmp_path, 2_400) as pipeline:
        repair(pipeline)
        command = pipeline.command("dead-letters", "retry", "-t", pipeline.topics[0], "--json")
        with locked_offsets(pipeline):
            both = [
                subprocess.Popen(command, cwd=tmp_path, env=pipeline.environment(), stdout=subprocess.PIPE)
                for _ in range(2)
            ]
            waiting = (
                "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT kafka_offsets%%UPDATE'"
            )
            eventually(lambda: pipeline.query(waiting + " AND id <> %s", 0) == [(2,)], within=30, what="both wait")
        said = [json.loads(process.communicate(timeout=60)[0]) for process in both]
        assert [process.returncode for process in both] == [0, 0]
        assert sum(one["written"] for one in said) == 1_200
        assert sum(one["gone"] for one in said) >= 200
        assert pipeline.assert_exact() == 2_400
        assert totals(pipeline) == [(2_400, 0)]
        verified(pipeline)


@pytest.mark.faults
def test_beside_a_supervisor_under_load(database: Addresses, tmp_path: Path) -> None:
    """The table refuses some numbers until it is repaired in mid-stream; no writer is fenced, none dies."""
    with running_pipeline(database, tmp_path, partitions=2, **UNLIMITED) as pipeline:
        topic = pipeline.topics[0]
        refuse_odd(pipeline, "seq MOD 20 > 0")
        supervisor = pipeline.supervise()
        eventually(lambda: running(pipeline), within=60, what="all run")
        claimed = pipeline.query("SELECT epoch FROM kafka_offsets WHERE topic = %s", topic)
        with pipeline.stream(1_000):
            eventually(lambda: len(dead_letters_of(pipeline, topic)) > 250, within=120, what="enough letters")
            repair(pipeline)
            written = 0
            while dead_letters_of(pipeline, topic):
                written += retry(pipeline)["written"]
            assert written > 250
        pipeline.wait_caught_up()
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 0
        assert pipeline.assert_exact() > 2_000
        assert pipeline.query("SELECT epoch FROM kafka_offsets WHERE topic = %s", topic) == claimed
        assert not pipeline.events("worker_died")
        assert not pipeline.events("worker_left")
        assert sum(row[1] for row in totals(pipeline)) == 0
        verified(pipeline)


@pytest.mark.faults
def test_a_letter_that_is_read_again_or_has_its_row_is_kept(database: Addresses, tmp_path: Path) -> None:
    """The stored offset was set back; then the message gave a row, and its letter is still there."""
    with with_letters(database, tmp_path, 2) as pipeline:
        topic = pipeline.topics[0]
        repair(pipeline)
        pipeline.query("UPDATE kafka_offsets SET `offset` = 0, rows_total = 0 WHERE topic = %s", topic)
        pipeline.query(f"DELETE FROM `{topic}`")
        said = retry(pipeline, code=6)
        assert (said["kept"], said["written"]) == (1, 0)
        assert "set back to 0" in said["left"][0]["error_text"]
        assert supervised(pipeline) == 0
        said = retry(pipeline, code=6)
        assert "already" in said["left"][0]["error_text"]
        assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(2,)]


@pytest.mark.faults
def test_letters_of_a_topic_that_was_made_again_are_kept(stack: Addresses, tmp_path: Path) -> None:
    with with_letters(stack, tmp_path, 2) as pipeline:
        repair(pipeline)
        pipeline.query("UPDATE kafka_offsets SET topic_id = 'another' WHERE topic = %s", pipeline.topics[0])
        assert "made again" in retry(pipeline, code=6)["left"][0]["error_text"]
        pipeline.query("DELETE FROM kafka_offsets WHERE topic = %s", pipeline.topics[0])
        assert "no row" in retry(pipeline, code=6)["left"][0]["error_text"]
        assert pipeline.query(f"SELECT COUNT(*) FROM `{pipeline.topics[0]}`") == [(1,)]


class NoSchemas(http.server.BaseHTTPRequestHandler):
    """A registry that has lost its schemas."""

    def do_GET(self) -> None:
        body = b'{"error_code": 40403, "message": "Schema not found"}'
        self.send_response(404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def empty_registry() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), NoSchemas) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.faults
def test_a_schema_that_was_unknown(database: Addresses, tmp_path: Path, empty_registry: str) -> None:
    with running_pipeline(database, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        topic = pipeline.topics[0]
        pipeline.produce(10)
        unknown = {"RTPIPE_SCHEMA_REGISTRY_URL": empty_registry}
        assert supervised(pipeline, env=unknown) == 0
        assert {row["error_name"] for row in dead_letters_of(pipeline, topic).values()} == {"E_UNKNOWN_SCHEMA"}
        assert retry(pipeline, code=6, env=unknown)["refused"] == 10
        answer = pipeline.run(
            "dead-letters", "retry", "-t", topic, env={"RTPIPE_SCHEMA_REGISTRY_URL": "http://127.0.0.1:9"}
        )
        assert answer.returncode == 4
        assert "what to do" in answer.stderr
        assert retry(pipeline)["written"] == 10
        assert pipeline.assert_exact() == 10
        verified(pipeline)


def states(pipeline: Pipeline) -> dict[str, int]:
    return dict(pipeline.query(f"SELECT `key`, seq FROM `{pipeline.topics[0]}`"))


def send(pipeline: Pipeline, *messages: tuple[str, int | None]) -> None:
    for key, seq in messages:
        topic = pipeline.topics[0]
        pipeline.send(topic, None if seq is None else pipeline.body(topic, key, seq, "x"), key=key)
    assert supervised(pipeline) == 0


@pytest.mark.faults
def test_in_upsert_mode_the_newest_state_of_a_key_stays(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1, **UPSERT) as pipeline:
        refuse_odd(pipeline)
        send(pipeline, ("a", 2), ("a", 3), ("b", 5), ("c", 4), ("c", 7), ("c", 9))
        send(pipeline, ("a", 6))
        repair(pipeline)
        said = retry(pipeline, code=6)
        assert [(left["offset"], left["result"]) for left in said["left"]] == [(1, "kept")]
        assert "newer" in said["left"][0]["error_text"]
        assert "--force" in said["left"][0]["error_text"]
        assert states(pipeline) == {"a": 6, "b": 5, "c": 9}
        assert totals(pipeline) == [(6, 1)]
        verified(pipeline)
        assert retry(pipeline, "--force")["written"] == 1
        assert states(pipeline)["a"] == 3


@pytest.mark.faults
def test_in_upsert_mode_with_a_key_of_two_columns(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1, **UPSERT | {"key": ["key", "seq"]}) as pipeline:
        refuse_odd(pipeline)
        send(pipeline, ("a", 2), ("a", 3), ("b", 5))
        repair(pipeline)
        assert retry(pipeline)["written"] == 2
        assert totals(pipeline) == [(3, 0)]
        verified(pipeline)


@pytest.mark.faults
def test_in_upsert_mode_a_key_that_may_have_been_deleted_is_not_made_again(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=1, tombstones="delete", **UPSERT) as pipeline:
        refuse_odd(pipeline)
        send(pipeline, ("a", 2), ("a", 3))
        send(pipeline, ("a", None), ("b", 2), ("b", 3))
        repair(pipeline)
        said = retry(pipeline, code=6)
        assert [left["offset"] for left in said["left"]] == [1]
        assert "deleted" in said["left"][0]["error_text"]
        assert states(pipeline) == {"b": 3}


@pytest.mark.faults
def test_in_upsert_mode_without_offsets_nothing_is_known(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=1, metadata=False, **UPSERT) as pipeline:
        refuse_odd(pipeline)
        send(pipeline, ("a", 3), ("b", None))
        repair(pipeline)
        said = retry(pipeline, code=6)
        assert [(left["result"], left["error_name"]) for left in said["left"]] == [
            ("kept", "E_VALUE"),
            ("refused", "E_NULL_VALUE"),
        ]
        assert states(pipeline) == {}
        assert retry(pipeline, "--force", code=6)["written"] == 1
        assert states(pipeline) == {"a": 3}


def test_a_tombstone_takes_effect_once_the_settings_say_what_it_does(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1, **UPSERT) as pipeline:
        send(pipeline, ("a", 2), ("a", None), ("b", 2), ("b", None), ("b", 4))
        path = pipeline.directory / "rtpipe.toml"
        path.write_text(path.read_text() + 'tombstones = "delete"\n')
        grantee = make_url(database.database_url).username
        pipeline.query(f"GRANT DELETE ON bank.`{pipeline.topics[0]}` TO '{grantee}'@'%'")
        said = retry(pipeline, code=6)
        assert [left["offset"] for left in said["left"]] == [3]
        assert states(pipeline) == {"b": 4}
        assert totals(pipeline) == [(4, 1)]
        verified(pipeline)


@pytest.mark.faults
def test_what_was_too_large_to_keep_is_read_from_kafka_again(own_database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(own_database, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        topic = pipeline.topics[0]
        for seq, size in ((1, 1), (2, 600_000), (3, 600_000), (4, 1)):
            pipeline.send(topic, pipeline.body(topic, "k", seq, "'" * size))
        with small_packets(pipeline, 1 << 20):
            assert supervised(pipeline) == 0
            assert {at: row["value"] for at, row in dead_letters_of(pipeline, topic).items()} == {1: None, 2: None}
            assert retry(pipeline, code=6)["refused"] == 2
        away = {"RTPIPE_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
        said = retry(pipeline, "--offset", "1", code=6, env=away)
        assert "Kafka does not give it" in said["left"][0]["error_text"]
        assert retry(pipeline)["written"] == 2
        assert pipeline.assert_exact() == 4
        verified(pipeline)


@pytest.mark.faults
def test_rows_that_were_discarded_come_with_their_column_once_the_settings_let_it(
    database: Addresses, tmp_path: Path
) -> None:
    contract: dict[str, Any] = {"on_error": "dead_letter", "evolution": "discard_row"}
    with running_pipeline(database, tmp_path, partitions=1, **contract) as pipeline:
        sender = Sender(pipeline)
        first, second = sender.version(), sender.version(field("note", ["null", "string"], default=None))
        for version in (first, second, first):
            sender.send(version, note="late")
        assert supervised(pipeline) == 0
        said = retry(pipeline, code=6)
        assert [left["error_name"] for left in said["left"]] == ["E_DISCARDED"]
        path = pipeline.directory / "rtpipe.toml"
        path.write_text(path.read_text().replace('"discard_row"', '"evolve"'))
        said = retry(pipeline, "--dry-run", code=6)
        assert "note" in said["left"][0]["error_text"]
        assert "note" not in sender.types()
        assert retry(pipeline)["written"] == 1
        assert sender.rows("seq", "note") == [(1, None), (2, "late"), (3, None)]
        verified(pipeline)
