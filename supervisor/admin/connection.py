"""A connection for one question or change of a person's, with the server's errors in words for the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from rtpipe.errors import RtpipeError
from rtpipe.mysql.error_numbers import NO_TABLE
from workers.contract.errors import SetupError
from workers.database.errors import DatabaseTrouble, login_of, translated
from workers.database.session import open_session


@contextlib.contextmanager
def admin_connection(
    database_url: str, silence: int, table: str, doing: str, *, writes: bool = True
) -> Iterator[Connection]:
    """Open while the block runs. Errors say `doing` what with `table`: SetupError, UnreachableError, and more.

    `silence`: seconds until a silent server counts as gone. `writes`: the server must take writes.
    """
    try:
        session = open_session(database_url, silence, writes=writes)
        try:
            with translated():
                yield session.connection
        finally:
            session.close()
    except DatabaseTrouble as trouble:
        raise _error(trouble, database_url, table, doing) from trouble


def _error(trouble: DatabaseTrouble, database_url: str, table: str, doing: str) -> RtpipeError:
    where = login_of(make_url(database_url))
    if trouble.number == NO_TABLE:
        missing = trouble.where or f"table {table}"
        return SetupError(f"{doing}: there is no {missing} for {where}", hint="`rtpipe setup` makes it")
    return trouble.at(where).as_command_error(doing)
