"""What real servers make of LOAD DATA LOCAL: exactly what INSERT stores, or a count that is off."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import make_url

from rtpipe.mysql.quoting import quoted, quoted_text
from tests.support.pipeline.raw_clients import connect
from tests.support.stack.server_setting import server_setting
from workers.database.errors import DatabaseTrouble
from workers.database.session import DatabaseSession, open_session

if TYPE_CHECKING:
    from infra.stack.state import Addresses


@dataclass
class Loads:
    """A session of a writer, and a table of its own for each test."""

    session: DatabaseSession
    table: str
    admin: Addresses

    def make(self, columns: str) -> None:
        self.run(f"CREATE TABLE {quoted(self.table)} ({columns})")

    def run(self, sql: str) -> None:
        """As an administrator, in a transaction of its own."""
        url = make_url(self.admin.admin_database_url).set(database="bank")
        with contextlib.closing(connect(url.render_as_string(hide_password=False))) as connection:
            connection.cursor().execute(sql)

    def load(self, columns: str, content: bytes) -> tuple[int, int] | int:
        """Rows and warnings, or the number of the error; uncommitted."""
        self.session.connection.exec_driver_sql("SELECT 1")
        try:
            return self.session.load(self.table, columns, content)
        except DatabaseTrouble as trouble:
            return trouble.number

    def insert(self, columns: str, *rows: str) -> int:
        """The number of the error, 0 if there is none; uncommitted."""
        values = ", ".join(f"({row})" for row in rows)
        try:
            self.session.execute(f"INSERT INTO {quoted(self.table)} ({columns}) VALUES {values}".encode())
        except DatabaseTrouble as trouble:
            return trouble.number
        return 0

    def stored(self) -> list[tuple[object, ...]]:
        """What the table holds for this session, byte for byte; then it is rolled back."""
        rows = [tuple(row) for row in self.session.query(f"SELECT * FROM {quoted(self.table)} ORDER BY 1".encode())]
        self.roll_back()
        return rows

    def roll_back(self) -> None:
        self.session.connection.rollback()


@pytest.fixture
def loads(own_database: Addresses) -> Iterator[Loads]:
    """On MariaDB and on MySQL, both with local_infile on."""
    url = make_url(own_database.admin_database_url).set(database="bank").render_as_string(hide_password=False)
    with server_setting(own_database.admin_database_url, "local_infile", 1):
        session = open_session(url, 20)
        made = Loads(session, f"load_{uuid.uuid4().hex[:12]}", own_database)
        try:
            yield made
        finally:
            session.close()
            made.run(f"DROP TABLE IF EXISTS {quoted(made.table)}")


TEXTS = [
    "", " ", "NULL", "null", '"', '""', '"NULL"', "'", "\\", "\\N", "\\0", "\t", "\n", "\r\n", "\0", "\x1a", "\x08",
    'a"b', '"a', 'a"', 'a"\tb', '"\n"', "a\tb\nc", "a\\\tb", ",", ";", "--", "\N{PILE OF POO}", "\U0010ffff", "é" * 300,
    "\N{ZERO WIDTH NO-BREAK SPACE}", "\x7f", "\x85", "%s", "@x", "a  ", '\\"', "1\t2",
]  # fmt: skip


def in_file(text: str | None) -> str:
    """A field of a file."""
    return "NULL" if text is None else '"' + text.replace('"', '""') + '"'


def in_statement(text: str | None) -> str:
    return "NULL" if text is None else quoted_text(text)


def test_texts_are_stored_as_they_are(loads: Loads) -> None:
    loads.make("id INT PRIMARY KEY, a LONGTEXT, b VARCHAR(400)")
    texts: list[str | None] = [*TEXTS, None, "".join(TEXTS), *(chr(code) for code in range(256))]
    columns = "`id`, `a`, `b`"
    lines = [f"{at}\t{in_file(text)}\t{in_file(text)}\n" for at, text in enumerate(texts)]
    assert loads.load(f"({columns})", "".join(lines).encode()) == (len(texts), 0)
    loaded = loads.stored()
    assert loaded == [(at, text, text) for at, text in enumerate(texts)]
    rows = [f"{at}, {in_statement(text)}, {in_statement(text)}" for at, text in enumerate(texts)]
    assert loads.insert(columns, *rows) == 0
    assert loads.stored() == loaded


KINDS = {
    "DOUBLE": ["-0e0", "0.1", "1.7976931348623157e308", "-1.7976931348623157e308", "5e-324", "2.2250738585072014e-308",
               "123456789012345680.0", "3.141592653589793", "1e22", "1e-7"],
    "BIGINT": ["-9223372036854775808", "9223372036854775807", "0"],
    "BIGINT UNSIGNED": ["18446744073709551615"],
    "TINYINT(1)": ["0", "1"],
    "DECIMAL(65,30)": ["-12345678901234567890123456789012345.123456789012345678901234567890", "0.1"],
    "DATE": ["'1000-01-01'", "'9999-12-31'", "'1969-12-31'"],
    "DATETIME(6)": ["'9999-12-31 23:59:59.999999'", "'1000-01-01 00:00:00.000001'"],
    "DATETIME(3)": ["'2038-01-19 03:14:08.001'"],
    "TIME(6)": ["'-838:59:59.000000'", "'838:59:59.000000'", "'23:59:59.999999'"],
    "YEAR": ["2155", "1901"],
    "ENUM('a','2','A b')": ["'a'", "'2'", "'A b'"],
    "SET('a','b')": ["'a,b'", "''"],
    "CHAR(36)": ["'123e4567-e89b-12d3-a456-426614174000'"],
    "JSON": ["'[1, 2.5, null, \"é\"]'", "'\"NULL\"'", "'null'"],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_value_is_stored_as_by_insert(loads: Loads, kind: str) -> None:
    loads.make(f"id INT PRIMARY KEY, a {kind}")
    values = [*KINDS[kind], "NULL"]
    rows = [f"{at}, {value}" for at, value in enumerate(values)]
    assert loads.insert("`id`, `a`", *rows) == 0
    inserted = loads.stored()
    fields = [in_file(value[1:-1]) if value.startswith("'") else value for value in values]
    lines = "".join(f"{at}\t{field}\n" for at, field in enumerate(fields))
    assert loads.load("(`id`, `a`)", lines.encode()) == (len(values), 0)
    assert [tuple(map(repr, row)) for row in loads.stored()] == [tuple(map(repr, row)) for row in inserted]


@pytest.mark.parametrize("kind", ["LONGBLOB", "VARBINARY(256)", "BIT(64)"])
def test_bytes_go_in_hexadecimal_digits(loads: Loads, kind: str) -> None:
    loads.make(f"id INT PRIMARY KEY, a {kind}")
    values = [bytes(8), b"\xff" * 8, b'\\"\t\n\x1aN\0\0', None]
    if not kind.startswith("BIT"):
        values += [b"", bytes(range(256))]
    digits = [None if value is None else value.hex() for value in values]
    lines = "".join(f"{at}\t{in_file(text)}\n" for at, text in enumerate(digits))
    assert loads.load("(`id`, @c1) SET `a` = UNHEX(@c1)", lines.encode()) == (len(values), 0)
    assert loads.stored() == list(enumerate(values))


#: Columns; rows of which the second is not stored as it is, as a file; and as INSERT says it.
WRONG = {
    "a duplicate": ("a INT PRIMARY KEY", "1\n1\n", "1"),
    "out of range": ("a TINYINT", "1\n1000\n", "1000"),
    "too long": ("a VARCHAR(3)", '"abc"\n"abcd"\n', "'abcd'"),
    "NULL": ("a INT NOT NULL", "1\nNULL\n", "NULL"),
    "no number": ("a INT", '1\n"x"\n', "'x'"),
    "no member": ("a ENUM('x')", '"x"\n"y"\n', "'y'"),
    "no date": ("a DATE", '"2026-01-31"\n"2026-02-30"\n', "'2026-02-30'"),
    "a time too long": ("a TIME", '"838:59:59"\n"839:00:00"\n', "'839:00:00'"),
    "no character of the column's": ("a VARCHAR(3) CHARACTER SET latin1", '"x"\n"\N{SNOWMAN}"\n', "'\N{SNOWMAN}'"),
    "no JSON": ("a JSON", '"1"\n"{"\n', "'{'"),
    "a check constraint": ("a INT, CHECK (a < 2)", "1\n2\n", "2"),
    "no partition": ("a INT) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (2)", "1\n2\n", "2"),
    "computed out of range": ("a INT, g TINYINT AS (a * 100) STORED", "1\n2\n", "2"),
    "a default out of range": ("a INT, g TINYINT DEFAULT (a * 100)", "1\n2\n", "2"),
}  # fmt: skip


@pytest.mark.parametrize("messages", [64, 0], ids=["", "none kept"])
@pytest.mark.parametrize("what", WRONG)
def test_what_insert_refuses_shows_in_the_counts(loads: Loads, what: str, messages: int) -> None:
    """Also where the server keeps no words of warnings."""
    columns, content, row = WRONG[what]
    loads.make(columns)
    loads.session.connection.exec_driver_sql(f"SET SESSION max_error_count = {messages}")
    good = content.split("\n")[0]
    assert loads.load("(`a`)", f"{good}\n".encode()) == (1, 0)
    assert loads.insert("`a`", row) > 0
    loads.roll_back()
    counts = loads.load("(`a`)", content.encode())
    assert isinstance(counts, int) or (counts[0] <= 2 and counts[1] > 0), counts
    loads.roll_back()


@pytest.mark.parametrize("content", ["1\n", "1\t2\t3\n", "1\t2\n\n"], ids=repr)
def test_fields_too_many_or_too_few_show_in_the_counts(loads: Loads, content: str) -> None:
    loads.make("a INT, b VARCHAR(9)")
    assert loads.load("(`a`, `b`)", content.encode()) != (1, 0)


@pytest.mark.parametrize("columns", ["a INT, b INT NOT NULL", "a INT, b INT AS (a) STORED"])
def test_what_counts_do_not_show_insert_refuses_for_every_row(loads: Loads, columns: str) -> None:
    """A new column without a default, and one that is computed now: that is why the first row goes by INSERT."""
    loads.make(columns)
    named = "`a`" if "NOT NULL" in columns else "`a`, `b`"
    assert loads.insert(named, ", ".join("1" for _ in named.split(","))) in {1364, 1906, 3105}


#: What a trigger does with a row; each fails an INSERT.
TRIGGERS = [
    "SIGNAL SQLSTATE '45000'",
    "SET NEW.b = 'too long'",
    "SET NEW.a = CAST('x' AS SIGNED)",
    "SET NEW.a = 1 / 0",
    "INSERT INTO {table}_log VALUES (1), (1)",
    "INSERT INTO {table}_log VALUES ('x')",
    "INSERT INTO {table}_log VALUES (NULL)",
    "BEGIN DECLARE small TINYINT; SET small = 1000; SET NEW.a = small; END",
]


@pytest.mark.parametrize("does", TRIGGERS)
def test_the_errors_of_a_trigger_that_nobody_saw_are_errors(loads: Loads, does: str) -> None:
    """An account needs TRIGGER to see one, which a writer's has not."""
    table = loads.table
    loads.make("a INT, b VARCHAR(3)")
    loads.run(f"CREATE TABLE {table}_log (x INT PRIMARY KEY)")
    assert loads.session.loads.takes_load(table)
    loads.session.connection.exec_driver_sql(
        f"CREATE TRIGGER tr_{table} BEFORE INSERT ON {table} FOR EACH ROW {does.format(table=table)}"
    )
    assert not loads.session.loads.takes_load(table), "seen, so not tried"
    number = loads.insert("`a`, `b`", "1, 'x'")
    loads.roll_back()
    assert number > 0
    assert loads.load("(`a`, `b`)", b'1\t"x"\n') == number
    loads.roll_back()
    loads.run(f"DROP TABLE {table}_log")


def test_a_server_may_turn_it_off_and_on_while_a_session_is_open(loads: Loads) -> None:
    loads.make("a INT")
    assert loads.session.loads.takes_load(loads.table)
    with server_setting(loads.admin.admin_database_url, "local_infile", 0):
        assert loads.load("(`a`)", b"1\n") in {1148, 3948, 4166}, "MariaDB, MySQL, and what stands between"
        assert loads.insert("`a`", "1") == 0, "the session is as good as before"
        assert loads.stored() == [(1,)]
        assert not loads.session.loads.takes_load(loads.table)
    assert loads.session.loads.takes_load(loads.table)
    assert loads.load("(`a`)", b"1\n") == (1, 0)
    assert loads.stored() == [(1,)]


def test_a_load_is_part_of_the_transaction_around_it(loads: Loads) -> None:
    loads.make("a INT")
    assert loads.insert("`a`", "1") == 0
    many = b"".join(b"%d\n" % number for number in range(2, 30_000))
    assert loads.load("(`a`)", many) == (29_998, 0)
    loads.roll_back()
    assert loads.stored() == []
