"""Rows from memory as the content of a LOAD DATA LOCAL; the server is a thread that says what a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import SimpleQueue

import pymysql
import pytest
from sqlalchemy import make_url

from rtpipe.mysql.engine import bare_connection
from rtpipe.mysql.local_load import FILE_NAME, LoadingConnection
from tests.support.servers.packet_server import Answer, PacketLink, PacketServer

Connect = Callable[[Answer], LoadingConnection]


@pytest.fixture
def connect() -> Iterator[Connect]:
    servers = []

    def to(answer: Answer) -> LoadingConnection:
        servers.append(PacketServer(answer))
        return bare_connection(make_url(servers[-1].url), local_infile=True, read_timeout=10)

    yield to
    for server in servers:
        server.close()


def number_of(error: pytest.ExceptionInfo[pymysql.err.Error]) -> int:
    return int(error.value.args[0])


def test_packets_go_to_the_server_and_its_counts_come_back(connect: Connect) -> None:
    got: list[list[bytes]] = []

    def answer(link: PacketLink, statement: str) -> None:
        assert statement == "LOAD"
        link.ask_for(FILE_NAME)
        got.append(link.content())
        link.ok(rows=3, warnings=2)

    connection = connect(answer)
    content = [b"%d" % at for at in range(300)]  # their numbers begin anew after 255
    assert connection.load(b"LOAD", [memoryview(packet) for packet in content]) == (3, 2)
    assert got == [content]
    assert connection.load(b"LOAD", []) == (3, 2)


@pytest.mark.parametrize("named", ["/etc/passwd", f"./{FILE_NAME}", FILE_NAME + "\0", ""])
def test_a_request_for_any_other_file_gets_nothing_and_ends_the_connection(connect: Connect, named: str) -> None:
    sent = SimpleQueue[list[bytes]]()

    def answer(link: PacketLink, _: str) -> None:
        link.ask_for(named)
        sent.put(link.content())

    connection = connect(answer)
    with pytest.raises(pymysql.err.OperationalError) as found:
        connection.load(b"LOAD", [b"rows"])
    assert (number_of(found), connection.open, sent.get(timeout=10)) == (2068, False, [])


@pytest.mark.parametrize("named", ["/etc/passwd", FILE_NAME])
def test_a_request_at_any_other_statement_gets_nothing(connect: Connect, named: str) -> None:
    sent = SimpleQueue[list[bytes]]()

    def answer(link: PacketLink, _: str) -> None:
        link.ask_for(named)
        sent.put(link.content())

    for unbuffered in (False, True):
        connection = connect(answer)
        with pytest.raises(pymysql.err.OperationalError) as found:
            connection.query("SELECT 1", unbuffered=unbuffered)
        assert (number_of(found), connection.open, sent.get(timeout=10)) == (2068, False, [])


def test_content_is_sent_once(connect: Connect) -> None:
    sent = SimpleQueue[list[bytes]]()

    def answer(link: PacketLink, statement: str) -> None:
        link.ask_for(FILE_NAME)
        sent.put(link.content())
        if statement == "LOAD":
            link.ok(rows=1)

    connection = connect(answer)
    connection.load(b"LOAD", [b"rows"])
    with pytest.raises(pymysql.err.OperationalError) as found:
        connection.query("SELECT 1")
    assert number_of(found) == 2068
    assert [sent.get(timeout=10), sent.get(timeout=10)] == [[b"rows"], []]


def test_an_error_instead_of_a_request_leaves_the_connection_good(connect: Connect) -> None:
    def answer(link: PacketLink, statement: str) -> None:
        if statement == "LOAD":
            link.error(3948)
        else:
            link.ok(rows=1)

    connection = connect(answer)
    with pytest.raises(pymysql.err.Error) as found:
        connection.load(b"LOAD", [b"rows"])
    assert number_of(found) == 3948
    assert connection.query("UPDATE") == 1
    with pytest.raises(pymysql.err.Error):
        connection.load(b"LOAD", [b"rows"])


def test_an_error_after_the_content_is_the_statements(connect: Connect) -> None:
    def answer(link: PacketLink, _: str) -> None:
        link.ask_for(FILE_NAME)
        link.content()
        link.error(1205)

    connection = connect(answer)
    with pytest.raises(pymysql.err.OperationalError) as found:
        connection.load(b"LOAD", [b"rows"])
    assert (number_of(found), connection.open) == (1205, True)


def test_a_server_that_goes_in_the_middle_of_the_content_is_a_lost_connection(connect: Connect) -> None:
    def answer(link: PacketLink, _: str) -> None:
        link.ask_for(FILE_NAME)
        link.receive()
        link.socket.close()

    connection = connect(answer)
    with pytest.raises(pymysql.err.OperationalError) as found:
        connection.load(b"LOAD", [bytes(1 << 20)] * 64)
    assert (number_of(found) in {2006, 2013}, connection.open) == (True, False)


def test_what_is_no_end_of_a_load_is_out_of_sync(connect: Connect) -> None:
    def answer(link: PacketLink, _: str) -> None:
        link.ask_for(FILE_NAME)
        link.content()
        link.send(b"\x01")  # a result with a column

    connection = connect(answer)
    with pytest.raises(pymysql.err.OperationalError) as found:
        connection.load(b"LOAD", [b"rows"])
    assert (number_of(found), connection.open) == (2014, False)


def test_a_server_that_wants_no_content_wrote_nothing(connect: Connect) -> None:
    connection = connect(lambda link, _: link.ok())
    assert connection.load(b"LOAD", [b"rows"]) == (0, 0)


def test_content_that_fails_ends_the_connection(connect: Connect) -> None:
    def answer(link: PacketLink, _: str) -> None:
        link.ask_for(FILE_NAME)
        link.content()

    def content() -> Iterator[bytes]:
        yield b"rows"
        raise KeyboardInterrupt

    connection = connect(answer)
    with pytest.raises(KeyboardInterrupt):
        connection.load(b"LOAD", content())
    assert not connection.open


class TestResults:
    def test_of_several_statements_the_rows_of_each(self, connect: Connect) -> None:
        def answer(link: PacketLink, _: str) -> None:
            link.ok(rows=1, more=True)
            link.ok(rows=2)

        connection = connect(answer)
        assert list(connection.results(b"UPDATE;UPDATE")) == [1, 2]
        assert list(connection.results(b"UPDATE;UPDATE")) == [1, 2]

    @pytest.mark.parametrize(
        ("sent", "rows"), [(b"\xfa", 250), (b"\xfc\x10\x27", 10_000), (b"\xfd\x01\x00\x01", 65_537)]
    )
    def test_rows_may_be_many(self, connect: Connect, sent: bytes, rows: int) -> None:
        connection = connect(lambda link, _: link.send(b"\0" + sent + b"\xfc\1\1" + b"\2\0" + b"\0\0said"))
        assert list(connection.results(b"UPDATE;UPDATE")) == [rows]

    def test_a_packet_of_another_number_ends_the_connection(self, connect: Connect) -> None:
        def answer(link: PacketLink, _: str) -> None:
            link.number += 1
            link.ok()

        connection = connect(answer)
        with pytest.raises(pymysql.err.OperationalError) as found:
            list(connection.results(b"UPDATE;UPDATE"))
        assert (number_of(found), connection.open) == (2014, False)

    def test_the_first_error_ends_them_and_leaves_the_connection_good(self, connect: Connect) -> None:
        def answer(link: PacketLink, _: str) -> None:
            link.ok(rows=1, more=True)
            link.error(1205)

        connection, rows = connect(answer), list[int]()
        with pytest.raises(pymysql.err.OperationalError) as found:
            rows.extend(connection.results(b"UPDATE;UPDATE"))
        assert (number_of(found), connection.open) == (1205, True)

    @pytest.mark.parametrize("says", [lambda link: link.ask_for("/etc/passwd"), lambda link: link.rows("1")])
    def test_any_other_answer_ends_the_connection_and_gets_nothing(
        self, connect: Connect, says: Callable[[PacketLink], None]
    ) -> None:
        connection = connect(lambda link, _: says(link))
        with pytest.raises(pymysql.err.OperationalError) as found:
            list(connection.results(b"UPDATE;UPDATE"))
        assert (number_of(found), connection.open) == (2014, False)

    def test_who_does_not_take_all_of_them_ends_the_connection(self, connect: Connect) -> None:
        """The next statement's answer would be taken for that of the one before."""
        connection = connect(lambda link, _: link.ok(rows=1, more=True))
        for _rows in connection.results(b"UPDATE;UPDATE"):
            break
        assert not connection.open
