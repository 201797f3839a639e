"""The encoders of the schemas that a writer has met, each schema asked for once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from avro_schemas.avro.wire_format import HEADER_SIZE, MAGIC, WireFormatError, schema_id_of
from avro_schemas.tables.row_layout import RowLayout
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Reason, Refusal
from workers.contract.schema_answers import KeySchema, SchemaLayout, SchemaRefused
from workers.rows.refused_ids import RefusedIds
from workers.rows.row_encoder import RowEncoder


class Schemas(Protocol):
    """Where schemas come from."""

    def rows(self, schema_id: int, *, again: bool = False, also: tuple[int, ...] = ()) -> SchemaLayout | SchemaRefused:
        """Of values; an error stops the partition."""

    def newest(self, *, again: bool = False) -> SchemaLayout:
        """Of the newest values."""

    def key(self, schema_id: int) -> KeySchema | SchemaRefused:
        """Of keys."""


class SchemaCache:
    """What a writer needs to know of each schema id."""

    def __init__(self, spec: PartitionSpec, schemas: Schemas) -> None:
        self._spec = spec
        self._schemas = schemas
        self._encoders: dict[bytes, RowEncoder] = {}
        self._refused = RefusedIds[bytes]()
        self._layout: RowLayout | None = None  #: the newest one
        self._again = False

    def encoder(self, header: bytes, also: tuple[int, ...] = ()) -> RowEncoder | Refusal:
        """The encoder for messages with these first bytes, or why there is none; `also`: ids that come next."""
        if header in self._encoders:
            return self._encoders[header]
        if (refusal := self._refused.get(header)) is not None:
            return refusal
        try:
            schema_id = schema_id_of(header)
        except WireFormatError as exc:
            return Refusal(Reason.WIRE_FORMAT, exc.message)
        answer = self._schemas.rows(schema_id, again=self._again, also=also)
        if isinstance(answer, SchemaRefused):
            return self._refused.keep(header, answer.refusal)
        self._take(answer.layout)
        partition, nonfinite = self._spec.key.partition, self._spec.rules.nonfinite
        self._encoders[header] = RowEncoder(answer.layout, answer.schema, partition, schema_id, nonfinite=nonfinite)
        return self._encoders[header]

    def new_ids(self, headers: Iterable[bytes]) -> tuple[int, ...]:
        """The ids of those headers about which the supervisor is to be asked."""
        new = (one for one in headers if one not in self._encoders and self._refused.get(one) is None)
        return tuple(schema_id_of(one) for one in new if len(one) == HEADER_SIZE and one[0] == MAGIC)

    def newest_layout(self) -> RowLayout:
        """The newest layout that is known, asked for if none is."""
        if self._layout is not None:
            return self._layout
        layout = self._schemas.newest(again=self._again).layout
        self._take(layout)
        return layout

    def forget(self) -> None:
        """The table is not what it was: ask anew about every schema."""
        self._encoders.clear()
        self._layout = None
        self._again = True

    def _take(self, layout: RowLayout) -> None:
        """Keep the newest layout. Where rows are updated, older schemas must reset the columns that are new in it."""
        if self._layout is not None and layout.key and _names(layout) - _names(self._layout):
            self._encoders.clear()
        self._layout = layout
        self._again = False


def _names(layout: RowLayout) -> set[str]:
    return {*(column.name for column in layout.columns), *layout.others}
