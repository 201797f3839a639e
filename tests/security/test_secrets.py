"""Passwords and the values of rows: in no argument, environment, log, error or status, whatever goes wrong."""

from __future__ import annotations

import contextlib
import json
import signal
import uuid
from typing import TYPE_CHECKING

import psutil
from sqlalchemy.engine import make_url

from tests.support.faults.fault_run import all_run, nobody_left
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.waits import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses

PASSWORD, VALUE = "canary-password", "canary-value"


def account(pipeline: Pipeline, directory: Path) -> dict[str, str]:
    """A consumer account with a password of its own, given in a file that the owner alone can read."""
    user = f"u{uuid.uuid4().hex[:10]}"
    pipeline.query(f"CREATE USER '{user}'@'%' IDENTIFIED BY '{PASSWORD}'")
    pipeline.query(f"GRANT SELECT, INSERT, UPDATE ON bank.kafka_offsets TO '{user}'@'%'")
    pipeline.query(f"GRANT SELECT, INSERT ON bank.`{pipeline.topics[0]}` TO '{user}'@'%'")
    url = make_url(pipeline.addresses.database_url).set(username=user, password=PASSWORD)
    secret = directory / "database_url"
    secret.touch(0o600)
    secret.write_text(url.render_as_string(hide_password=False))
    return {"RTPIPE_DATABASE_URL_FILE": str(secret), "RTPIPE_DATABASE_URL": "", "RTPIPE_LOG_LEVEL": "DEBUG"}


def test_no_secret_in_any_process_and_no_value_in_any_log(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=4) as pipeline:
        topic, said = pipeline.topics[0], []
        env = account(pipeline, tmp_path)
        pipeline.query(f"ALTER TABLE `{topic}` ADD CONSTRAINT `{topic}_c` CHECK (seq < 100)")
        supervisor = pipeline.supervise(env=env)
        all_run(pipeline)
        pipeline.send(topic, pipeline.body(topic, VALUE, 1, VALUE), partition=0)
        pipeline.send(topic, pipeline.body(topic, VALUE, 100, VALUE), partition=0)  # refused by the server
        pipeline.send(topic, pipeline.body(topic, VALUE * 9, 2, VALUE), partition=1)  # too long for its column
        pipeline.send(topic, VALUE.encode(), partition=2)  # no Avro
        eventually(lambda: len(pipeline.events("worker_halted")) == 3, within=60, what="three partitions halt")
        for process in psutil.process_iter(["cmdline"]):
            assert PASSWORD not in " ".join(process.info["cmdline"] or [])
        for process in pipeline.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                assert PASSWORD not in json.dumps(process.environ())
                settings = [name for name in process.environ() if name.startswith("RTPIPE_")]
                assert process.pid == supervisor.pid or not settings
        said += [json.dumps(pipeline.status())]
        for command in (("status",), ("status", "--json"), ("offsets", "list"), ("verify", "--values", "-t", topic)):
            answer = pipeline.run(*command, env=env)
            said += [answer.stdout, answer.stderr]
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 65
        nobody_left(pipeline)
        wrong = {"RTPIPE_DATABASE_URL": make_url(stack.database_url).set(password=f"{PASSWORD}-wrong")
                 .render_as_string(hide_password=False)}  # fmt: skip
        for refused in (("supervise", "-t", topic, "--until-caught-up"), ("offsets", "list")):
            answer = pipeline.run(*refused, env=wrong)
            assert answer.returncode == 77, answer
            said += [answer.stdout, answer.stderr]
        said.append(pipeline.log.read_text())
        assert "E_DATA" in said[-1]
        for text in said:
            assert PASSWORD not in text
            assert VALUE not in text
