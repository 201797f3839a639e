"""Rows straight from the server's packets: every length of a value, parts of packets, and how an answer may end."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtpipe.mysql import row_packets
from rtpipe.mysql.row_packets import Cells, cells_of
from tests.support.samples.row_packets import row_packet

END = b"\xfe\0\0\2\0"


def packets(*contents: bytes, first: int = 5) -> bytes:
    heads = [len(one).to_bytes(3, "little") + bytes([(first + n) % 256]) for n, one in enumerate(contents)]
    return b"".join(head + one for head, one in zip(heads, contents, strict=True))


class Stream(io.BytesIO):
    """Gives so many bytes at most at a time."""

    most = 1 << 20

    def read1(self, size: int | None = -1) -> bytes:
        return self.read(min(size or 0, self.most))


class FakeDriver:
    """A connection whose answer to a query of two columns, a text and bytes, are these bytes."""

    def __init__(self, sent: bytes, *, most: int = 1 << 20) -> None:
        self._rfile = Stream(sent)
        self._rfile.most = most
        self._next_seq_id = 5
        self._result = SimpleNamespace(converters=[("utf8", None), (None, None)], unbuffered_active=True)
        self.closed = False

    def query(self, statement: str, *, unbuffered: bool) -> None:
        assert (statement, unbuffered) == ("SELECT", True)

    def _force_close(self) -> None:
        self.closed = True


def rows(driver: Any) -> list[Cells]:
    texts, parts = row_packets.row_packets(driver, "SELECT")
    assert texts == [True, False]
    return [cells_of(packet, 2) for part in parts for packet in part]


@given(st.lists(st.tuples(st.none() | st.binary(max_size=300), st.none() | st.binary(max_size=3))), st.integers(1, 700))
def test_rows_come_as_they_were_sent_however_they_are_cut(sent: list[tuple[bytes | None, ...]], most: int) -> None:
    contents = [row_packet(row) for row in sent]
    driver = FakeDriver(packets(*contents, END), most=most)
    assert rows(driver) == [list(row) for row in sent]
    assert not driver.closed
    assert not driver._result.unbuffered_active


@pytest.mark.parametrize("size", [0, 250, 251, 65_535, 65_536, row_packets.CHUNK * 2])
def test_values_of_every_length(size: int) -> None:
    sent = [b"x" * size, None]
    assert rows(FakeDriver(packets(row_packet(sent), END), most=50_000)) == [sent]


@pytest.mark.parametrize("size", [18, 37, 38, 39, 57, 58])
def test_a_row_larger_than_a_packet(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(row_packets, "_FULL", 20)
    content = row_packet([b"y" * size, b""])
    parts = [content[at : at + 20] for at in range(0, len(content) + 1, 20)]
    after = row_packet([b"z", b""])
    assert rows(FakeDriver(packets(*parts, after, END), most=7)) == [[b"y" * size, b""], [b"z", b""]]


def test_an_error_after_some_rows() -> None:
    error = b"\xff" + (1317).to_bytes(2, "little") + b"#70100Query execution was interrupted"
    driver = FakeDriver(packets(row_packet([b"a", b"b"]), error))
    with pytest.raises(pymysql.err.OperationalError, match="interrupted") as raised:
        rows(driver)
    assert raised.value.args[0] == 1317
    assert not driver.closed


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        (packets(row_packet([b"a", b"b"])), 2013),
        (packets(row_packet([b"a", b"b"]))[:-1], 2013),
        (packets(END, first=7), 2014),
    ],
)
def test_a_connection_that_breaks_is_closed(sent: bytes, number: int) -> None:
    driver = FakeDriver(sent)
    with pytest.raises(pymysql.err.Error) as raised:
        rows(driver)
    assert raised.value.args[0] == number
    assert driver.closed


def test_rows_that_nobody_wants_any_more_close_the_connection() -> None:
    driver: Any = FakeDriver(packets(row_packet([b"a", b"b"]), END), most=8)
    _, parts = row_packets.row_packets(driver, "SELECT")
    next(parts)
    del parts
    assert driver.closed
