"""The schema in the header of an Avro object container file; its rows are not read."""

from __future__ import annotations

from pathlib import Path

from avro_schemas.files.json_file import MAX_FILE, SchemaFileError

#: The first bytes of every container file: `Obj` and the version of the format.
MAGIC = b"Obj\x01"
_KEY = "avro.schema"
_SYNC, _LONGEST_NUMBER = 16, 10  # bytes


class _BrokenError(Exception):
    """What is wrong with the header, and where; never leaves this module."""


def schema_text(path: Path, raw: bytes) -> str:
    """The schema, as JSON text, in the header with which `raw` begins. SchemaFileError if the header is corrupt."""
    try:
        metadata = _Header(raw).metadata()
        if _KEY not in metadata:
            raise _BrokenError(f"there is no {_KEY} in it")
        return metadata[_KEY].decode()
    except (_BrokenError, UnicodeDecodeError) as error:
        longer = f" (only its first {MAX_FILE:,} bytes are read)" if len(raw) > MAX_FILE else ""
        problem = f"an Avro container file whose header is corrupt: {error}{longer}"
        raise SchemaFileError(path, [problem], hint="write the file again, or give its schema as .avsc") from error


class _Header:
    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, len(MAGIC)

    def metadata(self) -> dict[str, bytes]:
        """Blocks of pairs up to a block of none, as Avro writes a map of bytes; then the sync marker."""
        found: dict[str, bytes] = {}
        while count := self._number():
            if count < 0:  # then the block's length in bytes follows, which is needed only to skip the block
                self._number()
            for _ in range(abs(count)):
                key = self._bytes().decode()
                found[key] = self._bytes()
        self._take(_SYNC, "the sync marker")
        return found

    def _bytes(self) -> bytes:
        return self._take(self._number(), "a key or value")

    def _take(self, length: int, what: str) -> bytes:
        start, self._at = self._at, self._at + length
        if length < 0 or self._at > len(self._raw):
            raise _BrokenError(f"{what} at byte {start} has {length:,} bytes, and {len(self._raw) - start:,} are left")
        return self._raw[start : self._at]

    def _number(self) -> int:
        """A long as Avro writes it: seven bits a byte, the lowest first, its sign in the lowest."""
        value = 0
        for place in range(_LONGEST_NUMBER):
            byte = self._take(1, "a number")[0]
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:  # noqa: PLR2004 - the bit that says another byte follows
                return (value >> 1) ^ -(value & 1)
        raise _BrokenError(f"the number before byte {self._at} has no end")
