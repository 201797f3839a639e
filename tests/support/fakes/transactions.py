"""The open transaction of a batch, as its work sees it, for fakes of databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _no_load(table: str, columns: str, content: bytes) -> tuple[int, int]:
    raise AssertionError((table, columns, content))


@dataclass
class FakeTransaction:
    """Statements go to a function each."""

    execute: Callable[[bytes], int]
    load: Callable[[str, str, bytes], tuple[int, int]] = _no_load
