"""Raw Avro messages of one schema -> SQL row literals; runs in the writer process, pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import itemgetter
from typing import Any, Protocol

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.tables.metadata_columns import HEADERS_COLUMN, POSITION
from avro_schemas.tables.row_layout import RowLayout
from avro_schemas.tables.rules import PLAIN
from rtpipe.mysql.quoting import quoted, quoted_list
from workers.contract.batch import Batch
from workers.contract.refusal import Reason, Refusal
from workers.rows.columnar.choice import column_encoder
from workers.rows.decoding.message_decoder import MessageDecoder
from workers.rows.literals.exact_fit import Literals, TooNarrow
from workers.rows.literals.sql_literals import changes, literals_for
from workers.rows.metadata_literals import metadata_literals

#: Messages whose decoded values are held at once: few enough to stay in the processor's cache, and little memory.
_CHUNK = 500
Record = Mapping[str, Any]


@dataclass(slots=True)
class Encoded:
    """What became of the messages: row literals with the indexes of their messages, and those that cannot be rows."""

    literals: list[str] = field(default_factory=list)  #: `1,'a',NULL`, without brackets
    indexes: list[int] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)  #: where rows have a key: of each, what is in its columns
    refused: dict[int, Refusal] = field(default_factory=dict)
    altered: Counter[int] = field(default_factory=Counter)  #: by index: values that a lossy column changes

    def add(self, more: Encoded) -> None:
        """What became of the messages that follow."""
        self.literals += more.literals
        self.indexes += more.indexes
        self.keys += more.keys
        self.refused |= more.refused
        self.altered |= more.altered


class ColumnRows(Protocol):
    """Rows of many messages at once, for layouts where that is proven to give the same as one after the other."""

    load_columns: str  #: what follows LINES TERMINATED BY in a LOAD DATA of `file`

    def file(self, batch: Batch, indexes: Sequence[int]) -> bytes | None:
        """The rows of these messages as the content of a LOAD DATA file; None: in doubt about one of them."""

    def literals(self, batch: Batch, indexes: Sequence[int]) -> tuple[list[str], list[str]] | None:
        """Their row literals and keys; None: in doubt about one of them."""


class RowEncoder:
    """Turns messages of one schema id into rows of one table; made once for each schema id."""

    def __init__(
        self, layout: RowLayout, schema: Any, partition: int, schema_id: int, *, nonfinite: str = PLAIN.nonfinite
    ) -> None:
        #: The same for many messages at once, where that is proven to give the same; it may say no to any of them.
        self.columns: ColumnRows | None = column_encoder(layout, schema, partition, schema_id, nonfinite=nonfinite)
        self._decoder = MessageDecoder(schema)
        self._columns: list[tuple[ColumnShape, Callable[[Record], Any], Literals]] = [
            (column, _getter(column.path), literals_for(column, nonfinite=nonfinite)) for column in layout.columns
        ]
        self._lossy = [
            (column, get, changes(column))
            for column, get, _ in self._columns
            if column.lossy and column.of.avro_type != "null"
        ]
        self._metadata = metadata_literals(layout.metadata, partition, schema_id)
        self._wants_headers = HEADERS_COLUMN in layout.metadata
        #: Whether the primary key says which message a row came from.
        self.by_position = not layout.key and set(POSITION) <= set(layout.metadata)
        names = [column.name for column in layout.columns]
        self._key = [names.index(name) for name in layout.key]
        #: INSERT INTO t (a, b) VALUES
        self.prefix = f"INSERT INTO {quoted(layout.name)} ({quoted_list(layout.names)}) VALUES "
        #: What follows the rows: how a row that is there already takes the new values; "" where rows are only inserted.
        self.suffix = _update(layout) if layout.key else ""

    def encode(self, batch: Batch, indexes: Sequence[int], sign_of_life: Callable[[], None] = lambda: None) -> Encoded:
        """The rows of the messages at these indexes; a bad message takes nothing from its neighbours."""
        encoded = Encoded()
        if self._wants_headers:
            nameless = [index for index in indexes if batch.headers.get(index, ()) is None]
            why = Refusal(Reason.VALUE, "a header whose name is no UTF-8", HEADERS_COLUMN)
            encoded.refused |= dict.fromkeys(nameless, why)
            indexes = _without(indexes, encoded.refused)
        for start in range(0, len(indexes), _CHUNK):
            encoded.add(self._encode(batch, indexes[start : start + _CHUNK]))
            sign_of_life()
        return encoded

    def _encode(self, batch: Batch, indexes: Sequence[int]) -> Encoded:
        records, problems = self._decoder.records(batch.values, indexes)
        indexes = _without(indexes, problems)
        texts, good, refused = self._texts(records, indexes)
        refused |= {index: Refusal(Reason.DECODE, why) for index, why in problems.items()}
        altered = self._altered(records, indexes, good) if self._lossy else Counter[int]()
        keys = list(map(",".join, zip(*(texts[at] for at in self._key), strict=True))) if self._key else []
        texts += [render(batch, good) for render in self._metadata]
        return Encoded(list(map(",".join, zip(*texts, strict=True))), list(good), keys, refused, altered)

    def _altered(self, records: Sequence[Record], indexes: Sequence[int], good: Sequence[int]) -> Counter[int]:
        """Values that go in although their column changes them."""
        kept = set(good)
        counts = {
            index: sum(changed(get(record)) for _, get, changed in self._lossy)
            for index, record in zip(indexes, records, strict=True)
            if index in kept
        }
        return +Counter(counts)

    def _texts(
        self, records: Sequence[Record], indexes: Sequence[int]
    ) -> tuple[list[list[str]], Sequence[int], dict[int, Refusal]]:
        """The texts of each column, for all records but those that a column refuses; the indexes of those that are
        left; and why the others were refused.
        """
        texts: list[list[str]] = []
        refused: dict[int, Refusal] = {}
        for column, value_of, render in self._columns:
            values = list(map(value_of, records))
            try:
                texts.append(render(values))
            except ValueError:
                problems = [_problem(render, value) for value in values]
                for index, why in zip(indexes, problems, strict=True):
                    if why:
                        reason = Reason.UNFIT_TABLE if isinstance(why, TooNarrow) else Reason.VALUE
                        refused[index] = Refusal(reason, str(why), column.field)
                kept = [not why for why in problems]
                records, indexes = list(compress(records, kept)), list(compress(indexes, kept))
                texts = [list(compress(column_texts, kept)) for column_texts in texts]
                texts.append(render(list(compress(values, kept))))
        return texts, indexes, refused


def _without(indexes: Sequence[int], refused: Collection[int]) -> Sequence[int]:
    return [index for index in indexes if index not in refused] if refused else indexes


def _getter(path: tuple[str, ...]) -> Callable[[Record], Any]:
    """The value of a column in a record; None where a record on its way is null."""
    if len(path) == 1:
        return itemgetter(path[0])

    def value(record: Any) -> Any:
        for name in path:
            if record is None:
                return None
            record = record[name]
        return record

    return value


def _problem(render: Literals, value: Any) -> ValueError | None:
    """Why a column cannot take this value, None if it can."""
    try:
        render([value])
    except ValueError as exc:
        return exc
    return None


def _update(layout: RowLayout) -> str:
    """All columns but the key take the new row's values; those that its schema has not, their default."""
    names = [name for name in layout.names if name not in layout.key]
    taken = [f"{name} = VALUES({name})" for name in map(quoted, names)]
    taken += [f"{name} = DEFAULT({name})" for name in map(quoted, layout.others)]
    first = quoted(min(layout.key))
    return " ON DUPLICATE KEY UPDATE " + ", ".join(taken or [f"{first} = {first}"])
