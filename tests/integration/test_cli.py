"""The commands as people meet them: help worth reading, errors that say what to do, and no secret anywhere."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from sqlalchemy.engine import make_url

from supervisor.cli import app
from tests.pipeline import Pipeline, running_pipeline
from tests.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.stack_state import Addresses

CANARY = "hunter2-canary"
TYPES_FILE = '[{"name": "d1", "fields": {"a": %s}}]'


def rtpipe(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command, off a terminal, as `python -m supervisor` would be by hand."""
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


def refused(answer: subprocess.CompletedProcess[str], code: int, name: str, *words: str) -> None:
    """The shape of every error: one line that names it, what to do, nothing on stdout, no secret, no traceback."""
    said = answer.stderr
    assert answer.returncode == code, said
    errors = [line for line in said.splitlines() if line.startswith("error ")]
    assert len(errors) == 1, said
    assert re.match(rf"error {name}  \S", errors[0]), said
    assert len([line for line in said.splitlines() if line.startswith("  what to do  ")]) == 1, said
    for word in words:
        assert word in said
    for unwanted in (CANARY, "Traceback", "\x1b", "FAIL [", "this is a bug"):
        assert unwanted not in said + answer.stdout
    assert answer.stdout == "" or json.loads(answer.stdout)


def environment_of(stack: Addresses, **changed: str) -> dict[str, str]:
    return {
        "RTPIPE_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "RTPIPE_SCHEMA_REGISTRY_URL": stack.schema_registry_url,
        "RTPIPE_DATABASE_URL": stack.database_url,
        "RTPIPE_INFRA_DATABASE_URL": stack.infra_database_url,
    } | changed


def commands(group: Any, *path: str) -> list[tuple[str, ...]]:
    """Every command and group, by its words."""
    found = [path]
    for name, command in group.commands.items():
        found += commands(command, *path, name) if hasattr(command, "commands") else [(*path, name)]
    return found


ROOT: Any = typer.main.get_command(app)


@pytest.mark.parametrize("words", commands(ROOT), ids=lambda words: " ".join(words) or "rtpipe")
def test_help(tmp_path: Path, words: tuple[str, ...]) -> None:
    answer = rtpipe(tmp_path, *words, "--help")
    assert answer.returncode == 0
    assert answer.stderr == ""
    assert f"Usage: {' '.join(('rtpipe', *words))}" in answer.stdout.replace("python -m supervisor", "rtpipe")
    assert "\x1b" not in answer.stdout
    assert max(map(len, answer.stdout.splitlines())) <= 100
    group = ROOT
    for word in words:
        group = group.commands[word]
    if not hasattr(group, "commands"):
        assert re.search(r"Examples?:\s+rtpipe \S", answer.stdout), "no example"


# -- settings --------------------------------------------------------------------------------------------------------

SECRET_URL = f"mysql+pymysql://u:{CANARY}@h:3306/bank"


@pytest.mark.parametrize(
    ("environment", "toml", "said"),
    [
        ({}, "", "RTPIPE_BOOTSTRAP_SERVERS"),
        ({"RTPIPE_DATABASE_URL": f"postgres://u:{CANARY}@h/db"}, "", "takes mysql+pymysql://"),
        ({"RTPIPE_DATABASE_URL": f"mysql+pymysql://u:p@h:{CANARY}/db"}, "", "takes mysql+pymysql://"),
        ({"RTPIPE_DATABASE_URL": CANARY}, "", "takes mysql+pymysql://"),
        ({"RTPIPE_DATABASE_URL_FILE": "nowhere"}, "", "No such file"),
        ({"RTPIPE_BOOTSTRAP_SERVERS": "http://h:1"}, "", "takes host:port"),
        ({"RTPIPE_SCHEMA_REGISTRY_URL": f"ftp://u:{CANARY}@h"}, "", "http:// or https://"),
        ({"RTPIPE_DRAIN_SECONDS": "soon"}, "", "drain_seconds"),
        ({"RTPIPE_LOG_LEVEL": "LOUD"}, "", "log_level"),
        ({"RTPIPE_KAFKA": CANARY}, "", "RTPIPE_KAFKA: takes JSON"),
        ({"RTPIPE_TOPICS": "orders"}, "", "RTPIPE_TOPICS: takes JSON"),
        ({"RTPIPE_CONFIG": "nowhere.toml"}, "", "nowhere.toml"),
        ({}, f'database_url = "{SECRET_URL}', "not valid TOML"),
        ({}, f'databse_url = "{SECRET_URL}"', "did you mean database_url?"),
        ({}, "[defaults]\nbatch_row = 5", "did you mean batch_rows?"),
        ({}, "[defaults]\nbatch_rows = 0", "greater than or equal to 1"),
        ({}, '[[topics]]\nmatch = "("', "not a regular expression"),
        ({}, '[[topics]]\ntable = "t"', "match"),
        ({}, "[defaults]\non_error = 'hope'", "stop"),
        ({}, '[defaults]\nmetadata_columns = ["_kafka_offset"]', "go together"),
    ],
)
def test_settings(tmp_path: Path, environment: dict[str, str], toml: str, said: str) -> None:
    (tmp_path / "rtpipe.toml").write_text(toml)
    refused(rtpipe(tmp_path, "supervise", "-t", "a,b", **environment), 2, "E_SETTINGS", said)


