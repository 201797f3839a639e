"""Where the microseconds of a row go: consumers and writers sampled by py-spy, while rtpipe runs at full speed.

Needs py-spy on the PATH (`pip install py-spy`), and the right to look into processes of one's own (ptrace).
"""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
from rich.console import Console

from infra.stack import embedded_stack
from supervisor.bench.figures import Run, run_of
from supervisor.bench.processes import Watched
from supervisor.bench.watch import watch
from tests.bench.bench import RTPIPE, Bench
from tests.bench.cases import Case, prepare
from tests.bench.shapes import SHAPES

_KINDS = ("consumer", "writer")
_RATE = 100  #: samples a second
_LEAST = 0.01  #: share below which a place is not shown
#: A frame of rtpipe's own in a folded stack: `name (workers/…/file.py:12)`.
_OWN = re.compile(r"[^;]+ \((?:[^;)]*/)?((?:workers|rtpipe|avro_schemas)/(?:\w+/)*\w+\.py)(?::\d+)?\)")
Shares = dict[str, Counter[str]]


def main() -> None:
    """Run once, and print for each kind of process the places that its CPU time goes to."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.where", description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="seed")
    parser.add_argument("--rows", type=int, default=1_500_000)
    parser.add_argument("--markdown", type=Path, help="write the tables to this file, too")
    options = parser.parse_args()
    if not shutil.which("py-spy"):
        raise SystemExit("py-spy is not on the PATH: pip install py-spy")
    case = Case(shape=options.shape)
    with tempfile.TemporaryDirectory(prefix="rtpipe-bench-") as name:
        stack = Path(name) / "stack"
        try:
            bench = Bench(Path(name), embedded_stack.up(stack, console=Console(stderr=True)))
            prepare(bench, case, case.rows(options.rows), set())
            run, shares = _sampled(bench, case, case.rows(options.rows))
        finally:
            embedded_stack.down(stack, purge=True, console=Console(quiet=True))
    text = "\n".join(_lines(run, shares))
    Console(highlight=False).print(text, soft_wrap=True)
    if options.markdown:
        options.markdown.write_text(text + "\n")


def _sampled(bench: Bench, case: Case, rows: int) -> tuple[Run, Shares]:
    bench.empty(case.topics)
    command = [*RTPIPE, "supervise", "--topics", ",".join(case.topics), "--log-format", "json"]
    began = time.monotonic()
    with bench.process(command) as process:
        watched = Watched(process, bench.services)
        samplers: list[Sampler] = []

        def done() -> int:
            found = bench.consumed()
            if not samplers and found > rows * 0.2:
                own = watched.own()
                samplers.extend(Sampler(bench.directory, kind, one) for kind in _KINDS for one in own[kind])
            return found

        points = watch(watched, done, rows=rows, began=began, seconds=600)
        shares: Shares = {kind: Counter() for kind in _KINDS}
        for sampler in samplers:
            shares[sampler.kind] += sampler.places()
    return run_of(points), shares


class Sampler:
    """py-spy at one process."""

    def __init__(self, directory: Path, kind: str, process: psutil.Process) -> None:
        self.kind = kind
        self._file = directory / f"stacks-{process.pid}"
        command = ["py-spy", "record", "--nonblocking", "--format", "raw", "--rate", str(_RATE)]
        self._process = subprocess.Popen(
            [*command, "--output", str(self._file), "--pid", str(process.pid), "--duration", "600"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def places(self) -> Counter[str]:
        """How often each file of ours was the innermost one, once the sampler was told to end."""
        self._process.send_signal(2)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        return Counter(dict(_counted(self._file.read_text() if self._file.exists() else "")))


def _counted(folded: str) -> Iterator[tuple[str, int]]:
    found: Counter[str] = Counter()
    for line in folded.splitlines():
        stack, _, count = line.rpartition(" ")
        own = _OWN.findall(stack)
        found[own[-1] if own else "elsewhere"] += int(count)
    yield from found.items()


def _lines(run: Run, shares: Shares) -> Iterator[str]:
    yield f"{run.steady:,.0f} rows/s while it was sampled"
    for kind, places in shares.items():
        spent, samples = run.micros[kind], sum(places.values()) or 1
        yield ""
        yield f"| {kind}: {spent:.2f} us a row | share | us a row |"
        yield "|---|---:|---:|"
        for place, count in places.most_common():
            if count / samples >= _LEAST:
                yield f"| `{place}` | {count / samples:.0%} | {spent * count / samples:.2f} |"


if __name__ == "__main__":
    main()
