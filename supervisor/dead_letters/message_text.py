"""The bytes of dead letters for people's eyes: decoded where that is possible, and never able to move a cursor."""

from __future__ import annotations

import base64
import contextlib
import json
import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from avro_schemas.avro.wire_format import WireFormatError, schema_id_of
from avro_schemas.tables.layout import table_layout
from rtpipe.errors import RtpipeError, SettingsError, UnreachableError
from supervisor.settings.fields.registry_settings import open_registry
from supervisor.settings.settings import Settings
from workers.rows.decoding.message_decoder import MessageDecoder
from workers.rows.literals.json_values import plain_value

if TYPE_CHECKING:
    from avro_schemas.registry.client import Registry

_WIDTH = 16
#: Schema id -> schema as parsed JSON.
SchemaById = Callable[[int], Any]


def escaped(text: str) -> str:
    r"""Everything that is not a plain character, as \u001b: control and format characters, line breaks."""
    return "".join(sign if sign.isprintable() else _code(ord(sign)) for sign in text)


def _code(number: int) -> str:
    return f"\\u{number:04x}" if number < 1 << 16 else f"\\U{number:08x}"


def hex_dump(data: bytes) -> list[str]:
    """Lines of offset in the data, bytes, and what of them is ASCII."""
    lines = []
    for start in range(0, len(data), _WIDTH):
        part = data[start : start + _WIDTH]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)  # noqa: PLR2004 - printable ASCII
        lines.append(f"{start:08x}  {part.hex(' '):<{3 * _WIDTH - 1}}  {shown}")
    return lines


def text_of(data: bytes) -> str | None:
    """The bytes as text, if they are plain UTF-8 text."""
    with contextlib.suppress(UnicodeDecodeError):
        text = data.decode()
        if all(sign.isprintable() or sign in "\t\r\n" for sign in text):
            return text
    return None


def as_json(value: Any, *, indent: int | None = None) -> str:
    """A decoded value; what JSON has no word for is text."""
    return json.dumps(_finite(value), indent=indent, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


class QuietRegistry:
    """The registry, None if there is none. One that does not answer is reported and asked once only."""

    def __init__(self, open_registry: Callable[[], Registry] | None) -> None:
        self._open_registry = open_registry
        self._registry: Registry | None = None
        self._silent: RtpipeError | None = None

    def __call__(self, schema_id: int) -> Any:
        """The schema of an id."""
        if self._open_registry is None:
            raise SettingsError("no schema registry is set")
        if self._silent is not None:
            raise self._silent
        try:
            if self._registry is None:
                self._registry = self._open_registry()
            return self._registry.schema_by_id(schema_id)
        except UnreachableError as exc:
            print(f"not decoded: {exc.message}", file=sys.stderr)
            self._silent = exc
            raise


class DeadLetterReader:
    """Decodes messages and keys that begin with a schema's id."""

    def __init__(self, schema_by_id: SchemaById) -> None:
        self._schema_by_id = schema_by_id

    def decoded(self, data: bytes) -> tuple[Any, str]:
        """The value as JSON has it, and ""; or None, and why it is not to be had."""
        try:
            schema = self._schema_by_id(schema_id_of(data))
            record = MessageDecoder(schema)(data)
            columns = table_layout(schema, table="dead_letter").columns
        except WireFormatError as exc:
            return None, exc.message
        except RtpipeError as exc:
            return None, f"{exc.name} {exc.message}"
        except ValueError as exc:
            return None, str(exc)
        return {column.field: _value(plain_value(column), record[column.path[0]]) for column in columns}, ""


def reader_for(settings: Settings) -> DeadLetterReader:
    """One that asks the registry of the settings, if they name one."""
    there = bool(settings.schema_registry_url.get_secret_value())
    return DeadLetterReader(QuietRegistry((lambda: open_registry(settings)) if there else None))


def _value(convert: Callable[[Any], Any], raw: Any) -> Any:
    """A value that is none of its type, such as a date beyond the year 9999, is shown as it was decoded."""
    try:
        return convert(raw)
    except (ValueError, OverflowError, ArithmeticError):
        return raw
