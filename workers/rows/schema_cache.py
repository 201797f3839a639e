"""Encoders and keys of the schemas that a writer has met, each asked for once."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterable
from typing import Any, Protocol, get_args

from avro_schemas.avro.wire_format import HEADER_SIZE, MAGIC, WireFormatError, schema_id_of
from avro_schemas.tables.row_layout import RowLayout
from avro_schemas.tables.rules import KeyFormat
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Reason, Refusal
from workers.contract.schema_answers import KeySchema, SchemaLayout, SchemaRefused
from workers.rows.keys.message_key import MessageKey
from workers.rows.literals.sql_literals import literal_of
from workers.rows.row_encoder import RowEncoder

#: Seconds for which the supervisor is not asked again about an id that it refused.
_REFUSED_FOR = 10.0
_REFUSED_KEPT = 1_000
KEY_FORMATS: tuple[KeyFormat, ...] = get_args(KeyFormat)


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
        self._refused: dict[bytes, tuple[float, Refusal]] = {}
        self._refused_keys: dict[int, tuple[float, str]] = {}
        self._layout: RowLayout | None = None  #: the newest one
        self._keys: MessageKey | None = None
        self._again = False

    def encoder(self, header: bytes, also: tuple[int, ...] = ()) -> RowEncoder | Refusal:
        """The encoder for messages with these first bytes, or why there is none; `also`: ids that come next."""
        if header in self._encoders:
            return self._encoders[header]
        until, refusal = self._refused.get(header, (0.0, None))
        if refusal is not None and time.monotonic() < until:
            return refusal
        try:
            schema_id = schema_id_of(header)
        except WireFormatError as exc:
            return Refusal(Reason.WIRE_FORMAT, exc.message)
        answer = self._schemas.rows(schema_id, again=self._again, also=also)
        if isinstance(answer, SchemaRefused):
            return self._refuse(header, answer.refusal)
        self._take(answer.layout)
        partition, nonfinite = self._spec.key.partition, self._spec.rules.nonfinite
        self._encoders[header] = RowEncoder(answer.layout, answer.schema, partition, schema_id, nonfinite=nonfinite)
        return self._encoders[header]

    def new_ids(self, headers: Iterable[bytes]) -> tuple[int, ...]:
        """The ids of those headers about which the supervisor is to be asked."""
        now = time.monotonic()
        known = self._encoders.keys() | {header for header, (until, _) in self._refused.items() if now < until}
        new = (one for one in headers if one not in known)
        return tuple(schema_id_of(one) for one in new if len(one) == HEADER_SIZE and one[0] == MAGIC)

    def forget(self) -> None:
        """The table is not what it was: ask anew about every schema."""
        self._encoders.clear()
        self._layout = self._keys = None
        self._again = True

    def _take(self, layout: RowLayout) -> None:
        """Keep the newest layout. Where rows are updated, older schemas must reset the columns that are new in it."""
        if self._layout is not None and layout.key and _names(layout) - _names(self._layout):
            self._encoders.clear()
        self._layout, self._keys = layout, None
        self._again = False

    def _refuse(self, header: bytes, refusal: Refusal) -> Refusal:
        if len(self._refused) >= _REFUSED_KEPT:
            self._refused.clear()
        self._refused[header] = time.monotonic() + _REFUSED_FOR, refusal
        return refusal

    def key(self, key: bytes | None) -> str | Refusal:
        """The literals of the table's key columns by a message's key, or why there are none."""
        try:
            return ",".join(self.keys.columns(key))
        except ValueError as exc:
            return Refusal(Reason.KEY, str(exc))
        except SetupError as exc:  # of a format that no key of this table has: rows need none
            return Refusal(Reason.KEY, f"{exc.message}: {exc.hint}")

    @property
    def keys(self) -> MessageKey:
        """How keys are read by the newest layout."""
        if self._keys is None:
            self._keys = self._reader(self._known_layout(), self._spec.rules.key_format)
        return self._keys

    def _known_layout(self) -> RowLayout:
        """The newest layout that is known, asked for if none is."""
        if self._layout is not None:
            return self._layout
        layout = self._schemas.newest(again=self._again).layout
        self._take(layout)
        return layout

    def key_format_of(self, key: bytes | None, row_key: str) -> str:
        """The first key format that makes of a message's key what its row has in the key columns; "" if none does."""
        layout = self._known_layout()
        for one in KEY_FORMATS:
            with contextlib.suppress(ValueError, SetupError):
                if ",".join(self._reader(layout, one).columns(key)) == row_key:
                    return one
        return ""

    def _reader(self, layout: RowLayout, key_format: KeyFormat) -> MessageKey:
        rules = dataclasses.replace(self._spec.rules, key_format=key_format)
        return MessageKey(rules, layout, self._key_schema, literal_of)

    def _key_schema(self, schema_id: int) -> Any:
        until, why = self._refused_keys.get(schema_id, (0.0, ""))
        if time.monotonic() < until:
            raise ValueError(why)
        answer = self._schemas.key(schema_id)
        if isinstance(answer, SchemaRefused):
            if len(self._refused_keys) >= _REFUSED_KEPT:
                self._refused_keys.clear()
            self._refused_keys[schema_id] = time.monotonic() + _REFUSED_FOR, answer.refusal.why
            raise ValueError(answer.refusal.why)  # noqa: TRY004 - of the key's bytes, whose id it is
        return answer.schema


def _names(layout: RowLayout) -> set[str]:
    return {*(column.name for column in layout.columns), *layout.others}
