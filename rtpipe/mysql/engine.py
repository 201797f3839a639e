"""Connections by PyMySQL, with SQLAlchemy or bare, that heed what the URL says of TLS and are open in a moment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql
from sqlalchemy.exc import ArgumentError

from rtpipe.credentials import unescaped
from rtpipe.errors import SettingsError
from rtpipe.mysql.local_load import LoadingConnection
from rtpipe.mysql.servers import address_of, first_writable, servers_of, url_of
from rtpipe.mysql.tls import tls_options, unverified

_UNVERIFIED = unverified()
#: Seconds to connect to one server of several, if nobody says how many: PyMySQL's own for all; the least for one.
_CONNECT_TIMEOUT, _LEAST = 10.0, 1.0


def mysql_url(text: str) -> URL:
    """A database URL, its driver filled in; it may name several servers (`servers`). ValueError, in words that hold no
    part of the password, if it is none.
    """
    shape = "takes mysql+pymysql://user:password@host:3306/bank, or several servers: host1:3306,host2:3306"
    try:
        url = url_of(text)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number, which may be half a password
        raise ValueError(unescaped(text) or shape) from None
    if url.get_backend_name() not in {"mysql", "mariadb"}:
        raise ValueError(f"takes mysql+pymysql://…, not {url.drivername}://…")
    torn = {"/", "@", ":"} & set(url.database or "") or "@" in (url.host or "") or not url.username
    if torn or url.get_driver_name() not in {"pymysql", "mysqldb"}:  # mysqldb is what is filled in for plain mysql://
        raise ValueError(unescaped(text) or shape)
    return url.set(drivername="mysql+pymysql")


def mysql_engine(where: URL, **options: Any) -> Engine:
    """`create_engine` with these options. No error of it repeats values or the password.

    SettingsError, here or when it connects, if a parameter of the URL is wrong; OSError of a file for TLS.
    """
    with _named(where):
        plain, tls = _split(where)
        engine = create_engine(plain, hide_parameters=True, **options)
    event.listen(engine, "do_connect", lambda _dialect, _record, _arguments, known: _connect(where, known, tls))
    return engine


def is_mariadb(connection: Connection) -> bool:
    """Whether the server is MariaDB and not MySQL, as SQLAlchemy found it when the engine first connected."""
    return bool(getattr(connection.dialect, "is_mariadb", False))


def bare_connection(where: URL, **options: Any) -> LoadingConnection:
    """A connection without SQLAlchemy; `options` override the URL's parameters. Raises as `mysql_engine` does."""
    with _named(where):
        plain, tls = _split(where)
        known = MySQLDialect_pymysql().create_connect_args(plain)[1]
    return _connect(where, {**known, **options}, tls)


def _split(where: URL) -> tuple[URL, dict[str, Any]]:
    """The URL without its parameters for TLS, and what they ask of PyMySQL."""
    named = {name: value if isinstance(value, str) else value[-1] for name, value in where.query.items()}
    about_tls = {name: value for name, value in named.items() if name.startswith("ssl")}
    return where.difference_update_query(list(about_tls)), tls_options(about_tls)


def _connect(where: URL, options: dict[str, Any], tls: dict[str, Any]) -> LoadingConnection:
    """To the one server, or to the first of several that takes writes: all together may take as long as one."""
    servers = servers_of(where)
    if len(servers) == 1:
        return _connected(where, options, tls)
    share = max(_LEAST, options.get("connect_timeout", _CONNECT_TIMEOUT) / len(servers))
    quick = options | {"connect_timeout": share, "read_timeout": share}

    def connect(host: str, port: int) -> LoadingConnection:
        return _connected(where, quick | {"host": host, "port": port}, tls)

    connection = first_writable(servers, connect)
    connection._read_timeout = options.get("read_timeout")  # type: ignore[attr-defined]  # noqa: SLF001 - after the looks
    return connection


def _connected(where: URL, options: dict[str, Any], tls: dict[str, Any]) -> LoadingConnection:
    """With no word about TLS: if the server offers it, and unverified, which is PyMySQL's default."""
    with _named(where):
        by_file = any(name.startswith("read_default") for name in options)
        if tls or by_file:
            connection = LoadingConnection(**options, **tls, defer_connect=True)
        else:
            connection = LoadingConnection(**options, ssl_disabled=True, defer_connect=True)
            connection.ssl, connection.ctx = True, _UNVERIFIED  # type: ignore[attr-defined]
    connection.connect()
    return connection


@contextlib.contextmanager
def _named(where: URL) -> Iterator[None]:
    """What is wrong with the parameters, as a SettingsError."""
    try:
        yield
    except (TypeError, ValueError, NotImplementedError) as error:
        raise SettingsError(
            f"the database URL for {address_of(where)}: a parameter after the ? is wrong: {error}",
            hint="they are PyMySQL's, such as ssl_ca=/etc/ssl/certs/ca.pem; docs/settings.md has those for TLS",
        ) from None
