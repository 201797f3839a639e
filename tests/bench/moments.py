"""How long it takes until the first commit after a start, and until a partition commits again after a kill -9; and what
rtpipe costs while nothing happens.

The kills hit consumers and writers in turns, while 1,000 messages a second come. Rest is measured with as many
partitions as asked for, whose topics hold no message.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from infra.stack import embedded_stack
from supervisor.bench.processes import Watched, cpu
from tests.bench.bench import RTPIPE, Bench
from tests.bench.latency import TOPICS, Sent, fill, send

_LOOK_EVERY = 0.005
_LONGEST = 120.0
_OFFSET = "SELECT `offset` FROM bank.kafka_offsets WHERE topic = '{topic}' AND `partition` = {partition}"
_CLAIMED = "SELECT COUNT(*) FROM bank.kafka_offsets WHERE epoch > {epoch}"
#: Processes that a kill may hit: the key of its number in the status.
_KILLED = {"consumer": "pid", "writer": "writer_pid"}


@dataclass
class Moments:
    """Seconds, by what was waited for."""

    found: dict[str, list[float]] = field(default_factory=dict)

    def add(self, what: str, seconds: float) -> None:
        """One more."""
        self.found.setdefault(what, []).append(seconds)

    def show(self, console: Console) -> None:
        """Median, least and most of each."""
        for what, some in self.found.items():
            middle = statistics.median(some)
            console.print(f"{what:<40} {middle:6.2f} s  ({min(some):.2f} to {max(some):.2f}, {len(some)} times)")


def _until(read: Callable[[], int], least: int) -> float:
    """Seconds until so much is read; SystemExit if it never is."""
    began = time.monotonic()
    while read() < least:
        if time.monotonic() - began > _LONGEST:
            raise SystemExit("waited too long; the log of rtpipe may say why")
        time.sleep(_LOOK_EVERY)
    return time.monotonic() - began


def _number(bench: Bench, statement: str) -> int:
    return int(bench.sql(statement))


def _command(topics: Sequence[str]) -> list[str]:
    return [*RTPIPE, "supervise", "-t", ",".join(topics), "--log-format", "json"]


def starts(bench: Bench, values: dict[str, bytes], rounds: int, moments: Moments) -> None:
    """A message waits in each partition."""
    for _ in range(rounds):
        sent = Sent()
        send(bench.addresses, values, sent, 1_000, len(sent.moments) / 1_000)
        before = bench.consumed()
        with bench.process(_command(TOPICS)):
            moments.add("start to first commit", _until(bench.consumed, before + 1))
            moments.add("start to all committed", _until(bench.consumed, before + len(sent.moments)))


def kills(bench: Bench, values: dict[str, bytes], rounds: int, moments: Moments) -> None:
    """Each hits another partition, so that no back-off grows."""
    epoch = int(bench.sql("SELECT COALESCE(MAX(epoch), 0) FROM bank.kafka_offsets"))
    with bench.process(_command(TOPICS)):
        _until(partial(_number, bench, _CLAIMED.format(epoch=epoch)), len(Sent().moments))
        ended = threading.Event()

        def produce() -> None:
            while not ended.is_set():
                send(bench.addresses, values, Sent(), 1_000, 1.0)

        work = threading.Thread(target=produce)
        work.start()
        try:
            for number in range(rounds):
                time.sleep(2 + random.random())
                killed = list(_KILLED)[number % len(_KILLED)]
                partition = random.choice(_partitions(bench))
                offset = _OFFSET.format(topic=partition["topic"], partition=partition["partition"])
                os.kill(partition[_KILLED[killed]], signal.SIGKILL)
                read = partial(_number, bench, offset)
                moments.add(f"kill -9 of a {killed} to next commit", _until(read, read() + 1))
        finally:
            ended.set()
            work.join()


def _partitions(bench: Bench) -> list[dict[str, Any]]:
    done = subprocess.run(
        [*RTPIPE, "status", "--json"], env=bench.environment, cwd=bench.directory, capture_output=True, check=False
    )
    supervisors = json.loads(done.stdout)["supervisors"]
    return [one for supervisor in supervisors for one in supervisor["partitions"] if one["state"] == "running"]


def rest(bench: Bench, partitions: int, seconds: float, moments: Moments, console: Console) -> None:
    """Nothing comes."""
    schemas = bench.directory / "schema_before.json"
    schemas.write_text(json.dumps([{"name": "resting", "fields": {"word": "string(64)"}}]))
    bench.rtpipe("infra", "create", "--schemas", str(schemas), "--partitions", str(partitions))
    epochs = "SELECT COUNT(*) FROM bank.kafka_offsets WHERE topic = 'resting'"
    with bench.process(_command(["resting"])) as process:
        moments.add(f"start of {partitions} partitions", _until(partial(_number, bench, epochs), partitions))
        time.sleep(seconds)  # what a start leaves to do is over
        watched = Watched(process, bench.services)
        before = sum(cpu(found) for found in watched.own().values())
        time.sleep(seconds)
        after = sum(cpu(found) for found in watched.own().values())
        console.print(f"{partitions} partitions at rest: {(after - before) / seconds:.3f} cores of rtpipe,", end=" ")
        console.print(f"{watched.pss() / partitions:.1f} MB (PSS) each, of the whole tree")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.moments", description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--partitions", type=int, default=9, help="of which rest is measured; 0: it is not")
    parser.add_argument("--seconds", type=float, default=15, help="of rest")
    options = parser.parse_args()
    console, moments = Console(highlight=False), Moments()
    with tempfile.TemporaryDirectory(prefix="rtpipe-bench-") as name:
        stack = Path(name) / "stack"
        try:
            bench = Bench(Path(name), embedded_stack.up(stack, console=Console(stderr=True)))
            values = fill(bench)
            if options.rounds:
                starts(bench, values, options.rounds, moments)
                kills(bench, values, options.rounds, moments)
            if options.partitions:
                rest(bench, options.partitions, options.seconds, moments, console)
        finally:
            embedded_stack.down(stack, purge=True, console=Console(quiet=True))
    moments.show(console)


if __name__ == "__main__":
    main()
