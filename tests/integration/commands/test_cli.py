"""The commands as people meet them, against real services: errors that say what to do, and no secret anywhere."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url

from tests.support.command_answers import CANARY, Command, refused
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.stack.state import Addresses


def separately(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command, off a terminal, as `python -m rtpipe` would be by hand."""
    pipeline = Pipeline(NOWHERE, directory, [])
    kept = {name: value for name, value in pipeline.environment().items() if not name.startswith("RTPIPE_")}
    return subprocess.run(
        pipeline.command(*arguments),
        check=False,
        cwd=directory,
        env=kept | {"COLUMNS": "100"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


class _Nowhere:
    bootstrap_servers = schema_registry_url = database_url = infra_database_url = admin_database_url = ""


NOWHERE: Any = _Nowhere()


def environment_of(stack: Addresses, **changed: str) -> dict[str, str]:
    return {
        "RTPIPE_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "RTPIPE_SCHEMA_REGISTRY_URL": stack.schema_registry_url,
        "RTPIPE_DATABASE_URL": stack.database_url,
        "RTPIPE_INFRA_DATABASE_URL": stack.infra_database_url,
    } | changed


# -- services --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dead_port() -> Iterator[int]:
    """A port that nobody else gets and nobody listens on."""
    with contextlib.closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.mark.faults
def test_services_that_do_not_answer(stack: Addresses, tmp_path: Path, dead_port: int, rtpipe: Command) -> None:
    (tmp_path / "s.json").write_text('[{"name": "d1", "fields": {"a": "int"}}]')
    create: tuple[str, ...] = ("infra", "create", "--schemas", "s.json", "--json")
    broker = environment_of(stack, RTPIPE_BOOTSTRAP_SERVERS=f"127.0.0.1:{dead_port}")
    registry = environment_of(stack, RTPIPE_SCHEMA_REGISTRY_URL=f"http://u:{CANARY}@127.0.0.1:{dead_port}")
    where = make_url(stack.database_url)
    gone = where.set(port=dead_port, password=CANARY).render_as_string(hide_password=False)
    wrong = where.set(password=CANARY).render_as_string(hide_password=False)
    database = environment_of(stack, RTPIPE_DATABASE_URL=gone, RTPIPE_INFRA_DATABASE_URL=gone)
    password = environment_of(stack, RTPIPE_DATABASE_URL=wrong, RTPIPE_INFRA_DATABASE_URL=wrong)
    (tmp_path / "pipeline").mkdir()  # whatever runs there is killed in the end, and this process runs in tmp_path
    with running_pipeline(stack, tmp_path / "pipeline", partitions=1) as pipeline:
        topic = pipeline.topics[0]
        verify: tuple[str, ...] = ("verify", "-t", topic, "--json")
        for command in (create, verify):
            refused(rtpipe(*command, **broker), 4, "E_UNREACHABLE", f"127.0.0.1:{dead_port}")
            refused(rtpipe(*command, **database), 4, "E_UNREACHABLE", f"127.0.0.1:{dead_port}")
            refused(rtpipe(*command, **password), 77, "E_AUTH")
        produce = ("produce", "-t", topic, "--count", "1", "--json")
        for command in (create, produce):
            refused(rtpipe(*command, **registry), 4, "E_UNREACHABLE", f"127.0.0.1:{dead_port}")
        refused(rtpipe(*produce, "--key", "nosuch", **environment_of(stack)), 2, "E_SETTINGS", "no such field")
        for words in (("produce", "--count", "1"), ("verify",)):
            answer = rtpipe(*words, "-t", "nosuchtopic", "--json", **environment_of(stack))
            refused(answer, 78, "E_CONFIG", "topic nosuchtopic does not exist")
        answer = separately(tmp_path, "supervise", "-t", "nosuchtopic", **environment_of(stack))
        refused(answer, 78, "E_CONFIG", "has no topic nosuchtopic")
        (tmp_path / "rtpipe.toml").write_text('[defaults]\ntable = "one"')
        answer = separately(tmp_path, "supervise", "-t", f"{topic},other", **environment_of(stack))
        refused(answer, 2, "E_SETTINGS", f"topics {topic}, other would all go to table one")


# -- status and verify -----------------------------------------------------------------------------------------------


def test_status_and_no_secret_anywhere(stack: Addresses, tmp_path: Path) -> None:
    """One partition halts, the other goes on; the password came in a file, so that no process may hold it openly."""
    with running_pipeline(stack, tmp_path, partitions=2) as pipeline:
        answer = pipeline.run("status", "--json")
        refused(answer, 4, "E_UNREACHABLE", "no supervisor runs here")
        assert json.loads(answer.stdout)["supervisors"] == []

        topic, user = pipeline.topics[0], f"c{pipeline.topics[0]}"
        pipeline.query(f"CREATE USER '{user}'@'%%' IDENTIFIED BY '{CANARY}'", *())
        pipeline.query(f"GRANT SELECT, INSERT, UPDATE ON bank.* TO '{user}'@'%%'", *())
        url = make_url(stack.database_url).set(username=user, password=CANARY).render_as_string(hide_password=False)
        secret = tmp_path / "secret"
        secret.touch(mode=0o600)
        secret.write_text(url + "\n")
        for partition in (0, 1):
            pipeline.send(topic, pipeline.body(topic, "k", 1, f"{CANARY} in a row"), partition=partition)
        files = {"RTPIPE_DATABASE_URL": "", "RTPIPE_DATABASE_URL_FILE": str(secret), "RTPIPE_LOG_LEVEL": "DEBUG"}
        supervisor = pipeline.supervise(env=files | {"RTPIPE_INFRA_DATABASE_URL": ""})
        eventually(partial(states, pipeline, {0: "running", 1: "running"}), within=60)
        eventually(pipeline.caught_up, within=30)
        pipeline.send(topic, f"{CANARY} is no Avro".encode(), partition=1)
        eventually(partial(states, pipeline, {0: "running", 1: "halted"}), within=30)

        answer = pipeline.run("status", "--json")
        assert answer.returncode == 3
        assert answer.stderr == ""
        halted = json.loads(answer.stdout)["supervisors"][0]["partitions"][1]
        assert f"{topic}/1 offset 1" in halted["reason"]
        table = pipeline.run("status")
        assert table.returncode == 3
        assert "1 of 2 running" in table.stdout
        assert "\x1b" not in table.stdout + table.stderr

        seen = "".join(table.stdout + answer.stdout + pipeline.log.read_text())
        processes = pipeline.processes()
        assert len(processes) >= 4  # supervisor, forkserver, consumer, writer
        for process in processes:
            for name in ("cmdline", "environ"):
                seen += Path(f"/proc/{process.pid}/{name}").read_bytes().decode(errors="replace")
        assert "supervise" in seen  # it did look
        assert CANARY not in seen
        [socket_file] = (tmp_path / "run").glob("*.sock") if (tmp_path / "run").exists() else [None]
        assert socket_file is None or socket_file.stat().st_mode & 0o077 == 0

        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 65
        assert separately(tmp_path, "status", RTPIPE_RUNTIME_DIR=str(tmp_path / "run")).returncode == 4


def states(pipeline: Pipeline, wanted: dict[int, str]) -> bool:
    return {p["partition"]: p["state"] for p in pipeline.status()} == wanted


def test_verify_names_what_a_hand_has_done(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, metadata=False) as pipeline:
        topic = pipeline.topics[0]
        pipeline.produce(30, keys=3)
        assert pipeline.supervise("--until-caught-up").wait(60) == 0

        def verify(*more: str) -> tuple[int, str]:
            answer = pipeline.run("verify", "-t", topic, *more)
            assert answer.stderr == ""
            assert "\x1b" not in answer.stdout
            return answer.returncode, answer.stdout

        assert verify("--values")[0] == 0
        row = "WHERE `key` = 'key-1' AND seq = 7"
        for damage, repair, counted in (
            (f"DELETE FROM `{topic}` {row}", f"INSERT INTO `{topic}` VALUES ('key-1', 7, 'x')", "29"),
            (f"INSERT INTO `{topic}` SELECT * FROM `{topic}` {row}", f"DELETE FROM `{topic}` {row} LIMIT 1", "31"),
        ):
            pipeline.query(damage)
            code, said = verify()
            assert code == 3
            assert counted in said
            assert topic in said
            code, said = verify("--values")
            assert code == 3
            assert "key-1" in said
            pipeline.query(repair)
        pipeline.query(f"UPDATE `{topic}` SET payload = 'y' {row}")
        assert verify()[0] == 0  # counts alone cannot tell
        code, said = verify("--values", "--json")
        assert code == 3
        assert json.loads(said)["ok"] is False
        assert "column payload" in said
