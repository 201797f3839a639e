"""One value of a key, in whatever form a key format has it -> the Avro value of its column's field; pure.

ValueError says what is wrong with the value, and never quotes it.
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from decimal import Decimal
from typing import Any

from avro_schemas.avro.field_types import FieldType
from avro_schemas.avro.wire_schema import branch_key
from avro_schemas.files.json_file import json_kind

_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_DECIMAL_TEXT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_BITS = {"int": 32, "long": 64}
#: Digits of a decimal before and after its point, of which no column has as many.
_MOST_DIGITS = 2_000


def from_text(of: FieldType, text: str) -> Any:
    """From text, as a StringSerializer has it, or Connect's Struct."""
    if of.logical == "decimal":
        if not _DECIMAL_TEXT.fullmatch(text) or len(text) > _MOST_DIGITS:
            raise ValueError("a text that is no decimal number")
        return _decimal_bytes(of, Decimal(text))
    if of.logical == "uuid" and of.avro_type == "fixed":
        return _uuid_bytes(text)
    if of.avro_type in _BITS:
        if not _NUMBER.fullmatch(text):
            raise ValueError("a text that is no whole number")
        return _ranged(of, int(text))
    if of.avro_type == "boolean":
        if text not in {"true", "false"}:
            raise ValueError("a text that is neither true nor false")
        return text == "true"
    if of.avro_type in {"bytes", "fixed"}:
        raise ValueError(f"a text, where the column has {of.avro_type}")
    if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ValueError("half a character: a \\ud800 to \\udfff that has no other half")
    return text


def from_json(of: FieldType, value: Any) -> Any:
    """From a JSON value; bytes are base64, as Connect has them."""
    kind = of.logical or of.avro_type
    if isinstance(value, bool):
        if of.avro_type != "boolean":
            raise ValueError(f"a boolean, where the column has {kind}")
        return value
    if isinstance(value, str):
        if of.avro_type in {"bytes", "fixed"} and of.logical is None:
            return _base64(value)
        return from_text(of, value)
    if isinstance(value, int | Decimal) and of.logical == "decimal":
        return _decimal_bytes(of, Decimal(value))
    if isinstance(value, int) and of.avro_type in _BITS:
        return _ranged(of, value)
    if isinstance(value, int) and of.avro_type == "string" and of.logical is None:
        return str(_ranged(FieldType("long"), value))
    raise ValueError(f"{json_kind(value)}, where the column has {kind}")


def from_avro(of: FieldType, own: FieldType, value: Any) -> Any:
    """From a value that Avro decoded by the key's own schema, in which it is of the type `own`."""
    if own.avro_type == "union" and isinstance(value, dict):
        [(branch, value)] = value.items()
        own = next(one for number, one in enumerate(own.branches) if branch_key(number) == branch)
    if value is None:
        raise ValueError("null")
    if _alike(of, own):
        return value
    if own.logical == "decimal":
        return _from_decimal(of, own, value)
    if own.logical == "uuid" and own.avro_type == "fixed":
        return from_text(of, str(uuid.UUID(bytes=value)))
    if own.avro_type in {"string", "enum"}:
        return from_text(of, value)
    if own.avro_type in {"boolean", "int", "long"} and None in {own.logical, of.logical}:
        return from_json(of, value)
    raise ValueError(f"{own.logical or own.avro_type}, where the column has {of.logical or of.avro_type}")


def _alike(of: FieldType, own: FieldType) -> bool:
    """Whether a value means the same in both."""
    groups = ({"int", "long"}, {"string", "enum"}, {"bytes", "fixed"})
    same = own.avro_type == of.avro_type or any({own.avro_type, of.avro_type} <= group for group in groups)
    return same and (own.logical, own.scale) == (of.logical, of.scale)


def _from_decimal(of: FieldType, own: FieldType, raw: bytes) -> Any:
    if len(raw) > _MOST_DIGITS // 3:
        raise ValueError("a decimal of thousands of digits")
    unscaled = int.from_bytes(raw, "big", signed=True)
    number = Decimal((unscaled < 0, tuple(map(int, str(abs(unscaled)))), -own.scale))
    return _decimal_bytes(of, number) if of.logical == "decimal" else from_text(of, format(number, "f"))


def _decimal_bytes(of: FieldType, number: Decimal) -> bytes:
    """The bytes of the unscaled integer. No arithmetic of Decimal itself, which rounds."""
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or len(digits) > _MOST_DIGITS or abs(exponent) > _MOST_DIGITS:
        raise ValueError("a number of more digits than any column has")
    shift = exponent + of.scale
    factor, divisor = int(10 ** max(0, shift)), int(10 ** max(0, -shift))
    unscaled, rest = divmod(int("".join(map(str, digits))) * factor, divisor)
    if rest:
        raise ValueError(f"a number of more than the {of.scale} digits that the column has after the point")
    signed = -unscaled if sign else unscaled
    return signed.to_bytes(signed.bit_length() // 8 + 1, "big", signed=True)


def _ranged(of: FieldType, number: int) -> int:
    if not -(1 << _BITS[of.avro_type] - 1) <= number < 1 << _BITS[of.avro_type] - 1:
        raise ValueError(f"a number of more than the {_BITS[of.avro_type]} bits of {of.avro_type}")
    return number


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # the latter where it is no ASCII
        raise ValueError("a text that is not the base64 of bytes") from None


def _uuid_bytes(text: str) -> bytes:
    try:
        return uuid.UUID(text).bytes
    except ValueError:  # whose text quotes nothing, but says `badly formed hexadecimal UUID string`
        raise ValueError("a text that is no UUID") from None
