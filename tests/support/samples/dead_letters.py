"""Dead letters of a test, as the database has them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from workers.contract.batch import Headers
from workers.contract.partition_spec import PartitionKey
from workers.retry.dead_letter import DeadLetter, DeadLetterSource

SOURCE = DeadLetterSource(PartitionKey("orders", 3), "group-orders", "id")


MOMENT = dt.datetime(2026, 5, 1, 10, 30)  # noqa: DTZ001


def dead_letter(
    offset: int = 7, value: bytes | None = b"v", headers: Headers | None = None, **changes: Any
) -> DeadLetter:
    facts: dict[str, Any] = {
        "source": SOURCE,
        "offset": offset,
        "timestamp": -1,
        "key": b"k",
        "value": value,
        "headers": headers,
        "schema_id": 1,
        "error_name": "E_VALUE",
        "error_text": "field a: out of range",
        "table": "orders",
        "written_at": MOMENT,
        "dropped_at": None,
    }
    return DeadLetter(**facts | changes)
