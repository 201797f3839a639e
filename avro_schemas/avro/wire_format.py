"""The registry's wire format: a message is one zero byte, the schema id in four bytes, and the Avro body."""

from __future__ import annotations

import struct

from avro_schemas.avro.message_format import HEADER_SIZE, MAGIC, Look, look_of_value
from rtpipe.errors import ExitCode, RtpipeError

__all__ = ["HEADER_SIZE", "MAGIC", "WireFormatError", "pack", "schema_id_of", "unread"]

_HEADER = struct.Struct(">BI")


class WireFormatError(RtpipeError):
    """A message does not begin with the registry's five bytes: one message's data error."""

    name = "E_WIRE_FORMAT"
    exit_code = ExitCode.BAD_DATA


def pack(schema_id: int) -> bytes:
    """The five bytes in front of a body that was written with this schema id (0 to 2**32 - 1)."""
    return _HEADER.pack(MAGIC, schema_id)


def schema_id_of(message: bytes) -> int:
    """The id of the schema that `message` (header and body) was written with.

    Raises WireFormatError, which says what it looks like, if it is shorter than the header or does not begin with a
    zero byte.
    """
    if len(message) < HEADER_SIZE or message[0] != MAGIC:
        raise unread(look_of_value(message), len(message))
    return int(_HEADER.unpack_from(message)[1])


def unread(look: Look, size: int) -> WireFormatError:
    """The error of a message of so many bytes that looks like something else."""
    said = f"{size:,} bytes that look like {look.words}, not the registry's wire format"
    if size < HEADER_SIZE and look.kind in {"binary", "empty"}:
        said = f"{size} bytes are too short for the registry's wire format, whose header alone has {HEADER_SIZE}"
    return WireFormatError(said, hint=look.hint)
