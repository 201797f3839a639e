"""What is measured: a shape of rows, how they are written, into which server, from how many partitions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from confluent_kafka.schema_registry import SchemaRegistryClient

from infra.stack.state import Addresses
from tests.bench.bench import Bench
from tests.bench.shapes import SHAPES, Shape, schema_file, send_long
from tests.support.stack.mysql_server import NoDebianError, cache_dir, data_dir, running_server, unpacked_server
from tests.support.stack.stack import on_mysql

SERVERS = {"mariadb": "MariaDB", "mysql": "MySQL"}
MODES = ("insert", "upsert")


@dataclass(frozen=True, slots=True)
class Case:
    """One case; its topics are three, unless it has fewer partitions."""

    shape: str = "seed"
    mode: str = "insert"
    server: str = "mariadb"
    partitions: int = 9

    @property
    def name(self) -> str:
        """For people."""
        count = f"{self.partitions} partition{'' if self.partitions == 1 else 's'}"
        return f"{self.shape} rows, {self.mode}, {SERVERS[self.server]}, {count}"

    @property
    def topics(self) -> list[str]:
        """Their names, which are those of the tables."""
        number = 1 if self.partitions % 3 else 3
        word = "dataset" if (self.shape, self.partitions) == ("seed", 9) else f"{self.shape}{self.partitions}_"
        return [f"{word}{one + 1}" for one in range(number)]

    @property
    def settings(self) -> dict[str, object]:
        """What rtpipe is told of its topics."""
        return {"mode": "upsert", "key": ["key_field1"]} if self.mode == "upsert" else {}

    def rows(self, asked: int | None) -> int:
        """How many there are, the same in each topic."""
        return (asked or SHAPES[self.shape].rows) // len(self.topics) * len(self.topics)


def suite() -> list[Case]:
    """The usual case, and each of the others that differs from it in one thing."""
    usual = Case()
    others = [replace(usual, shape=shape) for shape in SHAPES if shape != usual.shape]
    others += [replace(usual, mode="upsert"), replace(usual, server="mysql")]
    return [usual, *others, *(replace(usual, partitions=number) for number in (1, 3, 36))]


def prepare(bench: Bench, case: Case, rows: int, filled: set[str]) -> float | None:
    """Subjects, topics, empty tables, and all messages in the topics that are not in `filled` yet; the messages a
    second that `rtpipe produce` sent, if it was run.
    """
    shape, topics = SHAPES[case.shape], case.topics
    for topic in topics:
        bench.sql(f"DROP TABLE IF EXISTS bank.{topic}")
    schemas = bench.directory / "schemas.json"
    schemas.write_text(schema_file(shape, topics))
    each = str(case.partitions // len(topics))
    variables = {"RTPIPE_DEFAULTS": json.dumps(case.settings)}
    bench.rtpipe("infra", "create", "--schemas", str(schemas), "--partitions", each, variables=variables)
    missing = [topic for topic in topics if topic not in filled]
    filled.update(missing)
    return _fill(bench, shape, missing, rows // len(topics)) if missing else None


def _fill(bench: Bench, shape: Shape, topics: list[str], each: int) -> float | None:
    if not shape.own_sender:
        told = bench.rtpipe("produce", "--topics", ",".join(topics), "--count", str(each), "--seed", "1", "--json")
        return float(json.loads(told)["messages_per_second"])
    with SchemaRegistryClient({"url": bench.addresses.schema_registry_url}) as registry:
        for topic in topics:
            found = registry.get_latest_version(f"{topic}-value").schema_id
            send_long(bench.addresses.bootstrap_servers, topic, int(found or 0), shape.schema(topic), each)
    return None


@contextmanager
def on_server(server: str, addresses: Addresses) -> Iterator[Addresses]:
    """The stack with this server; SystemExit where there is no MySQL for this system."""
    if server == "mariadb":
        yield addresses
        return
    home: Path = cache_dir() / "mysql-server"
    home.mkdir(parents=True, exist_ok=True)
    try:
        root = unpacked_server(home)
    except NoDebianError as error:
        raise SystemExit(f"no MySQL server here: {error}") from error
    with data_dir(home) as data, running_server(root, data) as found:
        yield on_mysql(addresses, found)
