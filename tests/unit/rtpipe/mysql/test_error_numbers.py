"""One table of error numbers for everybody who talks to the server."""

from __future__ import annotations

import ast
from pathlib import Path

import pymysql
import pytest

from rtpipe.mysql.error_lookup import action_of, advice_for, is_connection_error, is_known, words_for
from rtpipe.mysql.error_numbers import MEANING, Action, number_of
from tests.support.pages import PROJECT

ASKS = [
    path
    for folder in ("infra/tables", "infra/provision", "supervisor", "rtpipe")
    for path in sorted((PROJECT / folder).rglob("*.py"))
    if path.name not in {"error_numbers.py", "redaction.py"}
]


@pytest.mark.parametrize("path", ASKS, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_nobody_keeps_error_numbers_of_their_own(path: Path) -> None:
    """Neither in a set or a table, nor in a comparison."""
    numbers = set[int]()
    for node in ast.walk(ast.parse(path.read_text())):
        inside = [*getattr(node, "elts", ()), *getattr(node, "keys", ()), *getattr(node, "comparators", ())]
        numbers |= {one.value for one in inside if isinstance(one, ast.Constant) and isinstance(one.value, int)}
    assert not {number for number in numbers if number >= 1_000 and is_known(number)}


def test_no_number_stands_in_the_table_twice() -> None:
    numbers = [number for one in MEANING.values() for number in one]
    assert len(numbers) == len(set(numbers))


def test_the_number_of_an_error() -> None:
    assert number_of(pymysql.err.OperationalError(1290, "read only")) == 1290
    assert number_of(pymysql.err.OperationalError(40_001 - 65_536, "a trigger's")) == 40_001
    assert number_of(pymysql.err.InterfaceError("(0, '')")) == number_of(OSError()) == number_of(None) == 0
    assert action_of(0) is Action.LOST


def test_what_was_not_reached_is_told_apart_from_what_refuses() -> None:
    numbers = (0, 1290, 1053, 2003, 2013, 9001)
    assert list(filter(is_connection_error, numbers)) == [0, 2003, 2013, 9001]
    assert "primary key" in advice_for(3750)
    assert advice_for(1213) == ""
    assert words_for(1290) == "read only"
