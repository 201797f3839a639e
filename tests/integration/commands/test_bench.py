"""`rtpipe bench` on real services: it counts, and of what it made nothing is left, also after Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import SchemaRegistryClient

from supervisor.bench.throwaway import PREFIX
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.raw_clients import connect
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.stack.state import Addresses


@pytest.fixture
def pipeline(database: Addresses, tmp_path: Path) -> Iterator[Pipeline]:
    with running_pipeline(database, tmp_path, topics=1, partitions=2) as found:
        yield found


def made(pipeline: Pipeline) -> list[str]:
    """What is there of what the command makes."""
    addresses = pipeline.addresses
    with contextlib.closing(connect(addresses.admin_database_url)) as admin, admin.cursor() as cursor:
        cursor.execute(r"SHOW DATABASES LIKE 'bench\_rtpipe\_%'")
        found = [name for (name,) in cursor.fetchall()]
    topics = AdminClient({"bootstrap.servers": addresses.bootstrap_servers}).list_topics(timeout=20).topics
    found += [name for name in topics if name.startswith(PREFIX)]
    with SchemaRegistryClient({"url": addresses.schema_registry_url}) as registry:
        return found + [name for name in registry.get_subjects(deleted=True) if name.startswith(PREFIX)]


def test_a_topic_of_theirs_is_read_and_their_table_is_not_touched(pipeline: Pipeline) -> None:
    pipeline.produce(2_000)
    topic, admin = pipeline.topics[0], {"RTPIPE_ADMIN_DATABASE_URL": pipeline.addresses.admin_database_url}
    answer = pipeline.run("bench", "--topic", topic, "--rounds", "1", "--json", env=admin)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    facts: dict[str, Any] = json.loads(answer.stdout)
    assert (facts["topic"], facts["messages"], facts["partitions"], facts["rounds"]) == (topic, 2_000, 2, 1)
    assert facts["rows_per_second"] > 0
    assert facts["bare_rows_per_second"] > 0
    assert facts["limited_by"]
    assert pipeline.query(f"SELECT COUNT(*) FROM `{topic}`") == [(0,)]
    assert pipeline.offsets(topic) == {}
    assert made(pipeline) == []
    assert "left behind" not in answer.stderr


def test_ctrl_c_leaves_nothing(pipeline: Pipeline) -> None:
    environment = pipeline.environment() | {"RTPIPE_ADMIN_DATABASE_URL": pipeline.addresses.admin_database_url}
    command = pipeline.command("bench", "--messages", "20000", "--partitions", "2", "--rounds", "99")
    with (
        pipeline.log.open("w") as log,
        subprocess.Popen(
            command, cwd=pipeline.directory, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        eventually(lambda: "round 1" in pipeline.log.read_text(), within=120, what="the first round is over")
        assert len(made(pipeline)) == 3
        os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to everybody
        assert process.wait(60) == 130, pipeline.log.read_text()
    assert made(pipeline) == []
    assert pipeline.processes() == []
    assert "left behind" not in pipeline.log.read_text()


def test_an_account_that_may_make_no_database_is_told_what_it_needs(pipeline: Pipeline) -> None:
    answer = pipeline.run("bench", env={"RTPIPE_INFRA_DATABASE_URL": pipeline.addresses.database_url})
    assert answer.returncode == 77, answer.stdout + answer.stderr
    assert r"GRANT ALL ON `bench\_rtpipe\_%`.* TO 'consumer'@'%'" in answer.stderr
    assert made(pipeline) == []
