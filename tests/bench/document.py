"""The generated part of docs/performance.md: between two comments, made anew from the figures of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def replace(page: Path, facts: dict[str, Any]) -> None:
    """Put the figures in the place of those that are there. ValueError if the page has no such place."""
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for figures: {BEGIN} and {END}")
    page.write_text(before + BEGIN + "\n\n" + "\n".join(lines(facts)) + "\n\n" + END + after)


def lines(facts: dict[str, Any]) -> Iterator[str]:
    """A table of all cases, and one of what the first one took."""
    cases = facts["cases"]
    first = cases[0]
    servers = " and ".join(dict.fromkeys(_server(case) for case in cases))
    rounds = "one round" if first["rounds"] == 1 else f"medians of {first['rounds']} rounds"
    others = max(case["other_cores"] for case in cases)
    yield f"{facts['cores']} cores, {facts['memory_gb']} GB, {servers}; {rounds}. Everything else on the machine kept"
    yield f"{others} cores busy meanwhile (in the case where it was most)."
    names = [name for name in first["each"] if name != "limit2"]
    yield ""
    yield "| rows/s, 20-90 % (of limit9) | " + " | ".join(names) + " |"
    yield "|---|" + "---:|" * len(names)
    for case in cases:
        each = case["each"]
        cells = (f"{each[name]['steady']:,} ({each[name]['of_limit9']:.2f})" if name in each else "" for name in names)
        yield f"| {case['name']} | " + " | ".join(cells) + " |"
    yield ""
    yield f"CPU microseconds a row of the first case ({first['name']}):"
    yield ""
    kinds = list(dict.fromkeys(kind for one in first["each"].values() for kind in one["micros"]))
    yield "| | " + " | ".join(kinds) + " | rows/s from the start | rows a COMMIT | MB (PSS) |"
    yield "|---|" + "---:|" * (len(kinds) + 3)
    for name, one in first["each"].items():
        micros = (f"{one['micros'][kind]:.2f}" if kind in one["micros"] else "" for kind in kinds)
        rest = (f"{one[key]:,}" if key in one else "" for key in ("cold", "rows_a_commit", "memory_mb"))
        yield f"| {name} | " + " | ".join((*micros, *rest)) + " |"
    yield from _of_rtpipe(cases)
    if sent := [
        f"{case['produced']:,} ({case['shape']}, {case['partitions']} partitions)"
        for case in cases
        if case.get("produced")
    ]:
        yield ""
        yield f"`rtpipe produce`, two processes, while nothing else ran, messages/s: {', '.join(sent)}."


def _of_rtpipe(cases: list[dict[str, Any]]) -> Iterator[str]:
    yield ""
    yield "rtpipe in each case, with CPU microseconds a row:"
    yield ""
    yield "| | consumer | writer | database | rows/s from the start | rows a COMMIT | MB (PSS) |"
    yield "|---|" + "---:|" * 6
    for case in cases:
        one = case["each"]["rtpipe"]
        micros = (f"{one['micros'].get(kind, 0.0):.2f}" for kind in ("consumer", "writer", "database"))
        rest = (f"{one[key]:,}" for key in ("cold", "rows_a_commit", "memory_mb"))
        yield f"| {case['name']} | " + " | ".join((*micros, *rest)) + " |"


def _server(case: dict[str, Any]) -> str:
    version = str(case["server"])
    return version.replace("-", " ", 1) if "maria" in version.lower() else f"MySQL {version}"
