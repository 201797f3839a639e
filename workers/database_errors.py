"""What each database error means for the batch in hand: one table, by number.

Numbers are MySQL's and MariaDB's server errors and PyMySQL's client errors (2xxx). Only the number and our own words
travel on: the server's text may quote a value.
"""

from __future__ import annotations

import enum
import re

import pymysql
from sqlalchemy.exc import DBAPIError, PendingRollbackError

from avro_schemas.credentials import AccessDeniedError
from avro_schemas.errors import RtpipeError
from workers.errors import BrokenInvariant, DataError, SetupError


class Action(enum.Enum):
    """What the writer does about an error."""

    REPLAY = "replay"  #: roll everything back, pause, run the same batch again
    LOST = "lost"  #: the connection is gone and COMMIT's outcome unknown: reconnect, re-claim, let the row decide
    WAIT = "wait"  #: the server takes no writes for now: drop the connection, wait, then as LOST
    DATA = "data"  #: a value that its column refuses
    DENIED = "denied"  #: account, password or permission
    SETUP = "setup"  #: table, server or statement do not fit each other
    BUG = "bug"  #: nothing that rtpipe knows


#: What another try may mend, on a new connection if need be.
PASSING = frozenset({Action.REPLAY, Action.LOST, Action.WAIT})

_MEANING: dict[Action, dict[int, str]] = {
    Action.REPLAY: {
        1020: "record changed since last read",
        1180: "commit failed",
        1181: "rollback failed",
        1205: "lock wait timeout",
        1206: "too many locks",
        1213: "deadlock",
        3100: "rolled back by replication",
        3101: "rolled back by group replication",
        3572: "lock not available",
        4058: "query timed out",
    },
    Action.LOST: {
        0: "connection closed",
        1053: "server shutdown",
        1079: "server shutdown",
        1152: "connection aborted",
        1158: "network read error",
        1159: "network read timeout",
        1160: "network write error",
        1161: "network write timeout",
        1317: "query interrupted",
        1927: "connection killed",
        2006: "server has gone away",
        2013: "connection lost",
        2014: "out of sync",
        2055: "connection lost",
        3024: "query timed out",
        3169: "session killed",
        4031: "idle too long",
    },
    Action.WAIT: {
        28: "no space left",
        1021: "disk full",
        1040: "too many connections",
        1041: "out of memory",
        1047: "node not ready",
        1114: "table or disk full",
        1135: "cannot create thread",
        1203: "too many connections of this user",
        1226: "account limit reached",
        1290: "read only",
        1792: "read-only transaction",
        1836: "read only",
        2002: "cannot connect",
        2003: "cannot connect",
        2005: "unknown host",
    },
    Action.DATA: {
        1048: "NULL in a NOT NULL column",
        1062: "duplicate value in a unique key",
        1153: "row larger than max_allowed_packet",
        1264: "out of range",
        1265: "truncated",
        1292: "wrong value",
        1300: "invalid text",
        1366: "wrong value",
        1367: "illegal value",
        1406: "too long",
        1411: "wrong value",
        1451: "foreign key",
        1452: "foreign key",
        1525: "wrong value",
        1644: "refused by a trigger",
        1690: "out of range",
        3140: "invalid JSON",
        3819: "check constraint",
        4025: "check constraint",
    },
    Action.DENIED: {
        1044: "access to the database denied",
        1045: "user or password refused",
        1142: "statement not permitted",
        1143: "column not permitted",
        1227: "privilege missing",
        1251: "authentication protocol not supported",
        1396: "account operation failed",
        1698: "access denied",
        1820: "password expired",
        1862: "password expired",
        3118: "account locked",
    },
    Action.SETUP: {
        1046: "the URL names no database",
        1049: "unknown database",
        1054: "unknown column",
        1064: "statement not understood",
        1100: "table locked",
        1136: "column count differs",
        1146: "no such table",
        1364: "no value for the column without default",
        1665: "binlog format refuses",
        1785: "a table without transactions",
        2061: "authentication plugin needs TLS",
    },
}
DUPLICATE, UNKNOWN_COLUMN = 1062, 1054
_NAMED_COLUMN = re.compile(r"[Cc]olumn [`'\w.]*?[`']?(\w{1,64})[`'](?: at row \d+| cannot be null)\.?$")
_AT_ROW = re.compile(r"at row (\d{1,9})\.?$")
_NAMED_KEY = re.compile(r"for key '(?:\w{1,64}\.)?(\w{1,64})'$")
#: Statements hold no names but the table's own, so these texts quote no value.
_UNFIT_COLUMN = re.compile(r"^(?:Unknown column|Field) '(\w{1,64})' (?:in|doesn't have)")
ACTIONS = {number: action for action, numbers in _MEANING.items() for number in numbers}
WORDS = {number: words for numbers in _MEANING.values() for number, words in numbers.items()}


class DatabaseTrouble(Exception):  # noqa: N818 - becomes an error only if the action says so
    """An error of the database, reduced to its number and what to do about it."""

    def __init__(self, number: int, column: str = "", key: str = "", row: int = 0) -> None:
        self.number = number
        self.column = column
        self.row = row  #: of the statement's rows, from 1; 0: the server did not say, or means another statement's
        self.key = key  #: the index that refused a duplicate
        self.action = ACTIONS.get(number, Action.BUG)
        words = WORDS.get(number, "unexpected database error")
        if column and self.action is Action.SETUP:
            words += f" {column}"
        super().__init__(f"{words} (MySQL {number})")

    def as_error(self, what: str) -> RtpipeError:
        """The error that stops the partition; `what` names topic, partition and step."""
        kind: type[RtpipeError]
        kind, hint = {
            Action.DENIED: (AccessDeniedError, "check the account of RTPIPE_DATABASE_URL and its grants"),
            Action.SETUP: (SetupError, "compare with `rtpipe infra create --dry-run`"),
            Action.DATA: (DataError, "repair the message or the table's column"),
        }.get(self.action, (BrokenInvariant, "the server's error log may tell more"))
        return kind(f"{what}: {self}", hint=hint)


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
        return DatabaseTrouble(2013)
    if isinstance(origin, pymysql.err.Error) and origin.args and isinstance(origin.args[0], int):
        message = str(origin.args[-1])
        key = _NAMED_KEY.search(message) if origin.args[0] == DUPLICATE else None
        row = _AT_ROW.search(message)
        return DatabaseTrouble(
            origin.args[0], _column(message), key.group(1) if key else "", int(row.group(1)) if row else 0
        )
    if isinstance(origin, pymysql.err.InternalError | pymysql.err.InterfaceError):
        return DatabaseTrouble(2014)
    return DatabaseTrouble(-1)
