"""Connections for setting a database up: one account each, within seconds, and no password in any error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import URL, Connection, CursorResult, Engine
from sqlalchemy.exc import DBAPIError

from rtpipe.credentials import ESCAPES, AccessDeniedError, LoginRefusedError
from rtpipe.errors import ExitCode, RtpipeError, SettingsError, UnreachableError
from rtpipe.mysql.engine import mysql_engine, mysql_url
from rtpipe.mysql.error_advice import Kind, meaning_of
from rtpipe.mysql.error_lookup import action_of, advice_for, is_connection_error, words_for
from rtpipe.mysql.error_numbers import UNKNOWN_LOGIN, Action, number_of
from rtpipe.mysql.servers import address_of
from rtpipe.secret_files import current_url
from rtpipe.tls_trouble import OF_DATABASE, TlsError, tls_trouble

#: What a URL is like, and how it writes the signs of its own that stand in a password.
URL_HINT = (
    "a database URL is like mysql+pymysql://user:password@host:3306/bank; special characters of the password are "
    f"written {', '.join(f'{sign} {escape}' for sign, escape in ESCAPES.items())}, % %25"
)
#: Seconds to connect, and for an answer to one statement.
CONNECT_SECONDS, ANSWER_SECONDS = 5, 10
#: Strict, so that nothing is cut in silence; no ANSI_QUOTES and no NO_BACKSLASH_ESCAPES, since our SQL relies on that.
_SESSION = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', "
    f"lock_wait_timeout = {ANSWER_SECONDS // 2}, sql_quote_show_create = 1"
)


class DatabaseSetupError(RtpipeError):
    """The database refuses a statement for a reason that is no privilege and no lost connection."""

    name = "E_DATABASE_SETUP"
    exit_code = ExitCode.BAD_SETUP


@dataclass(frozen=True, slots=True)
class Account:
    """One database URL. What may be shown of it: the user, `host:port`, the database, and the setting it came from."""

    setting: str  #: name of the setting that holds the URL
    user: str
    address: str  #: host:port, or several with commas
    database: str  #: "" if the URL names none
    url: URL = field(repr=False)
    file: str = ""  #: where the URL is read again at each new connection

    @property
    def password(self) -> str:
        """The password of the URL, "" if there is none."""
        return str(self.url.password or "")

    def current_url(self) -> URL:
        """The URL as it is by now, without its database."""
        text = current_url(self.url.render_as_string(hide_password=False), self.file)
        return mysql_url(text)._replace(database=None)


def account_of(url: str, setting: str, file: str = "") -> Account:
    """The account of a URL like mysql+pymysql://user:password@host:3306/bank, which may be in a file; SettingsError if
    it is none.
    """
    try:
        parsed = mysql_url(url)
    except ValueError as wrong:
        raise SettingsError(f"{setting}: {wrong}", hint=URL_HINT) from None
    return Account(setting, parsed.username or "", address_of(parsed), parsed.database or "", parsed, file)


class Sessions:
    """One open connection for each account, kept until `close`."""

    def __init__(self, answer_seconds: int = ANSWER_SECONDS) -> None:
        self._engines: dict[Account, Engine] = {}
        self._answer_seconds = answer_seconds

    def close(self) -> None:
        """Closes all connections."""
        for engine in self._engines.values():
            engine.dispose()

    @contextmanager
    def connected(self, account: Account, *, doing: str, unknown_passes: bool = False) -> Iterator[Connection]:
        """A connection to the account's server, in no database, each statement its own transaction.

        What the driver raises inside the block becomes UnreachableError, AccessDeniedError or DatabaseSetupError,
        whose texts say what was being done (`doing`) and repeat neither the statement nor its values.
        `unknown_passes`: an error of which nobody knows whether it lasts becomes an UnreachableError, too.
        """
        with translated(account, doing, unknown_passes=unknown_passes):
            try:
                if account not in self._engines:
                    self._engines[account] = _engine(account, self._answer_seconds)
                connection = self._engines[account].connect()
            except SettingsError as error:
                raise SettingsError(f"{account.setting}: {error.message}", hint=error.hint) from None
            except OSError as error:
                text = f"{account.setting}: the certificates that it names after the ? cannot be read: {error}"
                raise SettingsError(text) from None
            with connection:
                yield connection


@contextmanager
def translated(account: Account, doing: str, *, unknown_passes: bool = False) -> Iterator[None]:
    """Turns SQLAlchemy's errors into rtpipe's."""
    try:
        yield
    except DBAPIError as error:
        raise _translate(account, doing, error, unknown_passes=unknown_passes) from error.orig


def error_number(error: DBAPIError) -> int:
    """The server's or driver's error number, 0 if there is none."""
    return number_of(error.orig)


def said_by(error: DBAPIError) -> str:
    """Number and words of the server, or ours where it has none."""
    number = error_number(error)
    args: tuple[object, ...] = getattr(error.orig, "args", ())
    return f"{number}: {args[1]}" if len(args) > 1 and args[1] else words_for(number)


def action_for(error: DBAPIError) -> Action:
    """What to do about an error of the server."""
    return action_of(error_number(error), getattr(error.orig, "sqlstate", None) or "")


def is_unknown_login(error: BaseException | None) -> bool:
    """Whether the server does not know the user, or not by this password."""
    return number_of(error) in UNKNOWN_LOGIN


def run(connection: Connection, sql: str) -> CursorResult[Any]:
    """Runs one statement as it stands: no parameters, and a `%` is a `%`."""
    return connection.execution_options(no_parameters=True).exec_driver_sql(sql)


def _engine(account: Account, answer_seconds: int) -> Engine:
    return mysql_engine(
        account.current_url(),
        isolation_level="AUTOCOMMIT",
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": answer_seconds,
            "write_timeout": answer_seconds,
            "init_command": _SESSION,
        },
    )


def _translate(account: Account, doing: str, error: DBAPIError, *, unknown_passes: bool) -> RtpipeError:
    number, said = error_number(error), said_by(error)
    meaning = meaning_of(number, getattr(error.orig, "sqlstate", None) or "", account.setting)
    where = f"{account.address} as {account.user} ({doing})"
    if meaning.kind is Kind.REFUSED:
        kind = LoginRefusedError if action_for(error) is Action.LOGIN else AccessDeniedError
        return kind(f"the database at {where} refused access: {said}", hint=meaning.hint)
    if trouble := tls_trouble(said, OF_DATABASE) if is_connection_error(number) else None:
        return TlsError(f"the database at {where}: {trouble.what}", hint=trouble.hint)
    if meaning.kind is Kind.NOT_REACHED:
        return UnreachableError(f"no database answers at {where}: {said}", hint=meaning.hint)
    if meaning.kind is Kind.BUSY or (meaning.kind is Kind.UNKNOWN and unknown_passes):
        return UnreachableError(f"the database takes no statement for now at {where}: {said}", hint=meaning.hint)
    return DatabaseSetupError(f"the database at {where}: {said}", hint=advice_for(number) or words_for(number))
