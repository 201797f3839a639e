"""The database side of `rtpipe verify`: one consistent snapshot of kafka_offsets and the tables, read as a stream."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import pymysql
import pymysql.converters
import pymysql.cursors
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from avro_schemas.columns.types import ColumnShape
from avro_schemas.naming import OFFSETS_TABLE
from avro_schemas.tables.metadata_columns import POSITION
from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import SettingsError, UnreachableError
from rtpipe.mysql.engine import bare_connection
from rtpipe.mysql.error_kinds import Kind, meaning_of
from rtpipe.mysql.error_numbers import NO_TABLE, UNKNOWN_COLUMN, number_of
from rtpipe.mysql.quoting import quoted
from supervisor.verify.forms.values import Row, from_table, select_list

BATCH = 2_000  #: rows a fetch

_DEAD_LETTERS = f"""
    SELECT letter.`partition`, letter.`offset`, SHA2(letter.value, 256) FROM {DEAD_LETTERS.name} AS letter
    JOIN {OFFSETS_TABLE} AS ledger USING (topic, `partition`, consumer_group, topic_id)
    WHERE letter.topic = %s AND letter.consumer_group = %s
"""
_SESSION = (
    "SET SESSION time_zone = '+00:00', sql_mode = '', wait_timeout = 28800, net_write_timeout = 3600",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
)


class TableReader:
    """One connection, one snapshot: rows and offsets as they were together, also while writers go on.

    Raises UnreachableError, AccessDeniedError, and SettingsError for a table or column that is not there.
    """

    def __init__(self, database_url: str, *, timeout: float) -> None:
        try:
            url = make_url(database_url)
        except ArgumentError:
            raise SettingsError(
                "the database URL cannot be read", hint="it is like mysql+pymysql://user:password@host:3306/bank"
            ) from None
        self._where = f"{url.host or 'localhost'}:{url.port or 3306}/{url.database or ''} as {url.username}"
        with self._translated():
            self._connection = bare_connection(
                url,
                charset="utf8mb4",
                connect_timeout=max(1, round(timeout)),
                conv=dict(pymysql.converters.encoders),  # no decoders: values come as the server's own text
                cursorclass=pymysql.cursors.SSCursor,
            )
            self._run(*_SESSION)
            self.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(pymysql.MySQLError, OSError):
            self._connection.close()

    def refresh(self) -> None:
        """Take a new snapshot."""
        self._run("ROLLBACK", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def offsets(self, topic: str, group: str) -> dict[int, tuple[int, int, int]]:
        """{partition: (stored offset, rows_total, dead_total)} of kafka_offsets."""
        select = f"SELECT `partition`, `offset`, rows_total, dead_total FROM {OFFSETS_TABLE}"
        rows = self._all(f"{select} WHERE topic = %s AND consumer_group = %s", (topic, group))
        return {int(row[0]): (int(row[1]), int(row[2]), int(row[3])) for row in rows}

    def dead_letters(self, topic: str, group: str) -> dict[tuple[int, int], bytes | None] | None:
        """{(partition, offset): SHA-256 of the value} of the topic's dead letters; None: it was too large to keep.

        None if there is no table for them.
        """
        try:
            rows = self._all(_DEAD_LETTERS, (topic, group))
        except SettingsError:  # a table that nobody has made yet
            return None
        return {(int(row[0]), int(row[1])): None if row[2] is None else bytes.fromhex(row[2]) for row in rows}

    def count(self, table: str) -> int:
        """The rows of a table."""
        return int(self._all(f"SELECT COUNT(*) FROM {quoted(table)}")[0][0])

    def has_position(self, table: str) -> bool:
        """Whether the rows say which partition and offset they came from."""
        with self._translated(), self._connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {quoted(table)} LIMIT 0")
            names = {column[0] for column in cursor.description}
        return names.issuperset(POSITION)

    def rows(self, table: str, columns: Sequence[ColumnShape], *, with_position: bool) -> Iterator[list[Row]]:
        """Every row, in batches; with `with_position` a row begins with partition and offset."""
        position = "".join(f"{quoted(name)}, " for name in POSITION) if with_position else ""
        to_row: Callable[[Sequence[Any]], Row] = from_table(columns, leading=len(POSITION) if with_position else 0)
        with self._translated(), self._connection.cursor() as cursor:
            cursor.execute(f"SELECT {position}{select_list(columns)} FROM {quoted(table)}")
            while batch := cursor.fetchmany(BATCH):
                yield [to_row(texts) for texts in batch]

    def _all(self, sql: str, arguments: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        with self._translated(), self._connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())

    def _run(self, *statements: str) -> None:
        with self._translated(), self._connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

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
        state = "does not answer" if meaning.kind is Kind.NOT_REACHED else "cannot be read for now"
        return UnreachableError(f"the database at {self._where} {state}: {number} {text}", hint=meaning.hint)
