"""Harder streams against a clean one, in interleaved rounds: poison in it, two versions of a schema in it.

`poison`: of each kind one message in 10,000. `mixed`: two versions alternate, the second has a column more, which
rtpipe adds when it first meets it. Each round checks that rows and dead letters are what was sent.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from rich.console import Console

from infra.stack import embedded_stack
from infra.stack.state import Addresses
from tests.bench.bench import Bench

PARTITIONS = 3
STREAMS = ("clean", "poison", "mixed")
EVERY = 10_000
FIELDS = {"word": "string(64)", "moment": "long", "ratio": "double", "text": "string", "day": "date"}
Encode = Callable[..., bytes]


def encoder(schema: dict[str, Any], schema_id: int) -> Encode:
    """Values of the first fields by name -> a message."""
    fields = [{"name": one["name"], "type": "int" if one["name"] == "day" else one["type"]} for one in schema["fields"]]
    plain = fastavro.parse_schema(schema | {"fields": fields})

    def encode(**changed: Any) -> bytes:
        out = io.BytesIO(b"\0" + struct.pack(">I", schema_id))
        out.seek(5)
        record = {"word": "abcdef", "moment": 1_679_818_410_755, "ratio": 0.718, "text": "ghijkl", "day": 19_000}
        fastavro.schemaless_writer(out, plain, record | changed)
        return out.getvalue()

    return encode


def poison(encode: Encode) -> list[bytes | None]:
    """One of each kind."""
    good = encode()
    return [
        b"no wire format",
        b"\0" + struct.pack(">I", 2_000_000_000) + good[5:],
        good[:-3],
        good + b"more",
        encode(word="x" * 65),
        encode(ratio=float("nan")),
        encode(day=10**9),
        encode(word="refused"),  # by a CHECK that only the server knows
        None,
    ]


def messages(stream: str, count: int, old: Encode, new: Encode) -> Iterator[bytes | None]:
    """What the topic of this stream holds."""
    good, newer, bad = old(), new(note="a note"), poison(old)
    for number in range(count):
        place = number % EVERY
        if stream == "poison" and place % (EVERY // len(bad)) == 0 and place // (EVERY // len(bad)) < len(bad):
            yield bad[place // (EVERY // len(bad))]
        else:
            yield newer if stream == "mixed" and number % 2 else good


def fill(bench: Bench, addresses: Addresses, count: int) -> dict[str, int]:
    """Topics, tables, messages; how many of each stream are poison."""
    schemas = bench.directory / "schema_before.json"
    schemas.write_text(json.dumps([{"name": name, "fields": FIELDS} for name in STREAMS]))
    bench.rtpipe("infra", "create", "--schemas", str(schemas), "--partitions", str(PARTITIONS))
    producer = Producer({"bootstrap.servers": addresses.bootstrap_servers, "linger.ms": 20})
    counted = {}
    with SchemaRegistryClient({"url": addresses.schema_registry_url}) as registry:
        for stream in STREAMS:
            schema = json.loads(str(registry.get_latest_version(f"{stream}-value").schema.schema_str))
            newer = schema | {
                "fields": [*schema["fields"], {"name": "note", "type": ["null", "string"], "default": None}]
            }
            old_id = registry.register_schema(f"{stream}-value", Schema(json.dumps(schema), "AVRO"))
            new_id = registry.register_schema(f"{stream}-value", Schema(json.dumps(newer), "AVRO"))
            old, new = encoder(schema, old_id), encoder(newer, new_id)
            bad = set(poison(old))
            counted[stream] = 0
            for number, value in enumerate(messages(stream, count, old, new)):
                producer.produce(stream, value, str(number), partition=number % PARTITIONS)
                counted[stream] += value in bad
                if number % 1_000 == 0:
                    producer.poll(0)
                    while len(producer) > 50_000:
                        producer.poll(0.05)
            producer.flush(120)
    bench.sql("ALTER TABLE bank.poison ADD CONSTRAINT kept CHECK (word <> 'refused')")
    return counted


def main() -> None:
    """Run the rounds and print each stream's rate and its ratio to the clean one."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.streams", description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    console = Console(highlight=False)
    rates: dict[str, list[float]] = {stream: [] for stream in STREAMS}
    with tempfile.TemporaryDirectory(prefix="rtpipe-bench-") as name:
        stack = Path(name) / "stack"
        try:
            addresses = embedded_stack.up(stack, console=Console(stderr=True))
            bench, rows = Bench(Path(name), addresses), options.rows
            counted = fill(bench, addresses, rows)
            for number in range(options.rounds):
                for stream in STREAMS:
                    command = [sys.executable, "-m", "rtpipe", "supervise", "-t", stream, "--log-format", "json"]
                    result = bench.run(command, topics=(stream,), rows=rows)
                    bench.check((stream,), rows=rows - counted[stream], dead=counted[stream])
                    rates[stream].append(result.steady)
                    console.print(f"round {number + 1}  {stream:<6}  {result.steady:>9,.0f} rows/s steady")
        finally:
            embedded_stack.down(stack, purge=True, console=Console(quiet=True))
    clean = statistics.median(rates["clean"])
    for stream, found in rates.items():
        console.print(
            f"{stream:<6}  {statistics.median(found):>9,.0f} rows/s, {statistics.median(found) / clean:.2f} of clean"
        )


if __name__ == "__main__":
    main()
