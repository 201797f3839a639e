"""Avro's unions out of types that may repeat or contradict each other: no branch twice, none inside another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def union_of(types: Iterable[Any]) -> Any:
    """One type for several: types of a kind become one, `null` comes first, and a single type stays without a union."""
    found: dict[str, Any] = {}
    for one in types:
        for branch in one if isinstance(one, list) else [one]:
            kind = branch if isinstance(branch, str) else branch["type"]
            found[kind] = _both(kind, found[kind], branch) if kind in found else branch
    branches = [found.pop("null")] if "null" in found else []
    branches += found.values()
    return branches[0] if len(branches) == 1 else branches


def nullable(found: Any) -> Any:
    """`found`, or null, which comes first so that it may be the default."""
    return union_of(["null", found])


def _both(kind: str, one: Any, other: Any) -> Any:
    """Two types of one kind in one: the more general."""
    if one == other:
        return one
    if kind in {"array", "map"}:
        part = "items" if kind == "array" else "values"
        return {"type": kind, part: union_of([one[part], other[part]])}
    lengths = [branch["maxLength"] for branch in (one, other) if isinstance(branch, dict) and "maxLength" in branch]
    return {"type": kind, "maxLength": max(lengths)} if len(lengths) == 2 else kind  # noqa: PLR2004
