"""SQLAlchemy engines on PyMySQL, whose connections use TLS as PyMySQL's own would, but are open in a moment."""

from __future__ import annotations

import ssl
from typing import Any

import pymysql
from sqlalchemy import URL, Engine, create_engine, event

_UNVERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_UNVERIFIED.check_hostname = False
_UNVERIFIED.verify_mode = ssl.CERT_NONE


def mysql_engine(where: URL, **options: Any) -> Engine:
    """`create_engine` with these options. No error of it repeats values or the password."""
    if str(where.query.get("ssl_disabled", "")).lower() in {"false", "0", "no", "off"}:
        where = where.difference_update_query(["ssl_disabled"])  # PyMySQL takes any text for a yes
    engine = create_engine(where, hide_parameters=True, **options)
    if not any(name.startswith("ssl") for name in where.query):
        event.listen(engine, "do_connect", _connect_lightly)
    return engine


def _connect_lightly(_dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]) -> Any:
    """PyMySQL's default, TLS if the server offers it, without the certificates that this default never checks.

    Loading them would cost every connection 40 to 80 ms and every writer 5 MB. A URL with ssl_ca, ssl_verify_identity
    and the like goes PyMySQL's own way.
    """
    connection = pymysql.Connection(*arguments, **options, ssl_disabled=True, defer_connect=True)
    connection.ssl, connection.ctx = True, _UNVERIFIED  # type: ignore[attr-defined]
    connection.connect()
    return connection
