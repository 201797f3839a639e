"""What Kafka says of a message, as SQL literals for the metadata columns of its row."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable, Sequence

from avro_schemas.tables.metadata_columns import (
    DELETED_COLUMN,
    HEADERS_COLUMN,
    KEY_COLUMN,
    OFFSET_COLUMN,
    PARTITION_COLUMN,
    SCHEMA_COLUMN,
    TIMESTAMP_COLUMN,
)
from rtpipe.mysql.quoting import hexadecimal, quoted_text
from workers.contract.batch import Batch, Headers

#: A batch and the indexes of some of its messages in, a literal for each out.
MetadataLiterals = Callable[[Batch, Sequence[int]], list[str]]
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - DATETIME columns hold UTC without a zone


def metadata_literals(names: Sequence[str], partition: int, schema_id: int) -> list[MetadataLiterals]:
    """A renderer for each metadata column, in their order."""
    known: dict[str, MetadataLiterals] = {
        PARTITION_COLUMN: lambda _, indexes: [str(partition)] * len(indexes),
        OFFSET_COLUMN: lambda batch, indexes: [str(batch.offsets[at]) for at in indexes],
        TIMESTAMP_COLUMN: lambda batch, indexes: [_or_null(moment_text(batch.timestamps[at])) for at in indexes],
        SCHEMA_COLUMN: lambda _, indexes: [str(schema_id)] * len(indexes),
        KEY_COLUMN: lambda batch, indexes: [_bytes(batch.keys[at]) for at in indexes],
        HEADERS_COLUMN: lambda batch, indexes: [_or_null(headers_json(batch.headers.get(at))) for at in indexes],
        DELETED_COLUMN: lambda _, indexes: ["0"] * len(indexes),
    }
    return [known[name] for name in names]


def moment_text(milliseconds: int) -> str | None:
    """A message's time in UTC; None if it has none, or one that no DATETIME holds."""
    try:
        return None if milliseconds < 0 else str(_EPOCH + dt.timedelta(milliseconds=milliseconds))
    except OverflowError:
        return None


def headers_json(headers: Headers | None) -> str | None:
    """[[name, value in base64], …]; None without headers."""
    if not headers:
        return None
    pairs = [[name, None if value is None else base64.b64encode(value).decode()] for name, value in headers]
    return json.dumps(pairs, ensure_ascii=False)


def _or_null(text: str | None) -> str:
    return "NULL" if text is None else quoted_text(text)


def _bytes(value: bytes | None) -> str:
    return "NULL" if value is None else hexadecimal(value)
