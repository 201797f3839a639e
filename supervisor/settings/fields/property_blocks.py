"""The blocks `kafka` and `registry`: properties by name, which go to a client as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def as_texts(value: Any) -> Any:
    """The block with its numbers and flags as texts: TOML and JSON may write them as such."""
    if not isinstance(value, dict):
        return value
    return {name: _text(one) for name, one in value.items()}


def refuse(problem_of: Callable[[Mapping[str, str]], str | None]) -> Callable[[dict[str, str]], dict[str, str]]:
    """A check by `problem_of`, which says why a block is refused."""

    def check(value: dict[str, str]) -> dict[str, str]:
        if problem := problem_of(value):
            raise ValueError(problem)
        return value

    return check


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
