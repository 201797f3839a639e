"""What `rtpipe bench` takes from the settings of a user, and what it asks of the user's services."""

from __future__ import annotations

import json
import socket
from typing import Any

import psutil
from sqlalchemy import URL

from rtpipe.errors import SettingsError
from supervisor.bench.processes import listeners
from supervisor.kafka.cluster_view import ClusterView
from supervisor.settings.settings import Settings, as_environment

_KAFKA_PORT, _DATABASE_PORT = 9092, 3306
#: Of the defaults, what a topic that is made for the measurement takes, too.
_PLAIN = ("batch_rows", "batch_bytes", "linger_ms", "queue_batches", "load_data")
_SAMPLE: tuple[tuple[str, Any], ...] = (
    ("key", "string"),
    ("number", "long"),
    ("share", "double"),
    ("text", "string"),
    ("at", {"type": "long", "logicalType": "timestamp-micros"}),
)


def sample_schema(name: str) -> dict[str, Any]:
    """The Avro schema of a topic that is made for the measurement."""
    return {"type": "record", "name": name, "fields": [{"name": field, "type": kind} for field, kind in _SAMPLE]}


def environment(settings: Settings, where: URL, topic: str) -> dict[str, str]:
    """Variables for rtpipe's commands: the user's services, but for the database, which is `where`; and the settings
    of `topic`, but for the names of its table and group. "": those of no topic.
    """
    chosen = settings.topic(topic).model_dump(mode="json") if topic else settings.defaults.model_dump(mode="json")
    chosen |= {"table": None, "group": None, "shared_table": False}
    variables = {name: value for name, value in as_environment(settings).items() if "DATABASE" not in name}
    return variables | {
        "RTPIPE_DATABASE_URL": where.render_as_string(hide_password=False),
        "RTPIPE_DEFAULTS": json.dumps(chosen if topic else {name: chosen[name] for name in _PLAIN}),
    }


def log_of(settings: Settings, topic: str) -> tuple[dict[int, int], int]:
    """Where each partition begins, and how many offsets there are. SettingsError if there are none."""
    view = ClusterView(settings.librdkafka())
    keys = view.topics([topic])[0].partitions
    begins, ends = view.log_begins(keys).known, view.log_ends(keys).known
    available = sum(ends[key] - begins[key] for key in keys if key in ends and key in begins)
    if not available:
        raise SettingsError(f"topic {topic} has no messages to measure with", hint="leave --topic out")
    return {key.partition: begins.get(key, 0) for key in keys}, available


def services(settings: Settings, where: URL) -> dict[str, list[psutil.Process]]:
    """The processes of database and broker, as far as they are on this machine and of this user."""
    host, _, port = settings.bootstrap_servers.split(",")[0].strip().rpartition(":")
    return {
        "database": _local(where.host or "localhost", where.port or _DATABASE_PORT),
        "broker": _local(host, int(port) if port.isdigit() else _KAFKA_PORT),
    }


def _local(host: str, port: int) -> list[psutil.Process]:
    try:
        address = socket.gethostbyname(host)
    except OSError:
        return []
    return listeners(port) if address.startswith("127.") else []
