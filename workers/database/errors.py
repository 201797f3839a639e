"""An error of the database as a writer hears of it: reduced to its number, what to do, and words without a value."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import pymysql
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, PendingRollbackError

from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import RtpipeError, UnreachableError
from rtpipe.mysql.error_advice import Kind, Meaning, meaning_of
from rtpipe.mysql.error_lookup import action_of, is_connection_error, is_known, is_signalled, words_for
from rtpipe.mysql.error_numbers import CONNECTION_LOST, DUPLICATE, OUT_OF_SYNC, READ_ONLY, Action, number_of
from rtpipe.mysql.redaction import safe_words, without_values
from rtpipe.mysql.servers import address_of
from rtpipe.tls_trouble import OF_DATABASE, TlsError, tls_trouble
from workers.contract.errors import SetupError

_NAMED_COLUMN = re.compile(r"[Cc]olumn [`'\w.]*?[`']?(\w{1,64})[`'](?: at row \d+| cannot be null)\.?$")
_AT_ROW = re.compile(r"at row (\d{1,9})\.?$")
_NAMED_KEY = re.compile(r"for key '(?:\w{1,64}\.)?(\w{1,64})'$")
#: Statements hold no names but the table's own, so these texts quote no value.
_UNFIT_COLUMN = re.compile(r"^(?:Unknown column|Field) '(\w{1,64})' (?:in|doesn't have)")
#: Numbers whose own words say less than the server's: who forbids, what is missing.
_TELLING = frozenset({1044, 1045, 1142, 1143, 1146, 1227, READ_ONLY, 1370, 1449, 1644, 3032, 3819, 3955, 4025})


_ADVICE = {
    Action.LOGIN: "; repair the account or the URL: a URL in a file is read again",
    Action.WAIT: "; it continues by itself when that is over",
    Action.UNKNOWN: "; it is retried. If it stays, the server's error log may tell more",
}


class DatabaseTrouble(Exception):  # noqa: N818 - becomes an error only if the action says so
    """An error of the database, reduced to its number, what to do about it, and words that hold no value."""

    def __init__(
        self, number: int, column: str = "", key: str = "", row: int = 0, *, sqlstate: str = "", said: str = ""
    ) -> None:
        self.number = number
        self.column = column
        self.row = row  #: of the statement's rows, from 1; 0: the server did not say, or means another statement's
        self.key = key  #: the index that refused a duplicate
        self.action = action_of(number, sqlstate)
        self.where = ""  #: account, server and table, as far as they are known
        self.of_table = False  #: it hits every row alike
        self.at_commit = False  #: what became of the transaction is not known
        self._sqlstate = sqlstate
        self._tls = tls_trouble(said, OF_DATABASE) if is_connection_error(number) else None
        self._words = self._tls.what if self._tls else words_for(number, sqlstate)
        telling = number in _TELLING or not is_known(number) or is_signalled(number, sqlstate)
        self._said = safe_words(number, self.action, said) if telling else ""
        super().__init__(number)

    def __str__(self) -> str:
        """What happened, in words; where it happened is said by whoever tells of it."""
        column = f" {self.column}" if self.column and self.action is Action.SETUP else ""
        said = f": {self._said}" if self._said else ""
        return f"{self._words}{column} (MySQL {self.number}){said}"

    @property
    def of_tls(self) -> bool:
        """A certificate is wrong, or one side speaks no TLS."""
        return self._tls is not None

    @property
    def text(self) -> str:
        """The words, with account, server and table before them."""
        return f"{self.where}: {self}" if self.where else str(self)

    @property
    def reason(self) -> str:
        """Why it is waited, and what helps where it does not pass by itself."""
        advice = "; it continues by itself when that is repaired" if self.of_table else _ADVICE.get(self.action, "")
        if self._tls:
            advice = f"; {self._tls.hint}"
        return f"database: {self.text}{advice}"

    def hide(self, row: str) -> None:
        """Keep no word that stands in the row, too."""
        self._said = without_values(self._said, row)

    def at(self, where: str) -> DatabaseTrouble:
        """Itself; `where` it happened is kept only if it is not known yet."""
        self.where = self.where or where
        return self

    @property
    def meaning(self) -> Meaning:
        """Its kind, and what a person can do."""
        return meaning_of(self.number, self._sqlstate, "RTPIPE_DATABASE_URL")

    def as_error(self, what: str) -> RtpipeError:
        """The error that stops the partition; `what` names topic, partition and step."""
        kind = AccessDeniedError if self.meaning.kind is Kind.REFUSED else SetupError
        return kind(f"{what}: {self.text}", hint=self.meaning.hint)

    def as_command_error(self, doing: str) -> RtpipeError:
        """The error of a command, which does not wait: what may pass by itself is an UnreachableError."""
        if self._tls:
            return TlsError(f"{doing}: {self.text}", hint=self._tls.hint)
        if self.meaning.kind is Kind.NOT_REACHED:
            return UnreachableError(f"{doing}: the database does not answer: {self.text}", hint=self.meaning.hint)
        if self.meaning.kind in {Kind.BUSY, Kind.UNKNOWN}:
            return UnreachableError(f"{doing}: the database cannot do it for now: {self.text}", hint=self.meaning.hint)
        return self.as_error(doing)


def _column(message: str) -> str:
    """The column that a message ends with: `Data too long for column 'a' at row 1`; "" if it names none.

    Looked for at the end only, and only if it is a plain name: earlier the text may quote the value.
    """
    found = _UNFIT_COLUMN.search(message) or _NAMED_COLUMN.search(message)
    return found.group(1) if found else ""


def trouble_of(exc: BaseException) -> DatabaseTrouble:
    """Reduce what SQLAlchemy or PyMySQL raised; errors without a number mean a broken connection."""
    origin = exc.orig if isinstance(exc, DBAPIError) and exc.orig is not None else exc
    if isinstance(origin, OSError | PendingRollbackError):  # the latter: of a connection that was lost before
        return DatabaseTrouble(CONNECTION_LOST)
    if isinstance(origin, pymysql.err.Error) and origin.args and isinstance(origin.args[0], int):
        number = number_of(origin)
        message = str(origin.args[-1])
        key = _NAMED_KEY.search(message) if number == DUPLICATE else None
        row = _AT_ROW.search(message)
        return DatabaseTrouble(
            number,
            _column(message),
            key.group(1) if key else "",
            int(row.group(1)) if row else 0,
            sqlstate=getattr(origin, "sqlstate", None) or "",
            said=message,
        )
    return DatabaseTrouble(OUT_OF_SYNC)


@contextlib.contextmanager
def translated(table: str = "") -> Iterator[None]:
    """Turn what the driver raises into DatabaseTrouble, by number; `table` is said to be where."""
    try:
        yield
    except (DBAPIError, PendingRollbackError, pymysql.err.Error, OSError) as exc:
        raise trouble_of(exc).at(f"table {table}" if table else "") from exc


def login_of(where: URL) -> str:
    """The account, the servers and the database of a URL, as they may be shown."""
    return f"{where.username or ''}@{address_of(where)}/{where.database or ''}"
