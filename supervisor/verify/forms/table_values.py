"""What the server sends -> the values of a row, in the form of values.py, for `rtpipe verify --values`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.dialects.mysql import FLOAT

from avro_schemas.columns.column_types import ColumnShape
from rtpipe.mysql.quoting import quoted
from supervisor.verify.forms.times import days, moment, time_of_day
from supervisor.verify.forms.user_columns import user_form
from supervisor.verify.forms.values import Row, Value, canonical, kind_of


def from_table(columns: Sequence[ColumnShape], *, leading: int = 0) -> Callable[[Sequence[Any]], Row]:
    """How what the server sends for `leading` integers and the columns becomes a row."""
    all_readers = [_integer] * leading + [_table_value(column) for column in columns]
    readers = [(at, reader) for at, reader in enumerate(all_readers) if reader is not None]

    def row(texts: Sequence[Any]) -> Row:
        values = list(texts)
        for at, reader in readers:
            text = values[at]
            if text is not None:
                values[at] = reader(text)
        return tuple(values)

    return row


def rows_from_table(
    columns: Sequence[ColumnShape], *, leading: int = 0
) -> Callable[[Sequence[Sequence[bytes | None]], Sequence[bool]], list[Row]]:
    """As `from_table` for many rows of bytes, column by column; the second argument says which columns are text."""
    readers = [_integer] * leading + [_table_value(column) for column in columns]

    def rows(cells: Sequence[Sequence[bytes | None]], texts: Sequence[bool]) -> list[Row]:
        found = [
            _column_values(column, reader, is_text=is_text)
            for column, reader, is_text in zip(zip(*cells, strict=True), readers, texts, strict=False)
        ]
        return list(zip(*found, strict=True))

    return rows


def _column_values(
    cells: Sequence[bytes | None], reader: Callable[[Any], Value] | None, *, is_text: bool
) -> Sequence[Value]:
    """All at once where each is a plain number or text; else one by one."""
    some: Any = cells
    with contextlib.suppress(TypeError, ValueError, AttributeError):
        if reader is _integer:
            return list(map(int, some))
        if reader is _float:
            return [float(cell) + 0.0 for cell in some]
        if reader is None and is_text:
            return list(map(bytes.decode, some))
    texts = [cell.decode() if cell is not None and is_text else cell for cell in cells]
    return texts if reader is None else [None if text is None else reader(text) for text in texts]


def select_list(columns: Sequence[ColumnShape]) -> str:
    """The columns for a SELECT. FLOAT as a double, since its own text has six digits; BIT as a number."""
    return ", ".join(quoted(column.name) + _computed(column) for column in columns)


def _computed(column: ColumnShape) -> str:
    given = column.user_column
    if given.name == "float" if given else isinstance(column.type, FLOAT):
        return " + 0e0"
    return " + 0" if given is not None and given.kind == "bit" else ""


def _table_value(column: ColumnShape) -> Callable[[Any], Value] | None:
    """None where the server sends the form already."""
    if column.user_column is not None and (form := user_form(column, column.user_column)) is not None:
        return form.of_table
    if column.of.nested:
        return _parsed
    kind = kind_of(column)
    if kind == "decimal":
        return lambda text: _unscaled(text, column.of.scale)
    readers: dict[str, Callable[[Any], Value]] = {"date": days, "time": time_of_day, "timestamp": moment}
    if kind in readers:
        return readers[kind]
    if column.of.avro_type in {"boolean", "int", "long"}:
        return _integer
    if column.of.avro_type in {"float", "double"}:
        return _float
    return None


def _parsed(text: Any) -> Value:
    try:
        return canonical(json.loads(text))
    except ValueError:
        return str(text)


def _integer(text: Any) -> Value:
    """Also of a column with digits after the point, where they are zeros."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = Decimal(text)
        return int(number) if number == number.to_integral_value() else str(text)
    except ArithmeticError:
        return str(text)


def _float(text: Any) -> Value:
    try:
        return float(text) + 0.0
    except ValueError:
        return str(text)


def _unscaled(text: Any, scale: int) -> Value:
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except ArithmeticError:
        return str(text)
    if not isinstance(exponent, int) or exponent > 0:  # a server sends digits and a point, never an exponent
        return str(text)
    written = "".join(map(str, digits)) + "0" * (exponent + scale)
    surplus = max(0, -exponent - scale)  # digits after the point that the column has and the field has not
    if surplus and written[-surplus:].strip("0"):
        return str(text)
    number = int(written[: len(written) - surplus] or "0")
    return -number if sign else number
