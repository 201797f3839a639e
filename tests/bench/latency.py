"""How long a message takes until its row is committed, and what that costs, at a steady rate far below the limit.

A producer sends single messages in turn to 3 topics x 3 partitions. The offsets in the database tell when each of them
is there: they are looked at every few milliseconds, which is the resolution. With `--against`, another checkout takes
turns with this one on the same stack; figures drift with the machine, the ratios of one run are the point.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import make_url

from infra.stack import embedded_stack
from infra.stack.state import Addresses
from supervisor.bench.processes import Watched, cpu
from tests.bench.bench import ROOT, RTPIPE, Bench
from tests.bench.streams import encoder

TOPICS, PARTITIONS = ("dataset1", "dataset2", "dataset3"), 3
Where = tuple[str, int]
_LOOK_EVERY = 0.003
_FIELDS = {"word": "string(64)", "moment": "long", "ratio": "double", "text": "string", "day": "date"}


@dataclass
class Sent:
    """When each message was handed to the producer: for each partition, by offset."""

    moments: dict[Where, list[float]] = field(
        default_factory=lambda: {(topic, partition): [] for topic in TOPICS for partition in range(PARTITIONS)}
    )


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one run: milliseconds, commits a second, and how many cores were busy with rtpipe and with the database."""

    p50: float
    p99: float
    worst: float
    commits: float
    cores: float
    database_cores: float


@dataclass(frozen=True, slots=True)
class Spent:
    """At a moment: commits of the database so far, and seconds of CPU of rtpipe and of the database."""

    moment: float
    commits: float
    cpu: float
    database_cpu: float

    @classmethod
    def by_now(cls, bench: Bench, watched: Watched) -> Spent:
        """Of the supervisor that is watched, and of all its processes."""
        return cls(time.monotonic(), bench.commits(), _cpu(watched), bench.database_cpu())


def send(addresses: Addresses, values: dict[str, bytes], sent: Sent, rate: int, seconds: float) -> None:
    """A message every 1/rate seconds; returns once the broker has them all."""
    producer = Producer({"bootstrap.servers": addresses.bootstrap_servers, "linger.ms": 0, "enable.idempotence": True})
    turns = itertools.cycle(sent.moments)
    began = time.monotonic()
    for number in range(int(rate * seconds)):
        while (early := began + number / rate - time.monotonic()) > 0:
            time.sleep(early)
        topic, partition = next(turns)
        sent.moments[topic, partition].append(time.monotonic())
        producer.produce(topic, values[topic], partition=partition)
        producer.poll(0)
    producer.flush(60)


def look(
    addresses: Addresses, sent: Sent, reached: dict[Where, int], done: threading.Event
) -> list[tuple[float, float]]:
    """For each message from the offsets `reached` on when it was sent, and how many seconds later it was committed."""
    where = make_url(addresses.admin_database_url)
    connection: pymysql.Connection[Any] = pymysql.connect(
        host=where.host or "", port=where.port or 0, user=where.username, password=str(where.password), autocommit=True
    )
    found = []
    with connection, connection.cursor() as cursor:
        while not (done.is_set() and all(reached[one] == len(moments) for one, moments in sent.moments.items())):
            cursor.execute("SELECT topic, `partition`, `offset` FROM bank.kafka_offsets")
            now = time.monotonic()
            for topic, partition, offset in cursor.fetchall():
                moments = sent.moments[topic, partition]
                found += [(moment, now - moment) for moment in moments[reached[topic, partition] : offset]]
                reached[topic, partition] = max(reached[topic, partition], min(offset, len(moments)))
            time.sleep(_LOOK_EVERY)
    return found


