"""Connections by PyMySQL, with SQLAlchemy or bare, whose TLS is what PyMySQL's own would be, but open in a moment."""

from __future__ import annotations

import ssl
from typing import Any

import pymysql
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

from avro_schemas.errors import SettingsError

_UNVERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_UNVERIFIED.check_hostname = False
_UNVERIFIED.verify_mode = ssl.CERT_NONE


def mysql_engine(where: URL, **options: Any) -> Engine:
    """`create_engine` with these options. No error of it repeats values or the password.

    SettingsError when it connects if a parameter of the URL is wrong.
    """
    where = _understood(where)
    engine = create_engine(where, hide_parameters=True, **options)
    event.listen(engine, "do_connect", lambda _dialect, _record, _arguments, known: _connect(where, known))
    return engine


def bare_connection(where: URL, **options: Any) -> pymysql.Connection[Any]:
    """A connection without SQLAlchemy; PyMySQL's `options` go before the URL's parameters, of which SettingsError."""
    where = _understood(where)
    return _connect(where, {**MySQLDialect_pymysql().create_connect_args(where)[1], **options})


def _understood(where: URL) -> URL:
    if str(where.query.get("ssl_disabled", "")).lower() in {"false", "0", "no", "off"}:
        return where.difference_update_query(["ssl_disabled"])  # PyMySQL takes any text for a yes
    return where


def _connect(where: URL, options: dict[str, Any]) -> pymysql.Connection[Any]:
    try:
        if any(name.startswith("ssl") for name in where.query):
            connection = pymysql.Connection(**options, defer_connect=True)
        else:
            connection = _prepared_lightly(options)
    except (OSError, TypeError, ValueError) as error:  # certificates that cannot be read, unknown names
        raise SettingsError(
            f"the database URL for {where.host or 'localhost'}: a parameter after the ? is wrong: {error}",
            hint="they are PyMySQL's, such as ssl_ca=/etc/ssl/certs/ca.pem&ssl_verify_identity=true",
        ) from None
    connection.connect()
    return connection


def _prepared_lightly(options: dict[str, Any]) -> pymysql.Connection[Any]:
    """PyMySQL's default, TLS if the server offers it, without the certificates that this default never checks.

    Loading them would cost every connection 40 to 80 ms and every writer 5 MB. A URL with ssl_ca, ssl_verify_identity
    and the like goes PyMySQL's own way.
    """
    connection: pymysql.Connection[Any] = pymysql.Connection(**options, ssl_disabled=True, defer_connect=True)
    connection.ssl, connection.ctx = True, _UNVERIFIED  # type: ignore[attr-defined]
    return connection
