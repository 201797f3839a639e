"""Keys that are text with parts -> those parts: JSON, Connect's JSON with schema and payload, Connect's Struct text.

Pure. ValueError says what is wrong with a key, and never quotes it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from avro_schemas.files.json_file import json_kind

_DECIMAL = "org.apache.kafka.connect.data.Decimal"
_STRUCT = re.compile(r"Struct\{(.*)\}", re.DOTALL)
_STRUCT_FIELD = re.compile(r"([^,={}]+)=([^,={}]*)")
#: What a Struct's text has between its values, and what they may therefore not have.
_STRUCT_MARKS = ", = { }"


def json_parts(key: bytes) -> Any:
    """The JSON value: numbers with a point are Decimal, so that no digit is lost."""
    text = text_of(key)
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=Decimal, parse_int=_integer
        )
    except json.JSONDecodeError as exc:
        raise ValueError(f"not JSON: {exc.msg} at character {exc.pos}") from None
    except RecursionError:
        raise ValueError("JSON that is nested too deep") from None


def envelope_parts(key: bytes) -> Any:
    """The payload of JSON with schema and payload, as Connect's JsonConverter writes it with `schemas.enable`."""
    found = json_parts(key)
    if not isinstance(found, dict) or found.keys() != {"schema", "payload"}:
        raise ValueError(f"{json_kind(found)} that is not the one of `schema` and `payload`")
    return _payload(found["schema"], found["payload"])


def struct_parts(key: bytes) -> dict[str, str]:
    """The fields of Connect's Struct as Java writes it as text, `Struct{id=7,region=eu}`.

    It has no quotes, so a value with one of its own marks could be read in several ways and is refused.
    """
    found = _STRUCT.fullmatch(text_of(key))
    if not found:
        raise ValueError("not Struct{...}")
    fields: dict[str, str] = {}
    for part in found[1].split(","):
        field = _STRUCT_FIELD.fullmatch(part)
        if not field or field[1] in fields:
            raise ValueError(
                f"a Struct with a value that has one of {_STRUCT_MARKS} in it: it could be read in several ways"
            )
        fields[field[1]] = field[2]
    return fields


def text_of(key: bytes) -> str:
    """The key as UTF-8."""
    try:
        return key.decode()
    except UnicodeDecodeError:  # whose text quotes it
        raise ValueError("no UTF-8") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("JSON with a field that is there twice")
    return found


def _no_constant(_: str) -> Any:
    raise ValueError("JSON with NaN or infinity")


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # thousands of digits; the text has no digit of them, but says how to allow it
        raise ValueError("JSON with a number of thousands of digits") from None


def _payload(schema: Any, payload: Any) -> Any:
    """The payload with its decimals as such: their schema says whether a text is one, and where its point is."""
    if not isinstance(schema, Mapping) or payload is None:
        return payload
    fields = schema.get("fields")
    if isinstance(payload, dict) and isinstance(fields, list):
        types = {field["field"]: field for field in fields if isinstance(field, Mapping) and "field" in field}
        return {name: _payload(types.get(name), part) for name, part in payload.items()}
    if schema.get("name") == _DECIMAL and isinstance(payload, str):
        return _decimal(schema, payload)
    return payload


def _decimal(schema: Mapping[str, Any], payload: str) -> Decimal:
    parameters = schema.get("parameters")
    try:
        scale = int(parameters["scale"]) if isinstance(parameters, Mapping) else 0
        unscaled = int.from_bytes(base64.b64decode(payload, validate=True), "big", signed=True)
        return Decimal((unscaled < 0, tuple(map(int, str(abs(unscaled)))), -scale))
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise ValueError("a decimal that is not what its schema says") from None
