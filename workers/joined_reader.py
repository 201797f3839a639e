"""Many message bodies of one schema, decoded by one call: for small records the call costs as much as the decoding."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import fastavro

_MARK_SIZE = 16
#: Bytes that are read at once. A body that lies about its length may read on through all of them, but no further.
_MOST_BYTES = 256 * 1024


class JoinedReader:
    """Reads bodies as one Avro array, with a mark after each that nobody outside this process can know.

    A body that takes too few or too many bytes meets no mark where its record ends. There must be as many records as
    bodies and as many marks: then every record took one, so each ended where its body did. (Bodies may end the array's
    block early and begin one of their own, so marks alone say nothing.)
    """

    def __init__(self, record: dict[str, Any]) -> None:
        """`record` is a wire schema whose values are no larger than their bytes (see careful_reader)."""
        fields = record["fields"]
        name = "mark".ljust(1 + max((len(field["name"]) for field in fields), default=0), "_")
        mark = {"name": name, "type": {"type": "fixed", "name": "mark", "size": _MARK_SIZE}}
        self._schema = fastavro.parse_schema({"type": "array", "items": {**record, "fields": [*fields, mark]}})
        self._mark_of = itemgetter(name)
        self._mark = os.urandom(_MARK_SIZE)

    def read(self, bodies: Sequence[bytes]) -> list[dict[str, Any]]:
        """A record for each body, with one more entry, the mark. Raises any Exception if one of them has none."""
        if sum(map(len, bodies)) > _MOST_BYTES:
            raise ValueError("too many bytes to read at once")
        whole = b"".join([_block(len(bodies)), self._mark.join(bodies), self._mark, _block(0)])
        stream = io.BytesIO(whole)
        records: Any = fastavro.schemaless_reader(stream, self._schema, None)
        marks = list(map(self._mark_of, records))
        if stream.tell() != len(whole) or len(marks) != len(bodies) or marks.count(self._mark) != len(bodies):
            raise ValueError("records that do not end with their bodies")
        return records  # type: ignore[no-any-return]


def _block(items: int) -> bytes:
    """How an array's block of so many items begins."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", items)
    return out.getvalue()
