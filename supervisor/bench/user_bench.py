"""`rtpipe bench`: rounds of rtpipe and of the bare database on a user's own stack, of which then nothing is left."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from sqlalchemy import URL

from avro_schemas.naming import table_for
from supervisor.bench.bare import BareDatabase
from supervisor.bench.figures import Bare, Run, run_of
from supervisor.bench.limits import what_limits
from supervisor.bench.processes import Watched, cpu
from supervisor.bench.progress import Progress
from supervisor.bench.throwaway import Throwaway
from supervisor.bench.user_stack import environment, log_of, sample_schema, services
from supervisor.bench.watch import BenchError, watch
from supervisor.demo.pipeline_driver import PipelineDriver
from supervisor.settings.settings import Settings

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for. `topic`: one that exists, and is only read; "" for one that is made."""

    topic: str = ""
    messages: int = 300_000
    partitions: int = 6  #: of a topic that is made
    rounds: int = 3
    seconds: float = 60.0  #: of a run, at most, after its first row


@dataclass(frozen=True, slots=True)
class Findings:
    """What came out; a Run and a Bare of each round."""

    topic: str  #: "" for one that was made
    server: str  #: the version that the database tells
    partitions: int
    messages: int
    runs: Sequence[Run] = ()
    bares: Sequence[Bare] = ()
    loads: bool = True  #: the bare database took LOAD DATA
    limited_by: str = ""


@dataclass(frozen=True, slots=True)
class _Rig:
    """All that a round needs."""

    driver: PipelineDriver
    where: URL
    table: str
    begins: Mapping[int, int]
    services: Mapping[str, list[psutil.Process]]


def user_bench(settings: Settings, order: Order, say: Say) -> Findings:
    """Makes a database, and a topic unless one is given, measures, and removes both, also after a signal.

    `say` is called with lines about what happens, and about what could not be removed.
    """
    with tempfile.TemporaryDirectory(prefix="rtpipe-bench-") as name, ExitStack() as stacked:
        made = Throwaway(settings)
        stacked.enter_context(_removed(made, say))
        version = made.make_database()
        topic, where = order.topic or made.name, made.account.current_url().set(database=made.name)
        say(f"database {made.name} at {made.account.address}, {version}: it is dropped at the end")
        driver = PipelineDriver(Path(name), [topic], environment(settings, where, order.topic))
        (Path(name) / "rtpipe.toml").touch()
        stacked.callback(driver.stop)
        if not order.topic:
            say(f"topic {topic}, {order.partitions} partitions, {order.messages:,} messages: it is deleted at the end")
            made.make_topic(order.partitions, sample_schema(topic))
            driver.commands.run("produce", "--topics", topic, "--count", str(order.messages))
        begins, available = log_of(settings, topic)
        driver.commands.run("setup", "--topics", topic, "--yes")
        rig = _Rig(driver, where, table_for(topic), begins, services(settings, where))
        findings = Findings(order.topic, version, len(begins), min(available, order.messages))
        upsert = bool(order.topic) and settings.topic(topic).mode == "upsert"
        return _with_rounds(findings, rig, order, say, upsert=upsert)


def _with_rounds(found: Findings, rig: _Rig, order: Order, say: Say, *, upsert: bool) -> Findings:
    """rtpipe, then the bare database with the rows that rtpipe wrote in the first round, in turns."""
    bare = None
    runs: list[Run] = []
    bares: list[Bare] = []
    full: list[bool] = []
    for number in range(order.rounds):
        run, looks = _rtpipe(rig, found.messages, order.seconds)
        bare = bare or BareDatabase(rig.where, [rig.table], rows=run.rows, upsert=upsert)
        limit = bare.run(found.partitions, round(run.rows_a_commit), lambda: cpu(rig.services["database"]))
        runs.append(run)
        bares.append(limit)
        full += looks
        say(f"round {number + 1}: rtpipe {run.steady:,.0f} rows/s, the bare database {limit.rate:,.0f}")
    limited_by = what_limits(
        runs[-1], cores=psutil.cpu_count() or 1, partitions=found.partitions, backpressure=_share(full)
    )
    return replace(found, runs=runs, bares=bares, loads=bare is None or bare.loads, limited_by=limited_by)


def _rtpipe(rig: _Rig, messages: int, seconds: float) -> tuple[Run, Sequence[bool]]:
    """A run, and for each look at a partition whether its queue was full."""
    with Progress(rig.where, rig.begins, rig.driver.supervisor.partitions) as progress:
        progress.empty(rig.table)
        began = time.monotonic()
        rig.driver.supervisor.start()
        try:
            watched = Watched(rig.driver.supervisor.process, rig.services)
            points = watch(watched, progress.done, rows=messages, began=began, seconds=seconds)
            memory = watched.pss()
        except BenchError as error:
            last = " | ".join(rig.driver.supervisor.log_lines()[-2:])
            raise BenchError(f"{error.message}; its log ends with: {last}") from None
        finally:
            rig.driver.stop()
        run = run_of(points, rows_a_commit=points[-1].rows / max(progress.commits, 1), memory=memory)
        return run, progress.full


def _share(looks: Sequence[bool]) -> float:
    return sum(looks) / max(len(looks), 1)


@contextmanager
def _removed(made: Throwaway, say: Say) -> Iterator[None]:
    """SIGTERM and SIGHUP end as Ctrl-C does, and a second signal keeps nothing from being removed."""
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    for number, handler in former.items():
        if handler is not signal.SIG_IGN:  # as of nohup
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in former:
            signal.signal(number, signal.SIG_IGN)
        for line in made.remove():
            say(f"left behind: {line}")
        for number, handler in former.items():
            signal.signal(number, handler)
