"""The server's error numbers, for everybody who talks to it: one table; `error_lookup` asks it.

Numbers are MySQL's and MariaDB's, those of PyMySQL (2xxx) and of proxies that stand between (9xxx). What is in no table
is told by the class of its SQLSTATE; what that does not tell either is found out by experiment, where there is one.
"""

from __future__ import annotations

import enum


class Action(enum.Enum):
    """What the one who hears of an error does about it."""

    REPLAY = "replay"  #: roll everything back, pause, run the same batch again
    LOST = "lost"  #: the connection is gone and COMMIT's outcome unknown: reconnect, re-claim, let the row decide
    WAIT = "wait"  #: the server takes no writes for now: drop the connection, wait, then as LOST
    LOGIN = "login"  #: the account may not log in for now: read its secret again, wait, then as LOST
    SMALLER = "smaller"  #: too much at once: fewer messages in a transaction; of one alone, it is the message's fault
    DATA = "data"  #: a row that the table refuses
    DENIED = "denied"  #: a privilege is missing
    SETUP = "setup"  #: table, server or statement do not fit each other
    UNKNOWN = "unknown"  #: neither number nor SQLSTATE tell


#: What another try may mend, on a new connection if need be.
PASSING = frozenset({Action.REPLAY, Action.LOST, Action.WAIT, Action.LOGIN})
#: By which an account is refused: at its login, or later.
REFUSED = frozenset({Action.LOGIN, Action.DENIED})

