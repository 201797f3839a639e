"""One connection that reads one consistent snapshot, and the server's errors in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Self

import pymysql
import pymysql.converters
import pymysql.cursors
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import SettingsError, UnreachableError
from rtpipe.mysql.engine import bare_connection
from rtpipe.mysql.error_advice import Kind, meaning_of
from rtpipe.mysql.error_lookup import is_connection_error
from rtpipe.mysql.error_numbers import NO_TABLE, UNKNOWN_COLUMN, number_of
from rtpipe.mysql.local_load import LoadingConnection
from rtpipe.mysql.row_packets import row_packets
from rtpipe.mysql.servers import address_of
from rtpipe.secret_files import current_url
from rtpipe.tls_trouble import OF_DATABASE, TlsError, tls_trouble

_SNAPSHOT = (
    "SET SESSION time_zone = '+00:00', sql_mode = '', wait_timeout = 28800, net_write_timeout = 3600",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)


class SnapshotConnection:
    """Everything is read as it was together, also while writers go on; values come as the server's own text.

    Raises UnreachableError, AccessDeniedError, and SettingsError for a table or column that is not there.
    """

    def __init__(self, database_url: str, *, timeout: float, file: str = "") -> None:
        """`file`: where the URL is read again at each connection."""
        self._url, self._file = database_url, file
        self._timeout = timeout
        self._connection = self._opened()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(pymysql.MySQLError, OSError):
            self._connection.close()

    def refresh(self) -> None:
        """Take a new snapshot, by a new connection: with the password of now, and of the server that takes writes."""
        self.__exit__()
        self._connection = self._opened()

    def _opened(self) -> LoadingConnection:
        try:
            url = make_url(current_url(self._url, self._file))
        except ArgumentError:
            raise SettingsError(
                "the database URL cannot be read", hint="it is like mysql+pymysql://user:password@host:3306/bank"
            ) from None
        self._where = f"{address_of(url)}/{url.database or ''} as {url.username}"
        with self._translated():
            connection = bare_connection(
                url,
                charset="utf8mb4",
                connect_timeout=max(1, round(self._timeout)),
                conv=dict(pymysql.converters.encoders),  # no decoders: values come as the server's own text
                cursorclass=pymysql.cursors.SSCursor,
            )
            with connection.cursor() as cursor:
                for statement in _SNAPSHOT:
                    cursor.execute(statement)
        return connection

    def all(self, sql: str, arguments: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a short answer."""
        with self._translated(), self._connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())

    def names(self, sql: str) -> set[str]:
        """The names of the columns of an answer."""
        with self._translated(), self._connection.cursor() as cursor:
            cursor.execute(sql)
            return {column[0] for column in cursor.description}

    def stream(self, sql: str) -> Iterator[tuple[Sequence[bool], list[bytes]]]:
        """A long answer as it comes: which columns are text, not bytes, and the packets of some rows."""
        with self._translated():
            texts, parts = row_packets(self._connection, sql)
            for packets in parts:
                yield texts, packets

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """The driver's errors as rtpipe's: by number, since their texts may hold values."""
        try:
            yield
        except pymysql.err.Error as exc:
            raise self._refused(exc) from exc
        except OSError as exc:
            raise UnreachableError(f"the database at {self._where} does not answer: {exc}") from exc

    def _refused(self, exc: pymysql.err.Error) -> Exception:
        number, text = number_of(exc), exc.args[1] if len(exc.args) > 1 else ""
        meaning = meaning_of(number, exc.sqlstate or "", "RTPIPE_INFRA_DATABASE_URL")
        if number == NO_TABLE:
            return SettingsError(f"a table is missing in {self._where}: {text}", hint="`rtpipe setup` makes tables")
        if number == UNKNOWN_COLUMN:
            return SettingsError(
                f"the table does not fit its schema: {text}", hint="`rtpipe table plan` shows the columns it needs"
            )
        if meaning.kind is Kind.REFUSED:
            return AccessDeniedError(f"the database at {self._where} refused access: {text}", hint=meaning.hint)
        if meaning.kind is Kind.SETUP:
            return SettingsError(f"the database at {self._where} refuses to be read: {number} {text}")
        if trouble := tls_trouble(text, OF_DATABASE) if is_connection_error(number) else None:
            return TlsError(f"the database at {self._where}: {trouble.what}", hint=trouble.hint)
        state = "does not answer" if meaning.kind is Kind.NOT_REACHED else "cannot be read for now"
        return UnreachableError(f"the database at {self._where} {state}: {number} {text}", hint=meaning.hint)
