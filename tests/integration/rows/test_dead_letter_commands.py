"""`rtpipe dead-letters` as people meet it: what it shows, what it never shows, what it writes."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url

from tests.support.command_answers import CANARY, Command, refused
from tests.support.pipeline.dead_letters import dead_letters_of
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.producers import ordered_producer
from tests.support.pipeline.supervision import supervised

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses

HOSTILE = f"{CANARY}\x1b[2J\r\n\u202eevil\x7f\x9b31m"


def settle(pipeline: Pipeline) -> str:
    """A hostile value that its column refuses, bytes of no kind, a text: all letters. The topic's name."""
    topic = pipeline.topics[0]
    pipeline.query(f"ALTER TABLE `{topic}` ADD CONSTRAINT `{topic}_c` CHECK (seq < 4711)")
    producer = ordered_producer(pipeline.addresses.bootstrap_servers)
    headers: Any = [("trace\x1b", b"\x00\xff"), ("none", None)]
    value = pipeline.body(topic, "k", 4_711, HOSTILE)
    producer.produce(topic, value, HOSTILE, headers=headers, timestamp=1_700_000_000_123, partition=0)
    producer.produce(topic, bytes(range(1, 256)) + CANARY.encode(), None, partition=0)
    producer.produce(topic, f'{{"json": "{CANARY}"}}', "key", partition=0)
    assert producer.flush(30) == 0
    assert supervised(pipeline) == 0
    return topic


def test_every_command(database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(database, tmp_path, partitions=1, on_error="dead_letter") as pipeline:
        topic = settle(pipeline)
        only_infra = {"RTPIPE_DATABASE_URL": ""}
        for env in (None, only_infra):
            answer = pipeline.run("dead-letters", "list", "--topics", topic, env=env)
            assert answer.returncode == 0, answer.stderr
            assert f"{topic}/0" in answer.stdout
            assert "E_VALUE" in answer.stdout
            harmless(answer.stdout)
            assert CANARY not in answer.stdout
        listed = json.loads(pipeline.run("dead-letters", "list", "-t", topic, "-n", "1", "--json").stdout)
        assert [(kind["error_name"], kind["count"]) for kind in listed["summary"]] == [
            ("E_VALUE", 1),
            ("E_WIRE_FORMAT", 2),
        ]
        assert len(listed["dead_letters"]) == 1
        assert not {"key", "value", "headers"} & listed["dead_letters"][0].keys()

        shown = pipeline.run("dead-letters", "show", f"{topic}/0", "0")
        assert shown.returncode == 0, shown.stderr
        harmless(shown.stdout)
        assert "what to do" in shown.stdout
        assert f'"payload": "{CANARY}\\u001b[2J\\r\\n\\u202eevil\\u007f\\u009b31m"' in shown.stdout
        assert "trace\\u001b" in shown.stdout
        facts = json.loads(pipeline.run("dead-letters", "show", f"{topic}/0", "0", "--json").stdout)["dead_letters"][0]
        assert facts["decoded"] == {"key": "k", "seq": 4_711, "payload": HOSTILE}
        assert facts["timestamp"] == "2023-11-14T22:13:20.123000Z"
        assert facts["headers"] == [["trace\x1b", "AP8="], ["none", None]]
        dumped = pipeline.run("dead-letters", "show", f"{topic}/0", "1", "--hex").stdout
        harmless(dumped)
        assert "00000000  01 02 03" in dumped
        assert f'{{"json": "{CANARY}"}}' in pipeline.run("dead-letters", "show", f"{topic}/0", "2").stdout
        away = {"RTPIPE_SCHEMA_REGISTRY_URL": f"http://u:{CANARY}@127.0.0.1:9"}
        blind = pipeline.run("dead-letters", "show", f"{topic}/0", "0", env=away)
        assert blind.returncode == 0
        assert "not decoded" in blind.stderr
        assert CANARY not in blind.stderr
        exported(pipeline, topic)


def harmless(text: str) -> None:
    """Nothing of it moves a terminal's cursor or hides what it says."""
    assert all(sign.isprintable() or sign == "\n" for sign in text)


def exported(pipeline: Pipeline, topic: str) -> None:
    kept = dead_letters_of(pipeline, topic)
    path = pipeline.directory / "letters.jsonl"
    for output in (["-o", str(path)], []):
        answer = pipeline.run("dead-letters", "export", "-t", topic, *output)
        assert answer.returncode == 0, answer.stderr
    assert path.read_text() == answer.stdout
    assert path.stat().st_mode & 0o077 == 0
    for line in map(json.loads, answer.stdout.splitlines()):
        row = kept[line["offset"]]
        assert line["complete"]
        for part in ("key", "value"):
            assert row[part] == (None if line[part] is None else base64.b64decode(line[part]))
        assert line["headers"] == (row["headers"] and json.loads(row["headers"]))
    folder = pipeline.directory / "letters"
    files = ("--topics", topic, "--error", "E_VALUE", "--format", "files", "-o", str(folder))
    answer = pipeline.run("dead-letters", "export", *files)
    assert answer.returncode == 0, answer.stderr
    assert (folder / f"{topic}-0-0.value").read_bytes() == kept[0]["value"]
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{topic}-0-0.{part}" for part in ("json", "key", "value")
    ]
    answer = pipeline.run("dead-letters", "export", *files)
    refused(answer, 2, "E_SETTINGS", "there already")


def test_what_is_refused(stack: Addresses, tmp_path: Path, rtpipe: Command) -> None:
    where = make_url(stack.database_url)
    gone = where.set(port=9, password=CANARY).render_as_string(hide_password=False)
    wrong = where.set(password=CANARY).render_as_string(hide_password=False)
    given = {"RTPIPE_DATABASE_URL": stack.database_url, "RTPIPE_SCHEMA_REGISTRY_URL": stack.schema_registry_url}
    for words in ("list", "show t/0 1", "export", "retry", "drop -t t --yes"):
        command = ("dead-letters", *words.split())
        refused(rtpipe(*command, **given | {"RTPIPE_DATABASE_URL": gone}), 4, "E_UNREACHABLE", "127.0.0.1:9")
        refused(rtpipe(*command, **given | {"RTPIPE_DATABASE_URL": wrong}), 77, "E_AUTH")
    (tmp_path / "pipeline").mkdir()
    with running_pipeline(stack, tmp_path / "pipeline", partitions=1):
        refused(rtpipe("dead-letters", "show", "t/0", "1", **given), 2, "E_SETTINGS", "no dead letter of t/0 offset 1")
        refused(rtpipe("dead-letters", "show", "t", "1", **given), 2, "E_SETTINGS", "TOPIC/PARTITION")
        refused(rtpipe("dead-letters", "drop", "--yes", **given), 2, "E_SETTINGS", "which dead letters")
        answer = rtpipe("dead-letters", "export", "-o", "no/such/place", **given)
        refused(answer, 2, "E_SETTINGS", "No such file or directory")
        for words in ("list", "retry", "export", "drop --yes"):
            answer = rtpipe("dead-letters", *words.split(), "-t", "nosuchtopic", **given)
            assert answer.returncode == 0, answer.stderr
            assert answer.stderr + answer.stdout in {"", "no dead letters like that\n"}
