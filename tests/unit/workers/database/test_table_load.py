"""When rows go by LOAD DATA LOCAL, and in which packets; the server is a dict of answers."""

from __future__ import annotations

from typing import Any

import pymysql
import pytest

from workers.database.errors import DatabaseTrouble
from workers.database.table_load import LoadChecks, load_statement, packets_of


class Answers:
    """A connection that answers by the words of a question."""

    def __init__(self, *, local: object = 1, splitting: object = None, triggers: object = 0) -> None:
        self.by_words = {"local_infile": local, "wsrep": splitting, "triggers": triggers}
        self.asked: list[str] = []
        self.rolled_back = 0

    def execute(self, sql: Any, values: dict[str, str]) -> Answers:
        assert values == {"t": "orders"}
        self.asked.append(str(sql))
        return self

    def one(self) -> tuple[object, object, object]:
        values = {words: value for words, value in self.by_words.items() if words in self.asked[-1]}
        for value in values.values():
            if value is None:
                raise pymysql.err.OperationalError(1193, "Unknown system variable")
            if isinstance(value, Exception):
                raise value
        return values["local_infile"], values.get("wsrep", 0), values["triggers"]

    def rollback(self) -> None:
        self.rolled_back += 1


def checks_on(**answers: object) -> tuple[LoadChecks, Answers]:
    connection: Any = Answers(**answers)
    return LoadChecks(connection), connection


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, True),
        ({"local": "ON", "splitting": 0}, True),
        ({"local": 0}, False),
        ({"local": "OFF"}, False),
        ({"local": None}, False),  # no server of MySQL's or MariaDB's
        ({"triggers": 1}, False),
        ({"splitting": 1}, False),  # it would commit in the middle of the transaction
        ({"splitting": "ON"}, False),
    ],
)
def test_a_table_is_loaded_only_where_that_is_one_insert_in_our_transaction(
    answers: dict[str, Any], expected: bool
) -> None:
    checks, _ = checks_on(**answers)
    assert checks.takes_load("orders") is expected


def test_each_look_asks_anew_but_for_a_variable_that_is_not_there() -> None:
    checks, connection = checks_on(local=0)
    assert not checks.takes_load("orders")
    connection.by_words["local_infile"] = 1
    assert checks.takes_load("orders")
    assert sum("wsrep" in sql for sql in connection.asked) == 1
    assert (len(connection.asked), connection.rolled_back) == (3, 2), "no snapshot is left from the questions"


@pytest.mark.parametrize("what", ["local", "splitting", "triggers"])
def test_a_lost_connection_says_nothing_of_the_server(what: str) -> None:
    lost = pymysql.err.OperationalError(2013, "Lost connection")
    checks, _ = checks_on(**{what: lost})
    with pytest.raises(DatabaseTrouble) as found:
        checks.takes_load("orders")
    assert found.value.number == 2013


@pytest.mark.parametrize("max_packet", [1_024, 1 << 18, 1 << 30])
def test_content_goes_in_packets_that_the_server_takes(max_packet: int) -> None:
    content = bytes(range(256)) * 3_000
    packets = list(packets_of(content, max_packet))
    assert b"".join(packets) == content
    assert max(map(len, packets)) < min(max_packet, 1 << 20)
    assert not list(packets_of(b"", max_packet))


def test_the_statement_names_table_and_columns() -> None:
    statement = load_statement("a`b", "(`x`)").decode()
    assert " INTO TABLE `a``b` CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\\t' " in statement
    assert statement.endswith(" LINES TERMINATED BY '\\n' (`x`)")
