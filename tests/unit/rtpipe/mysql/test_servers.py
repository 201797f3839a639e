"""Several servers in one database URL: read, shown, and the first that takes writes is taken."""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar

import pymysql
import pytest

from rtpipe.mysql import engine
from rtpipe.mysql.engine import bare_connection, mysql_engine, mysql_url
from rtpipe.mysql.servers import address_of, first_writable, servers_of
from workers.database.errors import login_of, trouble_of

A, B, C = ("a", 3306), ("b", 3307), ("c", 3308)
REFUSED, READ_ONLY, NOT_REACHED, LOST = 1045, 1290, 2003, 2013


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("mysql://u:p@a/bank", [A]),
        ("mysql://u:p@a:3307/bank", [("a", 3307)]),
        ("mysql+pymysql://u:p@a:3306,b:3307/bank", [A, B]),
        ("mariadb://u:p@a,b:3307,c:3308/bank", [A, B, C]),
        ("mysql://u:p,q:x%40y@a,b:3307/bank", [A, B]),
        ("mysql://u@10.0.0.1,db-2.eu.example:3307", [("10.0.0.1", 3306), ("db-2.eu.example", 3307)]),
        ("mysql://u:p@[::1]:3306,[fe80::2]:3307/bank?ssl_ca=/a,b.pem", [("::1", 3306), ("fe80::2", 3307)]),
        ("mysql://u:p@[::1],[::2]/bank", [("::1", 3306), ("::2", 3306)]),
    ],
)
def test_servers_are_read_and_survive_as_text(text: str, servers: list[tuple[str, int]]) -> None:
    url = mysql_url(text)
    assert servers_of(url) == servers
    assert url.drivername == "mysql+pymysql"
    again = mysql_url(url.render_as_string(hide_password=False))
    assert again == url, "as settings hand it on"
    assert (again.username, again.password, again.database) == (url.username, url.password, url.database)


def test_what_else_a_url_says_is_kept() -> None:
    url = mysql_url("mysql://u:p%40@a,b:3307/bank?ssl_verify_identity=true")
    assert (url.username, url.password, url.database) == ("u", "p@", "bank")
    assert dict(url.query) == {"ssl_verify_identity": "true"}
    assert login_of(url) == "u@a:3306,b:3307/bank"
    assert address_of(mysql_url("mysql://u@[::1]:3306,b/")) == "[::1]:3306,b:3306"
    assert login_of(mysql_url("mysql://u@db:3307/bank")) == "u@db:3307/bank"


@pytest.mark.parametrize(
    "text",
    ["mysql://u:secret@a,/bank", "mysql://u:secret@a, b/bank", "mysql://u:secret@a:x,b/bank", "mysql://a,b/bank",
     "mysql://u:sec@ret@a,b/bank"],
)  # fmt: skip
def test_half_a_list_is_refused_without_the_password(text: str) -> None:
    with pytest.raises(ValueError, match=r"takes mysql|must be written") as found:
        mysql_url(text)
    assert "sec" not in str(found.value)


class FakeConnection:
    """Says what it is asked about its state."""

    def __init__(self, state: tuple[Any, ...] | Exception) -> None:
        self._state = state
        self.closed = False

    @contextlib.contextmanager
    def cursor(self) -> Any:
        yield self

    def execute(self, sql: str) -> None:
        assert sql == "SELECT @@GLOBAL.read_only, @@GLOBAL.innodb_read_only"
        if isinstance(self._state, Exception):
            raise self._state

    def fetchone(self) -> Any:
        return self._state

    def close(self) -> None:
        self.closed = True


def error(number: int, said: str) -> Exception:
    return pymysql.err.OperationalError(number, said)


def chosen(**servers: Any) -> Any:
    def connect(host: str, port: int) -> Any:
        found = servers[host]
        if isinstance(found, Exception):
            raise found
        return found

    return first_writable([A, B, C][: len(servers)], connect)


def test_the_first_that_takes_writes_is_taken() -> None:
    a, b, c = FakeConnection((1, 0)), FakeConnection((0, "OFF")), FakeConnection((0, 0))
    assert chosen(a=a, b=b, c=c) is b
    assert (a.closed, b.closed) == (True, False)
    assert chosen(a=error(NOT_REACHED, "no"), b=c) is c
    assert chosen(a=error(REFUSED, "no"), b=c) is c
    broken = FakeConnection(error(LOST, "gone"))
    assert chosen(a=broken, b=OSError(111, "refused"), c=c) is c
    assert broken.closed, "a connection that was lost while it was asked is not left open"


@pytest.mark.parametrize(
    ("servers", "number", "said"),
    [
        ({"a": FakeConnection((1, 0)), "b": error(NOT_REACHED, "cannot connect")}, READ_ONLY,
         "a:3306 is read only; b:3307: cannot connect"),
        ({"a": error(NOT_REACHED, "cannot connect"), "b": FakeConnection(("ON", 0))}, READ_ONLY,
         "a:3306: cannot connect; b:3307 is read only"),
        ({"a": FakeConnection((1, 0)), "b": error(REFUSED, "Access denied")}, REFUSED,
         "a:3306 is read only; b:3307: Access denied"),
        ({"a": error(NOT_REACHED, "no"), "b": error(LOST, "lost")}, NOT_REACHED, "a:3306: no; b:3307: lost"),
    ],
)  # fmt: skip
def test_without_one_the_error_says_what_each_said(servers: dict[str, Any], number: int, said: str) -> None:
    with pytest.raises(pymysql.err.OperationalError) as found:
        chosen(**servers)
    assert found.value.args == (number, said)
    if number == READ_ONLY:
        assert said in trouble_of(found.value).reason


class Driver(FakeConnection):
    """PyMySQL's connection, of which only `b` takes writes."""

    made: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, **options: Any) -> None:
        super().__init__((int(options["host"] != "b"), 0))
        self.options = options
        self._read_timeout = options.get("read_timeout")
        self.made.append(options)

    def connect(self) -> None:
        """It answers."""


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    monkeypatch.setattr(engine, "LoadingConnection", Driver)
    monkeypatch.setattr(Driver, "made", [])
    return Driver.made


def test_each_server_is_asked_for_its_own_certificate_in_its_share_of_the_time(made: list[dict[str, Any]]) -> None:
    url = mysql_url("mysql://u:p@a,b:3307/bank?ssl_verify_identity=true")
    taken: Any = bare_connection(url, connect_timeout=10, read_timeout=20)
    assert [(one["host"], one["port"], one["ssl"].check_hostname) for one in made] == [(*A, True), (*B, True)]
    assert [(one["connect_timeout"], one["read_timeout"]) for one in made] == [(5, 5), (5, 5)]
    assert (taken.options["database"], taken.options["user"], taken._read_timeout) == ("bank", "u", 20)


def test_an_engine_chooses_at_each_connection(made: list[dict[str, Any]]) -> None:
    where = mysql_url("mysql://u:p@c,b:3307/bank")
    with contextlib.suppress(AttributeError, TypeError):  # SQLAlchemy asks more of a connection than this one knows
        mysql_engine(where, connect_args={"connect_timeout": 1}).connect()
    assert [(one["host"], one["port"], one["connect_timeout"]) for one in made[:2]] == [("c", 3306, 1), (*B, 1)]


def test_one_server_is_not_asked_whether_it_takes_writes(made: list[dict[str, Any]]) -> None:
    taken: Any = bare_connection(mysql_url("mysql://u:p@a/bank"), read_timeout=20)
    assert (taken.options["host"], taken.options["read_timeout"], len(made)) == ("a", 20, 1)
