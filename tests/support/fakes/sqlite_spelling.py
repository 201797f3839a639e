"""MySQL's statements as SQLite spells them."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from rtpipe.mysql.quoting import unescaped

_STRING = re.compile(r"(_binary|X)?'((?:[^'\\]|''|\\.)*)'", re.DOTALL)
PARAMETER = re.compile(r"%\((\w+)\)s")


def sqlite_engine() -> Engine:
    engine = create_engine("sqlite://", poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.create_function("utc_timestamp", 1, lambda digits: f"2026-01-31 12:00:00.{0:0{digits}}")

    return engine


def in_sqlite(text: str) -> str:
    """A statement that holds its values, as SQLite spells it."""
    text, replaces, _ = _STRING.sub(_string, text).partition(" ON DUPLICATE KEY UPDATE ")
    return text.replace("INSERT INTO", "INSERT OR REPLACE INTO", 1) if replaces else text


def _string(found: re.Match[str]) -> str:
    kind, inside = found[1], found[2]
    if kind == "X":
        return found[0]
    text = unescaped(inside)
    return f"X'{text.encode(errors='surrogateescape').hex()}'" if kind else "'" + text.replace("'", "''") + "'"
