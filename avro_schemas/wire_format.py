"""The registry's wire format: a message is one zero byte, the schema id in four bytes, and the Avro body."""

from __future__ import annotations

import struct

from avro_schemas.errors import ExitCode, RtpipeError

#: First byte of every message that a registry serializer wrote.
MAGIC = 0
#: Bytes before the Avro body.
HEADER_SIZE = 5

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

    Raises WireFormatError if it is shorter than the header or does not begin with a zero byte.
    """
    if len(message) < HEADER_SIZE:
        raise WireFormatError(
            f"{len(message)} bytes are too short for the registry's wire format, whose header alone has {HEADER_SIZE}",
            hint="the producer must write with a schema registry serializer",
        )
    magic, schema_id = _HEADER.unpack_from(message)
    if magic != MAGIC:
        raise WireFormatError(
            f"first byte 0x{magic:02x} is not the 0x00 of the registry's wire format",
            hint="the producer must write with a schema registry serializer",
        )
    return int(schema_id)
