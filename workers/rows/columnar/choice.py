"""Whether the messages of a schema go the fast way: polars is there, and all columns are of kinds that are proven."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from avro_schemas.avro.type_reader import read_record
from avro_schemas.tables.row_layout import RowLayout

if TYPE_CHECKING:
    from workers.rows.columnar.column_encoder import ColumnEncoder

#: For polars' own allocator: what is free is kept for a second, since the next batch needs as much. To give it back at
#: once doubles the time that a batch takes.
_MEMORY = "narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0"


def column_encoder(
    layout: RowLayout, schema: Any, partition: int, schema_id: int, *, nonfinite: str
) -> ColumnEncoder | None:
    """The encoder of a layout, None if all its rows are for the general one.

    Nothing is computed yet, so this may come before a fork: polars' threads would be missing in the child.
    """
    if not load_polars():
        return None
    from workers.rows.columnar.column_encoder import made_for  # noqa: PLC0415 - needs polars

    return made_for(layout, read_record(schema), partition, schema_id, nonfinite=nonfinite)


@cache
def load_polars() -> bool:
    """Whether polars is there, which this imports; with one thread, since there is a writer for each partition."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    os.environ.setdefault("_RJEM_MALLOC_CONF", _MEMORY)
    try:
        import polars  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return False
    return True


def give_back() -> None:
    """Return memory that polars keeps to the system: for a writer that has had nothing to do for some seconds."""
    if load_polars():
        from workers.rows.columnar.polars_calls import give_back as of_polars  # noqa: PLC0415 - needs polars

        of_polars()
