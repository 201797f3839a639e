"""Which field of a key fills which key column; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from avro_schemas.columns.column_types import ColumnShape

#: Names one inside the other, from the outermost.
Path = tuple[str, ...]


def paths_of(columns: Sequence[ColumnShape], has: Callable[[Path], bool]) -> list[Path]:
    """Of each column the path to its field in a key that `has` some. ValueError if one has none.

    A key's field may be called as the column is, or as the value's field is: `rename` and `flatten` make them differ.
    Of a flattened field its last name will do, too, as long as no other key column ends with it.
    """
    found = [next(filter(has, _names(column, columns)), None) for column in columns]
    if missing := [column.name for column, path in zip(columns, found, strict=True) if path is None]:
        raise ValueError(f"it has no field {', '.join(missing)}")
    return [path for path in found if path is not None]


def _names(column: ColumnShape, columns: Sequence[ColumnShape]) -> list[Path]:
    last = column.path[-1]
    alone = sum(other.path[-1] == last for other in columns) == 1
    return [(column.name,), column.path, (column.field,), ("__".join(column.path),), *([(last,)] if alone else [])]
