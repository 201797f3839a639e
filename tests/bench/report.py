"""The figures of the cases: for a terminal, and as plain facts for JSON, chart and document."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from supervisor.bench.figures import Bare, Run, ratio
from tests.bench.cases import Case

#: Of which kinds the CPU is shown; a program that is not rtpipe has but one.
KINDS = ("consumer", "writer", "client", "supervisor", "database", "broker")


@dataclass(slots=True)
class Result:
    """All rounds of one case."""

    case: Case
    rows: int
    server: str  #: the version that the server tells
    loads: bool = True  #: the bare database took LOAD DATA
    produced: float | None = None  #: messages a second of `rtpipe produce`, where it filled the topics
    runs: dict[str, list[Run]] = field(default_factory=dict)
    limits: dict[str, list[Bare]] = field(default_factory=dict)


def to_json(results: Iterable[Result]) -> dict[str, Any]:
    """Medians of the rounds, and every round."""
    return {
        "schema_version": 1,
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "cases": [_case(result) for result in results],
    }


def beside(known: dict[str, Any] | None, measured: dict[str, Any], order: Sequence[str]) -> dict[str, Any]:
    """The measured cases, and those of an earlier run that were not measured again, in this order of their names."""
    cases = {case["name"]: case for facts in (known, measured) if facts for case in facts["cases"]}
    names = sorted(cases, key=lambda name: order.index(name) if name in order else len(order))
    return measured | {"cases": [cases[name] for name in names]}


def _case(result: Result) -> dict[str, Any]:
    rates = {name: [run.steady for run in runs] for name, runs in result.runs.items()}
    rates |= {name: [bare.rate for bare in found] for name, found in result.limits.items()}
    return {
        "name": result.case.name,
        "shape": result.case.shape,
        "mode": result.case.mode,
        "server": result.server,
        "partitions": result.case.partitions,
        "rows": result.rows,
        "rounds": len(result.runs["rtpipe"]),
        "other_cores": round(statistics.median(_others(run) for run in result.runs["rtpipe"]), 1),
        "bare": "LOAD DATA" if result.loads else "INSERT",
        "produced": result.produced and round(result.produced),
        "each": {name: _one(result, name, rate, rates["limit9"]) for name, rate in rates.items()},
        "rtpipe_against": {name: round(ratio(rates["rtpipe"], rate), 3) for name, rate in rates.items()},
    }


def _others(run: Run) -> float:
    """How many cores were busy with what has nothing to do with the run."""
    return max(0.0, run.busy - sum(run.cores.values()))


def _one(result: Result, name: str, rate: list[float], limit9: list[float]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "steady": round(statistics.median(rate)),
        "of_limit9": round(ratio(rate, limit9), 3),
        "rounds": [round(one) for one in rate],
    }
    if name in result.limits:
        facts["micros"] = {"database": round(statistics.median(one.micros for one in result.limits[name]), 2)}
        return facts
    runs = result.runs[name]
    kinds = [kind for kind in KINDS if kind in runs[0].micros]
    return facts | {
        "cold": round(statistics.median(run.cold for run in runs)),
        "micros": {kind: round(statistics.median(run.micros[kind] for run in runs), 2) for kind in kinds},
        "rows_a_commit": round(statistics.median(run.rows_a_commit for run in runs)),
        "memory_mb": round(statistics.median(run.memory for run in runs)),
    }


def show(console: Console, result: Result) -> None:
    """One case: rates, and what they cost."""
    facts = _case(result)
    rates = _table("", "rows/s steady", "of limit9", "from start", "rows a COMMIT", "MB (PSS)")
    costs = _table("CPU us a row", *KINDS)
    for name, one in facts["each"].items():
        own = (_number(one, key) for key in ("cold", "rows_a_commit", "memory_mb"))
        rates.add_row(name, f"{one['steady']:,}", f"{one['of_limit9']:.2f}", *own)
        micros = one["micros"]
        costs.add_row(name, *(f"{micros[kind]:,.2f}" if kind in micros else "" for kind in KINDS))
    console.print(
        f"\n{facts['name']}: {facts['server']}, {facts['rows']:,} rows; {facts['rounds']} rounds, medians;"
        f" everything else kept {facts['other_cores']} cores busy"
    )
    console.print(rates, costs)
    against = ", ".join(f"{name} {value:.2f}" for name, value in facts["rtpipe_against"].items() if name != "rtpipe")
    console.print(f"rtpipe's rows/s, as a multiple of each other's: {against}")
    if facts["produced"]:
        console.print(f"rtpipe produce sent {facts['produced']:,} messages/s")


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, title in enumerate(titles):
        table.add_column(title, justify="right" if number else "left")
    return table


def _number(facts: dict[str, Any], name: str) -> str:
    return f"{facts[name]:,}" if name in facts else ""
