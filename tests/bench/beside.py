"""What page, metrics and history cost: one run of rtpipe, in turns with them and without.

In every other turn the processes of page and history are stopped, and so is whoever looks at them: then nothing asks
the supervisor, and nothing takes CPU. Everything else is the same process all the time, so that neither a start nor
the growth of the tables is taken for a difference. The turns change places (A B, B A, …) against what drifts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from rich.console import Console
from rich.table import Table

from infra.stack import embedded_stack
from supervisor.bench.processes import Watched, cpu
from tests.bench.bench import RTPIPE, Bench
from tests.bench.cases import Case, prepare
from tests.support.pipeline.page import free_port

#: Of whom the time is counted apart, by the module that is the process.
COMPANIONS = {
    "page": "supervisor.page.page_process",
    "history": "supervisor.history.history_process",
    "mirror": "supervisor.mirror.mirror_process",
}
#: They are stopped in every other turn; offsets are mirrored to Kafka with a page and without.
_STOPPED = ("page", "history")
_BEGIN = 120.0  #: seconds until rows come and the page is there
_SLOW = {"max_rows_per_second": 100}  #: of each topic until then, so that most rows are left for the turns
_WARM = 5.0  #: seconds between that and the first turn


@dataclass(frozen=True, slots=True)
class Turn:
    """Some seconds of the run."""

    looked_at: bool
    seconds: float
    rows: int
    cpu: Mapping[str, float]  #: seconds, by kind of process

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


def turns(bench: Bench, case: Case, *, seconds: float, pairs: int) -> list[Turn]:
    """Of `seconds` each, two and two. SystemExit if the rows do not last."""
    address = f"127.0.0.1:{free_port()}"
    command = [*RTPIPE, "supervise", "--topics", ",".join(case.topics), "--log-format", "json", "--page"]
    onlookers = (sys.executable, "-m", "tests.bench.onlookers", address)
    bench.empty(case.topics)
    with (
        bench.process(command, {"RTPIPE_PAGE_ADDRESS": address, "RTPIPE_DEFAULTS": json.dumps(_SLOW)}) as process,
        bench.process(onlookers) as looking,
    ):
        _wait(lambda: bench.consumed() > 0 and _opened(address))
        for topic in case.topics:
            bench.rtpipe("limit", topic, "off")
        time.sleep(_WARM)
        watched, beside = Watched(process, bench.services), companions_of(process.pid)
        stopped = [*(beside[name] for name in _STOPPED), psutil.Process(looking.pid)]
        kinds = {name: [one] for name, one in beside.items()}
        found: list[Turn] = []
        with contextlib.ExitStack() as ending:
            ending.callback(_signal, stopped, signal.SIGCONT)
            for number in range(2 * pairs):
                looked_at = number % 4 in {0, 3}
                _signal(stopped, signal.SIGCONT if looked_at else signal.SIGSTOP)
                found.append(_turn(bench, watched, kinds, seconds, looked_at=looked_at))
        return found


def _turn(
    bench: Bench, watched: Watched, beside: Mapping[str, list[psutil.Process]], seconds: float, *, looked_at: bool
) -> Turn:
    def used() -> dict[str, float]:
        of_beside = {name: cpu(processes) for name, processes in beside.items()}
        found = watched.cpu() | of_beside
        found["forkserver"] = max(0.0, found["forkserver"] - sum(of_beside.values()))  # they are as far from the top
        return found

    began, rows, before = time.monotonic(), bench.consumed(), used()
    time.sleep(seconds)
    after, done, ended = used(), bench.consumed(), time.monotonic()
    if done == rows:
        raise SystemExit("there are no rows left: more of them (--rows), or fewer and shorter turns")
    return Turn(looked_at, ended - began, done - rows, {kind: after[kind] - before[kind] for kind in after})


def companions_of(pid: int) -> dict[str, psutil.Process]:
    """The processes beside the workers of this supervisor, by name."""
    children = psutil.Process(pid).children()
    return {name: one for name, module in COMPANIONS.items() for one in children if module in one.cmdline()}


def _signal(processes: Sequence[psutil.Process], number: int) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def _opened(address: str) -> bool:
    with contextlib.suppress(URLError, OSError), urlopen(f"http://{address}/readyz", timeout=5):
        return True
    return False


def _wait(there: Callable[[], bool]) -> None:
    until = time.monotonic() + _BEGIN
    while not there():
        if time.monotonic() > until:
            raise SystemExit("no row came, or no page was there")
        time.sleep(0.2)


def show(console: Console, case: Case, found: Sequence[Turn]) -> None:
    """Rates, their ratio, and the CPU of each kind of process."""
    with_, without = ([turn for turn in found if turn.looked_at is kind] for kind in (True, False))
    ratio = statistics.median(one.rate / other.rate for one, other in zip(with_, without, strict=False))
    rates = [sum(t.rows for t in some) / sum(t.seconds for t in some) for some in (with_, without)]
    table = Table(box=None, pad_edge=False)
    for title in ("CPU, share of a core", "with", "without"):
        table.add_column(title, justify="right" if title != "CPU, share of a core" else "left")
    for kind in found[0].cpu:
        table.add_row(kind, *(f"{share(some, kind):.2%}" for some in (with_, without)))
    whole = [sum(share(some, kind) for kind in found[0].cpu) for some in (with_, without)]
    table.add_row("all", *(f"{one:.2%}" for one in whole))
    more = sum(share(with_, kind) - share(without, kind) for kind in (*_STOPPED, "supervisor"))
    console.print(
        f"\n{case.name}: {len(with_)} turns each of {found[0].seconds:.1f} s;"
        f" {rates[0]:,.0f} rows/s with page, metrics and history, {rates[1]:,.0f} without: {rates[0] / rates[1]:.3f};"
        f" median of the pairs {ratio:.3f}"
    )
    console.print(table)
    console.print(f"page, history and what the supervisor does for them: {more / whole[0]:.2%} of all CPU of the run")


def share(some: Sequence[Turn], kind: str) -> float:
    """Of one core, by a kind of process in these turns."""
    return sum(turn.cpu[kind] for turn in some) / sum(turn.seconds for turn in some)


def main() -> None:
    """Measure once, and print what came out."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.beside", description=__doc__)
    parser.add_argument("--rows", type=int, default=12_000_000)
    parser.add_argument("--partitions", type=int, choices=(9, 36), default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn")
    parser.add_argument("--pairs", type=int, default=8, help="of turns")
    options = parser.parse_args()
    case = Case(partitions=options.partitions)
    with tempfile.TemporaryDirectory(prefix="rtpipe-bench-") as name:
        stack = Path(name) / "stack"
        try:
            bench = Bench(Path(name), embedded_stack.up(stack, console=Console(stderr=True)))
            prepare(bench, case, case.rows(options.rows), set())
            found = turns(bench, case, seconds=options.seconds, pairs=options.pairs)
            show(Console(highlight=False), case, found)
            lines = (bench.directory / "log").read_text().splitlines()
            print(next(line for line in reversed(lines) if " scrapes of " in line))
        finally:
            embedded_stack.down(stack, purge=True, console=Console(quiet=True))


if __name__ == "__main__":
    main()
