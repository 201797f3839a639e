"""Texts and bytes for a column that people made: what it would cut, pad, spell anew or take for a number is refused."""

from __future__ import annotations

import ipaddress
import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any, NoReturn

from avro_schemas.columns.user_column import MOST_BYTES, UserColumn
from rtpipe.mysql.quoting import hexadecimal, quoted_text

_WIDTHS = {"latin1": 1, "ascii": 1, "ucs2": 2, "utf32": 4}
_ENCODINGS = {"utf16": "utf-16-be", "utf16le": "utf-16-be", "utf8": "utf-8", "utf8mb3": "utf-8", "utf8mb4": "utf-8"}
#: The five places of cp1252 that hold nothing are the control characters of the same number to the servers.
_LATIN1_MORE = str.maketrans(dict.fromkeys("\x81\x8d\x8f\x90\x9d", ""))
_WIDEST = 4
#: Addresses whose last part is shown as that of IPv4 begin so, but for these two.
_MIXED = 1 << 48
_INT64, _UINT64 = -(1 << 63), (1 << 64) - 1


def texts(user: UserColumn, text_of: Callable[[Any], str]) -> Callable[[Any], str]:
    """For CHAR, VARCHAR and TEXT in any character set, and for texts in columns of bytes.

    What no character of the column's set is, the servers themselves refuse in strict mode; for the sets that are common
    the refusal from here names the set.
    """
    most = user.length if user.name in {"char", "varchar", "binary", "varbinary"} else MOST_BYTES[user.name]
    counts_bytes = user.name not in {"char", "varchar"}

    def literal(value: Any) -> str:
        text = text_of(value)
        if user.kind == "fixed":
            if len(text.encode()) != most:
                raise ValueError(f"not the {most} bytes of {user.words}, which pads")
            return quoted_text(text)
        if user.kind == "text":
            _require_characters(text, user.charset)
        if counts_bytes and len(text) * _WIDEST > most and _size(text, user.charset) > most:
            raise ValueError(f"longer than {most:,} bytes of {user.words}")
        if not counts_bytes and len(text) > most:
            raise ValueError(f"longer than {most:,} characters")
        if user.name == "char" and text.endswith(" "):
            raise ValueError("spaces at its end, which a CHAR drops")
        return quoted_text(text)

    return literal


def byte_strings(user: UserColumn) -> Callable[[Any], str]:
    """For BINARY, VARBINARY, the BLOB types, and BIT."""
    exact = user.length if user.kind == "fixed" else (user.length + 7) // 8 if user.kind == "bit" else 0
    most = user.length or MOST_BYTES.get(user.name, 0)

    def literal(value: bytes) -> str:
        if exact and len(value) != exact:
            raise ValueError(f"not the {exact} bytes of {user.words}, which pads")
        if user.kind == "bit" and int.from_bytes(value, "big") >> user.length:
            raise ValueError(f"more than the {user.length} bits of {user.words}")
        if not exact and len(value) > most:
            raise ValueError(f"longer than {most:,} bytes")
        return hexadecimal(value)

    return literal


def members(user: UserColumn, text_of: Callable[[Any], str]) -> Callable[[Any], str]:
    """An ENUM's member by its number, since its collation may hold two texts for one, and digits for a number."""
    places = {member: str(place) for place, member in reversed(list(enumerate(user.members, 1)))}

    def literal(value: Any) -> str:
        place = places.get(text_of(value))
        return place or _refuse("none of the column's ENUM")

    return literal


def sets(user: UserColumn) -> Callable[[Any], str]:
    """A SET's members by their bits; it drops doubles and has an order of its own."""
    places = {member: place for place, member in reversed(list(enumerate(user.members)))}

    def literal(value: str) -> str:
        wanted = [places.get(part, -1) for part in value.split(",")] if value else []
        if -1 in wanted:
            raise ValueError("a member that the column's SET has not")
        if any(one >= other for one, other in pairwise(wanted)):
            raise ValueError("members twice or in another order than the column's SET has them")
        return str(sum(1 << place for place in wanted))

    return literal


def addresses(user: UserColumn, text_of: Callable[[Any], str]) -> Callable[[Any], str]:
    """A UUID or an IP address in the one spelling in which the server gives it back."""
    spell = {"uuid": _uuid, "inet4": _inet4, "inet6": _inet6}[user.kind]

    def literal(value: Any) -> str:
        text = text_of(value)
        try:
            same = spell(text) == text
        except ValueError:
            same = False
        return quoted_text(text) if same else _refuse(f"text that is not written as {user.words} shows it")

    return literal


def json_texts(user: UserColumn) -> Callable[[Any], str]:
    """A text for a JSON column. MariaDB keeps the text; MySQL the value, with numbers of 64 bits."""

    def literal(text: str) -> str:
        try:
            json.loads(text, parse_constant=_refuse, **({} if user.charset else _EXACT))
        except (ValueError, RecursionError):
            _refuse("text that is no JSON, or of which the column keeps another value")
        return quoted_text(text)

    return literal


def _refuse(why: str) -> NoReturn:
    raise ValueError(why)


def _require_characters(text: str, charset: str | None) -> None:
    if text.isascii():
        return
    if charset in {"utf8", "utf8mb3", "ucs2"}:
        good = max(text) <= "\uffff"
    elif charset == "latin1":
        try:
            good = bool(text.translate(_LATIN1_MORE).encode("cp1252") or True)
        except UnicodeEncodeError:
            good = False
    else:
        good = charset != "ascii"
    if not good:
        raise ValueError(f"a character that {charset} has not")


def _size(text: str, charset: str | None) -> int:
    """Bytes of a text in its column; of a set that is not known here, no less."""
    if charset in _WIDTHS:
        return len(text) * _WIDTHS[charset]
    if charset is None or charset in _ENCODINGS:
        return len(text.encode(_ENCODINGS.get(charset or "", "utf-8")))
    return len(text) if text.isascii() else len(text) * _WIDEST


def _uuid(text: str) -> str:
    return str(uuid.UUID(text))


def _inet4(text: str) -> str:
    return str(ipaddress.IPv4Address(text))


def _inet6(text: str) -> str:
    found = ipaddress.IPv6Address(text)
    if found.scope_id is not None or 1 < int(found) < _MIXED:
        raise ValueError
    return str(found)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _refuse("a name twice")


def _whole(text: str) -> int:
    return int(text) if _INT64 <= int(text) <= _UINT64 else _refuse("more than 64 bits")


def _fraction(text: str) -> float:
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else _refuse("more digits than a double has")


_EXACT: dict[str, Any] = {"object_pairs_hook": _object, "parse_int": _whole, "parse_float": _fraction}
