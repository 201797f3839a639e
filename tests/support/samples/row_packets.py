"""Rows as a server sends them."""

from __future__ import annotations

from collections.abc import Sequence


def row_packet(cells: Sequence[bytes | None]) -> bytes:
    """The content of a row's packet."""
    return b"".join(map(_value, cells))


def _value(cell: bytes | None) -> bytes:
    if cell is None:
        return b"\xfb"
    for most, mark, width in ((250, b"", 1), (0xFFFF, b"\xfc", 2), (0xFFFFFF, b"\xfd", 3)):
        if len(cell) <= most:
            return mark + len(cell).to_bytes(width, "little") + cell
    raise ValueError("too long for a test")