def test_what_the_command_line_gets_wrong(tmp_path: Path) -> None:
    for arguments, said in (
        (("supervise", "--nosuch"), "--nosuch"),
        (("supervise",), "--topics"),
        (("nosuch",), "nosuch"),
        (("produce", "-t", "a", "--count", "many"), "--count"),
    ):
        answer = rtpipe(tmp_path, *arguments)
        assert answer.returncode == 2
        assert said in answer.stderr
        assert answer.stdout == ""
        assert "Traceback" not in answer.stderr
        assert "\x1b" not in answer.stderr
    refused(rtpipe(tmp_path, "supervise", "-t", " , "), 2, "E_SETTINGS", "no topic given")
    refused(rtpipe(tmp_path, "supervise", "-t", "a,b", "-t", "a"), 2, "E_SETTINGS", "topic named twice: a")


# -- schema files ----------------------------------------------------------------------------------------------------

BAD_FILES = {
    "not JSON": ("[{", "line 1"),
    "no array": ('{"name": "d1"}', "array"),
    "empty": ("[]", "array"),
    "no name": ('[{"fields": {"a": "int"}}]', "name is missing"),
    "no fields": ('[{"name": "d1"}]', "`fields` is missing"),
    "unknown type": (TYPES_FILE % '"strin"', "did you mean 'string'"),
    "no type word": (TYPES_FILE % "7", "a number"),
    "too long": (TYPES_FILE % '"string(0)"', "from 1 to"),
    "twice": ('[{"name": "d1", "fields": {"a": "int"}}, {"name": "d1", "fields": {"a": "int"}}]', "there twice"),
    "field twice": ('[{"name": "d1", "fields": {"a": "int", "a": "int"}}]', "there twice"),
    "bad table name": ('[{"name": "a b", "fields": {"a": "int"}}]', "cannot be a name"),
    "our own table": ('[{"name": "kafka_offsets", "fields": {"a": "int"}}]', "rtpipe's own"),
}


@pytest.mark.parametrize(("text", "said"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_schema_files(tmp_path: Path, stack: Addresses, text: str, said: str) -> None:
    file = tmp_path / "schema_before.json"
    file.write_text(text)
    refused(rtpipe(tmp_path, "schema", "check", str(file), "--json"), 5, "E_SCHEMA", str(file), said)
    refused(rtpipe(tmp_path, "schema", "convert", str(file)), 5, "E_SCHEMA", said)
    if text in {BAD_FILES["unknown type"][0], BAD_FILES["not JSON"][0]}:  # the same reader: once each is enough
        answer = rtpipe(tmp_path, "infra", "create", "--schemas", str(file), "--json", **environment_of(stack))
        refused(answer, 5, "E_SCHEMA", said)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_schema_file_that_is_not_there(tmp_path: Path) -> None:
    refused(rtpipe(tmp_path, "schema", "check", "nowhere.json"), 2, "E_SETTINGS", "nowhere.json: No such file")


# -- services --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dead_port() -> Iterator[int]:
    """A port that nobody else gets and nobody listens on."""
    with contextlib.closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_services_that_do_not_answer(stack: Addresses, tmp_path: Path, dead_port: int) -> None:
    (tmp_path / "s.json").write_text(TYPES_FILE % '"int"')
    create: tuple[str, ...] = ("infra", "create", "--schemas", "s.json", "--json")
    broker = environment_of(stack, RTPIPE_BOOTSTRAP_SERVERS=f"127.0.0.1:{dead_port}")
    registry = environment_of(stack, RTPIPE_SCHEMA_REGISTRY_URL=f"http://u:{CANARY}@127.0.0.1:{dead_port}")
    where = make_url(stack.database_url)
    gone = where.set(port=dead_port, password=CANARY).render_as_string(hide_password=False)
    wrong = where.set(password=CANARY).render_as_string(hide_password=False)
    database = environment_of(stack, RTPIPE_DATABASE_URL=gone, RTPIPE_INFRA_DATABASE_URL=gone)
    password = environment_of(stack, RTPIPE_DATABASE_URL=wrong, RTPIPE_INFRA_DATABASE_URL=wrong)
    with running_pipeline(stack, tmp_path, partitions=1) as pipeline:
        topic = pipeline.topics[0]
        verify: tuple[str, ...] = ("verify", "-t", topic, "--json")
        for command in (create, verify):
            refused(rtpipe(tmp_path, *command, **broker), 4, "E_UNREACHABLE", f"127.0.0.1:{dead_port}")
            refused(rtpipe(tmp_path, *command, **database), 4, "E_UNREACHABLE", f"127.0.0.1:{dead_port}")
            refused(rtpipe(tmp_path, *command, **password), 77, "E_AUTH")
        produce = ("produce", "-t", topic, "--count", "1", "--json")
        for command in (create, produce):
            refused(rtpipe(tmp_path, *command, **registry), 4, "E_UNREACHABLE", f"127.0.0.1:{dead_port}")
        refused(
            rtpipe(tmp_path, *produce, "--key", "nosuch", **environment_of(stack)), 2, "E_SETTINGS", "no such field"
        )
        for words in (("produce", "--count", "1"), ("verify",)):
            answer = rtpipe(tmp_path, *words, "-t", "nosuchtopic", "--json", **environment_of(stack))
            refused(answer, 2, "E_SETTINGS", "topic nosuchtopic does not exist")
        answer = rtpipe(tmp_path, "supervise", "-t", "nosuchtopic", **environment_of(stack))
        refused(answer, 78, "E_CONFIG", "has no topic nosuchtopic")
        (tmp_path / "rtpipe.toml").write_text('[defaults]\ntable = "one"')
        answer = rtpipe(tmp_path, "supervise", "-t", f"{topic},other", **environment_of(stack))
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
        assert rtpipe(tmp_path, "status", RTPIPE_RUNTIME_DIR=str(tmp_path / "run")).returncode == 4


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
