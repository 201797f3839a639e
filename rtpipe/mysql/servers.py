"""Several servers in one URL, `user:password@a:3306,b:3306`: how they are written, and which one is connected to.

SQLAlchemy's URLs know one host: the list stands in its place, and its text between square brackets.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import pymysql
from sqlalchemy import URL, make_url

from rtpipe.mysql.error_lookup import is_connection_error
from rtpipe.mysql.error_numbers import CONNECTION_LOST, READ_ONLY, number_of
from rtpipe.mysql.local_load import LoadingConnection
from rtpipe.mysql.server_list import without_servers

_PORT = 3306
#: Not `super_read_only`: it sets `read_only`, too. Readers of Aurora have `innodb_read_only`.
_STATE = "SELECT @@GLOBAL.read_only, @@GLOBAL.innodb_read_only"
_OFF = frozenset({"0", "OFF", "NONE"})
#: Host and port.
Server = tuple[str, int]


def url_of(text: str) -> URL:
    """SQLAlchemy's URL for a text that may name several servers. Raises as `make_url`; ValueError for half a list."""
    listed, one = without_servers(text)
    url = make_url(one)
    if listed:
        return url.set(host=",".join(_shown(*_server(server)) for server in listed))
    if "," in (url.host or ""):
        raise ValueError("its list of hosts cannot be read")
    return url


def servers_of(where: URL) -> list[Server]:
    """The servers of a URL, in its order."""
    host = where.host or "localhost"
    return [_server(one) for one in host.split(",")] if "," in host else [(host, where.port or _PORT)]


def address_of(where: URL) -> str:
    """The servers as they may be shown: `a:3306`, or `a:3306,b:3306`."""
    return ",".join(_shown(*one) for one in servers_of(where))


def takes_writes(ask: Callable[[str], Sequence[Any]]) -> bool:
    """Whether a server takes writes of accounts like ours. `ask` runs a query and gives the row of its answer."""
    return all(str(value).upper() in _OFF for value in ask(_STATE))


def first_writable(servers: Sequence[Server], connect: Callable[[str, int], LoadingConnection]) -> LoadingConnection:
    """A connection to the first server that takes writes.

    Raises pymysql.err.OperationalError with what each of them said, and the number of what tells most: a refusal, then
    that one is read only, then that one is not reached.
    """
    refused: list[tuple[int, str]] = []
    for host, port in servers:
        try:
            connection = connect(host, port)
            if takes_writes(functools.partial(_asked, connection)):
                return connection
            connection.close()
            refused.append((READ_ONLY, f"{_shown(host, port)} is read only"))
        except (pymysql.err.Error, OSError) as error:
            number = number_of(error) if isinstance(error, pymysql.err.Error) else CONNECTION_LOST
            refused.append((number, f"{_shown(host, port)}: {error.args[-1] if error.args else error}"))
    numbers = [number for number, _ in refused]
    telling = [one for one in numbers if one != READ_ONLY and not is_connection_error(one)]
    number = next(iter(telling), READ_ONLY if READ_ONLY in numbers else numbers[0])
    raise pymysql.err.OperationalError(number, "; ".join(text for _, text in refused))


def _asked(connection: LoadingConnection, sql: str) -> Sequence[Any]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return tuple(cursor.fetchone() or ())
    except BaseException:
        connection.close()
        raise


def _server(text: str) -> Server:
    """Of `host`, `host:port`, `[address]` or `[address]:port`."""
    inside, bracket, rest = text[1:].partition("]") if text.startswith("[") else ("", "", text)
    host, _, port = rest.partition(":")
    return (inside if bracket else host), int(port or _PORT)


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
