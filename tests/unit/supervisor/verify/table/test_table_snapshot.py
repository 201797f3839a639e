"""The database side of verify on a connection that is a fake: what it asks, and how errors of the server are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pymysql
import pytest

from avro_schemas.tables.layout import table_layout
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import RtpipeError, SettingsError, UnreachableError
from supervisor.verify.table import snapshot_connection as module
from supervisor.verify.table.row_reader import RowReader
from supervisor.verify.table.table_snapshot import TableReader
from tests.support.samples.row_packets import row_packet
from tests.support.samples.verified_topic import SCHEMA

URL = "mysql+pymysql://infra:secret@db:3307/bank"


class FakeConnection:
    """`answers`: what a statement that begins with these words gives: rows, or the error that is raised."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.arguments: list[Any] = []
        self.answers: dict[str, Any] = {}
        self.names: tuple[str, ...] = ()
        self.closed = False
        self._rows: list[Any] = []

    def cursor(self) -> FakeConnection:
        return self

    def __enter__(self) -> FakeConnection:
        return self

    def __exit__(self, *_: object) -> None: ...

    @property
    def description(self) -> list[tuple[str, ...]]:
        return [(name,) for name in self.names]

    def execute(self, sql: str, arguments: Any = None) -> None:
        text = " ".join(sql.split())
        self.said.append(text)
        self.arguments.append(arguments)
        answer: Any = next((found for words, found in self.answers.items() if text.startswith(words)), [])
        if isinstance(answer, Exception):
            raise answer
        self._rows = list(answer)

    def fetchall(self) -> list[Any]:
        return self._rows

    def close(self) -> None:
        self.closed = True
        raise OSError("the socket is gone")


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> FakeConnection:
    made = FakeConnection()
    monkeypatch.setattr(module, "bare_connection", lambda *_, **__: made)
    return made


@pytest.fixture
def reader(connection: FakeConnection) -> TableReader:
    return TableReader(URL, timeout=3)


def test_everything_is_read_from_one_snapshot(connection: FakeConnection) -> None:
    with TableReader(URL, timeout=3) as reader:
        snapshot = [
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ]
        assert connection.said[-2:] == snapshot
        connection.answers["SELECT COUNT(*) FROM `orders`"] = [("5",)]
        assert reader.count("orders") == 5
        reader.refresh()
        assert connection.said[-2:] == snapshot
    assert connection.closed


def test_each_snapshot_is_taken_with_the_password_of_now(
    connection: FakeConnection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret, passwords = tmp_path / "url", list[str]()
    secret.write_text(URL)

    def opened(url: Any, **_: object) -> FakeConnection:
        passwords.append(str(url.password))
        return connection

    monkeypatch.setattr(module, "bare_connection", opened)
    with TableReader(URL, timeout=3, file=str(secret)) as reader:
        secret.write_text(URL.replace("secret", "other"))
        reader.refresh()
    assert passwords == ["secret", "other"]


def test_offsets_and_totals_of_the_group(reader: TableReader, connection: FakeConnection) -> None:
    connection.answers["SELECT `partition`, `offset`, rows_total"] = [("0", "12", "10", "2"), ("1", "5", "5", "0")]
    assert reader.offsets("orders", "g") == {0: (12, 10, 2), 1: (5, 5, 0)}
    assert connection.arguments[-1] == ("orders", "g")


class TestDeadLetters:
    def test_their_digests(self, reader: TableReader, connection: FakeConnection) -> None:
        connection.answers["SELECT"] = [("0", "7", "0aff"), ("1", "8", None)]
        assert reader.dead_letters("orders", "g") == {(0, 7): b"\x0a\xff", (1, 8): None}
        assert connection.arguments[-1] == ("orders", "g")

    def test_no_table_for_them(self, reader: TableReader, connection: FakeConnection) -> None:
        connection.answers["SELECT"] = pymysql.err.ProgrammingError(1146, "Table 'bank.x' doesn't exist")
        assert reader.dead_letters("orders", "g") is None

    def test_any_other_trouble_is_not_taken_for_none(self, reader: TableReader, connection: FakeConnection) -> None:
        connection.answers["SELECT"] = pymysql.err.OperationalError(1142, "SELECT command denied")
        with pytest.raises(AccessDeniedError):
            reader.dead_letters("orders", "g")


def test_rows_come_in_batches_and_in_the_form_of_both_sides(
    reader: TableReader, connection: FakeConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = table_layout(SCHEMA, table="orders").columns
    asked: list[str] = []

    def row_packets(driver: object, statement: str) -> tuple[list[bool], list[list[bytes]]]:
        assert driver is connection
        asked.append(statement)
        if len(asked) > 1:
            return [True] * 2, [[row_packet([b"1", None])], []]
        first = [row_packet([b"0", b"%d" % n, b"%d" % n, b"a"]) for n in range(2)]
        return [True] * 4, [first, [row_packet([b"0", b"2", b"x", None])]]

    monkeypatch.setattr(module, "row_packets", row_packets)
    found = list(reader.rows("orders", RowReader(columns, with_position=True)))
    assert found == [[(0, 0, 0, "a"), (0, 1, 1, "a")], [(0, 2, "x", None)]]
    assert list(reader.rows("orders", RowReader(columns))) == [[(1, None)], []]
    assert asked == [
        "SELECT `_kafka_partition`, `_kafka_offset`, `id`, `name` FROM `orders`",
        "SELECT `id`, `name` FROM `orders`",
    ]


@pytest.mark.parametrize(
    ("names", "told"),
    [(("id", "_kafka_partition", "_kafka_offset"), True), (("id", "_kafka_offset"), False), (("id",), False)],
)
def test_whether_rows_say_their_position(
    reader: TableReader, connection: FakeConnection, names: tuple[str, ...], told: bool
) -> None:
    connection.names = names
    assert reader.has_position("orders") is told


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (pymysql.err.ProgrammingError(1146, "Table 'bank.t' doesn't exist"), SettingsError, "a table is missing in db"),
        (pymysql.err.OperationalError(1054, "Unknown column 'x'"), SettingsError, "does not fit its schema"),
        (pymysql.err.OperationalError(1142, "denied"), AccessDeniedError, "refused access"),
        (pymysql.err.OperationalError(1045, "denied"), AccessDeniedError, "refused access"),
        (pymysql.err.OperationalError(2013, "Lost connection"), UnreachableError, "does not answer: 2013"),
        (pymysql.err.OperationalError(1205, "Lock wait"), UnreachableError, "cannot be read for now: 1205"),
        (pymysql.err.OperationalError(1290, "read-only"), UnreachableError, "cannot be read for now: 1290"),
        (ConnectionResetError("reset"), UnreachableError, "does not answer: reset"),
    ],
)
def test_errors_say_where_and_never_the_password(
    reader: TableReader, connection: FakeConnection, error: Exception, kind: type[RtpipeError], said: str
) -> None:
    connection.answers["SELECT COUNT"] = error
    with pytest.raises(kind, match=said) as refused:
        reader.count("orders")
    assert "secret" not in f"{refused.value} {refused.value.hint}"
    if isinstance(error, pymysql.err.Error):
        assert refused.value.hint


def test_a_url_that_is_none() -> None:
    with pytest.raises(SettingsError, match="the database URL cannot be read"):
        TableReader("no url: secret", timeout=1)