def measure(bench: Bench, root: Path, values: dict[str, bytes], sent: Sent, options: argparse.Namespace) -> Figures:
    """One run of the rtpipe in `root`: what the messages after the first seconds took."""
    command = [*RTPIPE, "supervise", "-t", ",".join(TOPICS), "--log-format", "json"]
    epochs = "SELECT COALESCE(SUM(epoch), 0) FROM bank.kafka_offsets"
    before = bench.sql(epochs)
    with bench.process(command, {"PYTHONPATH": str(root)}) as process:
        watched = Watched(process, bench.services)
        while bench.sql(epochs) < before + len(sent.moments):  # all partitions are claimed, by this run
            time.sleep(0.1)
        done, reached = threading.Event(), {one: len(moments) for one, moments in sent.moments.items()}
        spent: list[Spent] = []

        def produce() -> None:
            send(bench.addresses, values, sent, options.rate, options.warm_up)
            spent.append(Spent.by_now(bench, watched))
            send(bench.addresses, values, sent, options.rate, options.seconds - options.warm_up)
            spent.append(Spent.by_now(bench, watched))
            done.set()

        work = threading.Thread(target=produce)
        work.start()
        found = look(bench.addresses, sent, reached, done)
        work.join()
    began, ended = spent
    took = ended.moment - began.moment
    commits, cores = (ended.commits - began.commits) / took, (ended.cpu - began.cpu) / took
    database_cores = (ended.database_cpu - began.database_cpu) / took
    late = sorted(seconds * 1000 for moment, seconds in found if moment >= began.moment)
    return Figures(late[len(late) // 2], late[len(late) * 99 // 100], late[-1], commits, cores, database_cores)


def _cpu(watched: Watched) -> float:
    """CPU seconds of rtpipe so far."""
    return sum(cpu(found) for found in watched.own().values())


def fill(bench: Bench) -> dict[str, bytes]:
    """Topics and tables; a message for each topic."""
    schemas = bench.directory / "schema_before.json"
    schemas.write_text(json.dumps([{"name": name, "fields": _FIELDS} for name in TOPICS]))
    bench.rtpipe("infra", "create", "--schemas", str(schemas), "--partitions", str(PARTITIONS))
    values = {}
    with SchemaRegistryClient({"url": bench.addresses.schema_registry_url}) as registry:
        for topic in TOPICS:
            latest = registry.get_latest_version(f"{topic}-value")
            values[topic] = encoder(json.loads(str(latest.schema.schema_str)), int(latest.schema_id or 0))()
    return values


def main() -> None:
    """Run the rounds and print them and their medians."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.latency", description=__doc__)
    parser.add_argument("--rate", type=int, default=1_000, help="messages a second")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--warm-up", type=float, default=3, help="first seconds, which are not counted")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="another checkout of the project, run in turns with this one")
    options = parser.parse_args()
    console = Console(highlight=False)
    roots = {"this": ROOT} | ({"other": options.against.resolve()} if options.against else {})
    results: dict[str, list[Figures]] = {name: [] for name in roots}
    with tempfile.TemporaryDirectory(prefix="rtpipe-bench-") as name:
        stack = Path(name) / "stack"
        try:
            bench = Bench(Path(name), embedded_stack.up(stack, console=Console(stderr=True)))
            values, sent = fill(bench), Sent()
            for number in range(options.rounds):
                for which, root in roots.items():
                    figures = measure(bench, root, values, sent, options)
                    results[which].append(figures)
                    console.print(
                        f"round {number + 1}  {which:<5}  p50 {figures.p50:,.0f} ms  p99 {figures.p99:,.0f} ms"
                    )
        finally:
            embedded_stack.down(stack, purge=True, console=Console(quiet=True))
    console.print(_table(results, options.rate))


def _table(results: dict[str, list[Figures]], rate: int) -> Table:
    table = Table(title=f"{rate:,} messages a second over {len(TOPICS) * PARTITIONS} partitions, medians", box=None)
    for title in ("", "p50 ms", "p99 ms", "worst ms", "commits/s", "cores, rtpipe", "cores, database"):
        table.add_column(title, justify="right" if title else "left")
    for which, found in results.items():
        middle = {
            name: statistics.median(getattr(one, name) for one in found)
            for name in ("p50", "p99", "worst", "commits", "cores", "database_cores")
        }
        table.add_row(
            which,
            *(f"{middle[name]:,.0f}" for name in ("p50", "p99", "worst", "commits")),
            *(f"{middle[name]:.2f}" for name in ("cores", "database_cores")),
        )
    return table


if __name__ == "__main__":
    main()