#: Every number that is known, by what to do about it, with our own words for it.
MEANING: dict[Action, dict[int, str]] = {
    Action.REPLAY: {
        1020: "record changed since last read",
        1180: "commit failed",
        1181: "rollback failed",
        1205: "lock wait timeout",
        1206: "too many locks",
        1213: "deadlock",
        1479: "transaction rolled back",
        1613: "transaction rolled back, it took too long",
        1614: "transaction rolled back, deadlock",
        1637: "too many transactions at once",
        1689: "lock wait aborted",
        1969: "statement stopped by max_statement_time",
        3024: "statement stopped by max_execution_time",
        3058: "deadlock of locks by name",
        3100: "rolled back by replication",
        3101: "rolled back by group replication",
        3572: "lock not available",
    },
    Action.LOST: {
        0: "connection closed",
        1053: "server shutdown",
        1077: "server shutdown",
        1079: "server shutdown",
        1152: "connection aborted",
        1158: "network read error",
        1159: "network read timeout",
        1160: "network write error",
        1161: "network write timeout",
        1184: "connection aborted",
        1317: "query interrupted",
        1402: "the transaction was gone after a refused statement",
        1927: "connection killed",
        2006: "server has gone away",
        2013: "connection lost",
        2014: "out of sync",
        2027: "malformed packet",
        2055: "connection lost",
        3168: "server is not available",
        3169: "session killed",
        4031: "idle too long",
        9006: "the proxy lost its server",
    },
    Action.WAIT: {
        28: "no space left",
        1021: "disk full",
        1036: "the table is read only",
        1037: "out of memory",
        1038: "out of sort memory",
        1040: "too many connections",
        1041: "out of memory",
        1042: "the server cannot find the client's host name",
        1043: "bad handshake",
        1047: "node not ready",
        1099: "the table is locked",
        1114: "table or disk full",
        1135: "cannot create thread",
        1203: "too many connections of this user",
        1223: "a global read lock is held",
        1226: "account limit reached",
        1290: "read only",
        1461: "too many prepared statements",
        1792: "read-only transaction",
        1836: "read only",
        1874: "InnoDB is read only",
        2002: "cannot connect",
        2003: "cannot connect",
        2005: "unknown host",
        2068: "the server asked for a file of this machine, which it did not get",
        3032: "the server is in offline mode",
        3170: "out of the session's memory",
        3989: "the database is read only",
        9001: "the proxy reaches no server in time",
        9002: "the proxy has no server for this",
    },
    Action.LOGIN: {
        1045: "user or password refused",
        1129: "host blocked after many broken connections",
        1130: "host not allowed to connect",
        1698: "access denied",
        1820: "password expired",
        1862: "password expired",
        3118: "account locked",
        3955: "account blocked after refused logins",
        4150: "account blocked after refused logins",
        4151: "account locked",
    },
    Action.SMALLER: {
        1153: "larger than max_allowed_packet",
        1197: "larger than max_binlog_cache_size",
        1534: "too large for the binary log",
        1705: "larger than max_binlog_stmt_cache_size",
    },
    Action.DATA: {
        1048: "NULL in a NOT NULL column",
        1062: "duplicate value in a unique key",
        1118: "row too large",
        1264: "out of range",
        1265: "truncated",
        1292: "wrong value",
        1300: "invalid text",
        1365: "division by zero",
        1366: "wrong value",
        1367: "illegal value",
        1406: "too long",
        1411: "wrong value",
        1416: "no geometry",
        1451: "foreign key",
        1452: "foreign key",
        1525: "wrong value",
        1526: "no partition for the value",
        1586: "duplicate value in a unique key",
        1591: "no partition for the value",
        1644: "refused by a trigger",
        1690: "out of range",
        1748: "not in the partitions named",
        3140: "invalid JSON",
        3156: "invalid value of JSON",
        3157: "JSON too deep",
        3819: "check constraint",
        4025: "check constraint",
    },
    Action.DENIED: {
        1044: "access to the database denied",
        1142: "statement not permitted",
        1143: "column not permitted",
        1227: "privilege missing",
        1251: "authentication protocol not supported",
        1370: "routine not permitted",
        1396: "account operation failed",
        1410: "account may not be made by a grant",
    },
    Action.SETUP: {
        1046: "the URL names no database",
        1049: "unknown database",
        1054: "unknown column",
        1060: "a column of this name is there already",
        1064: "statement not understood",
        1091: "no such column or key",
        1100: "table not locked",
        1136: "column count differs",
        1146: "no such table",
        1148: "LOAD DATA LOCAL is off",
        1288: "not to be updated",
        1345: "not to be explained",
        1364: "no value for the column without default",
        1442: "a trigger changes its own table",
        1449: "a trigger, view or routine was made by an account (its DEFINER) that does not exist",
        1471: "not to be inserted into",
        1665: "binlog format refuses",
        1785: "a table without transactions",
        1819: "the server's password rules refuse the password",
        1845: "not by this algorithm",
        1846: "not by this algorithm",
        1932: "no such table in the engine",
        2054: "authentication method not known to the client",
        2059: "authentication method not known to the client",
        2061: "authentication plugin needs TLS",
        3159: "the server demands TLS",
        3750: "the server demands a primary key",
        3948: "LOAD DATA LOCAL is off",
        4092: "too many instant changes of the table",
        4166: "LOAD DATA LOCAL is off",
    },
}
#: By the class of the SQLSTATE, which is its first two characters, for numbers that are not listed.
CLASSES = {
    "07": Action.SETUP,
    "08": Action.LOST,
    "0A": Action.SETUP,
    "0K": Action.SETUP,
    "20": Action.DATA,
    "21": Action.SETUP,
    "22": Action.DATA,
    "23": Action.DATA,
    "25": Action.WAIT,
    "28": Action.LOGIN,
    "2F": Action.SETUP,
    "3D": Action.SETUP,
    "40": Action.REPLAY,
    "42": Action.SETUP,
    "53": Action.WAIT,
    "57": Action.WAIT,
    "58": Action.WAIT,
    "70": Action.LOST,
    "XA": Action.REPLAY,
}
DUPLICATE, UNKNOWN_COLUMN, NO_TABLE, LOCK_WAIT_TIMEOUT = 1062, 1054, 1146, 1205
UNKNOWN_VARIABLE, UNKNOWN_LOGIN = 1193, frozenset({1045, 1698})
ROLLED_BACK, READ_ONLY, OF_A_TRIGGER = 1402, 1290, 1644
CONNECTION_LOST, OUT_OF_SYNC, FILE_REQUESTED = 2013, 2014, 2068
#: Of an ALTER TABLE: the server cannot do it by the algorithm that was asked for, so another one is tried.
OTHER_ALGORITHM = frozenset({1845, 1846, 4092})
#: Of an ALTER TABLE: somebody changed the columns since they were looked at, so they are looked at again.
TABLE_CHANGED = frozenset({UNKNOWN_COLUMN, 1060, 1091})
#: Of a statement that only tries a privilege: it is there, but the table has other columns, or is a view.
OTHER_COLUMNS = frozenset({UNKNOWN_COLUMN, 1288, 1345, 1471})
#: What to do about a number whose words do not say enough.
ADVICE = {
    1049: "the database does not exist; `rtpipe setup` makes it",
    1205: "another session holds a lock; run it again when that is done",
    1290: "the server takes no writes: use the URL of the primary, or run it again when the server takes writes",
    1442: "SHOW TRIGGERS shows the table's triggers: the one that changes its own table may only set NEW's columns",
    1449: "SHOW TRIGGERS names the table's triggers and their definers; take the trigger from SHOW CREATE TRIGGER, drop"
    " it and create it again with a DEFINER that exists, or make the account again with CREATE USER and its grants."
    " If the trigger's definer exists: the same for the view or routine that it uses",
    1819: "the server's password rules refuse the password in the URL",
    3750: "this server demands a primary key: ask for the columns _kafka_partition and _kafka_offset",
}


def number_of(error: object) -> int:
    """The number of a driver's error; 0 if it has none, which means a broken connection."""
    arguments: tuple[object, ...] = getattr(error, "args", ())
    number = arguments[0] if arguments else 0
    return number & 0xFFFF if isinstance(number, int) else 0  # PyMySQL reads it with a sign
