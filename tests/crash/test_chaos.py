"""`rtpipe chaos`, of one supervisor and of three that share the partitions, counted by others' clients than its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.support.faults.tally import TALLY
from tests.support.pipeline.parts.commands import ROOT
from tests.support.pipeline.raw_clients import connect, watermarks_of

if TYPE_CHECKING:
    from infra.stack.state import Addresses


def test_a_minute_of_chaos(stack: Addresses, tmp_path: Path) -> None:
    """F40: `rtpipe chaos` as users run it, and every message compared once more by raw clients."""
    report = chaos(stack, tmp_path, 3, "--duration", "60", "--rate", "1000")
    assert report["faults"] >= 5
    assert report["rows"] > 20_000


@pytest.mark.faults
def test_chaos_of_three_hosts(stack: Addresses, tmp_path: Path) -> None:
    """F6, F8, F40: whole hosts and members are killed and frozen, too."""
    report = chaos(stack, tmp_path, 6, "--duration", "180", "--rate", "500", "--hosts", "3")
    assert report["faults"] >= 5
    assert report["rows"] > 20_000


def chaos(stack: Addresses, directory: Path, partitions: int, *options: str) -> Any:
    """What it reports; every message is compared once more."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RTPIPE_")} | {
        "PYTHONPATH": str(ROOT),
        "RTPIPE_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "RTPIPE_SCHEMA_REGISTRY_URL": stack.schema_registry_url,
        "RTPIPE_DATABASE_URL": stack.database_url,
        "RTPIPE_INFRA_DATABASE_URL": stack.infra_database_url,
        "RTPIPE_ADMIN_DATABASE_URL": stack.admin_database_url,
    }
    command = [sys.executable, "-m", "rtpipe", "chaos", "--partitions", str(partitions), "--json", *options]
    done = subprocess.run(command, check=False, cwd=directory, env=environment, capture_output=True, text=True)
    print(done.stderr)
    assert done.returncode == 0, done.stderr[-4_000:]
    report = json.loads(done.stdout)
    found = re.search(r"topic and table (\w+)", done.stderr)
    assert found
    topic = found[1]
    TALLY.hit(report["faults"])
    consumer = Consumer({"bootstrap.servers": stack.bootstrap_servers, "group.id": "counter"})
    try:
        ends = [watermarks_of(consumer, TopicPartition(topic, number))[1] for number in range(partitions)]
    finally:
        consumer.close()
    with connect(stack.admin_database_url, "bank") as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT _kafka_partition, _kafka_offset FROM {topic}")
        TALLY.compare(((number, offset) for number, end in enumerate(ends) for offset in range(end)), cursor.fetchall())
        cursor.execute("SELECT `offset` FROM kafka_offsets WHERE topic = %s ORDER BY `partition`", (topic,))
        assert [offset for (offset,) in cursor.fetchall()] == ends
    return report
