"""How a writer reads the keys of its messages: by the newest layout, and by key schemas that are asked for once."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any, get_args

from avro_schemas.tables.row_layout import RowLayout
from avro_schemas.tables.rules import KeyFormat, TableRules
from workers.contract.errors import SetupError
from workers.contract.refusal import Reason, Refusal
from workers.contract.schema_answers import KeySchema, SchemaRefused
from workers.rows.keys.message_key import MessageKey
from workers.rows.literals.sql_literals import literal_of
from workers.rows.refused_ids import RefusedIds

KEY_FORMATS: tuple[KeyFormat, ...] = get_args(KeyFormat)


class KeyCache:
    """The key columns of a message, by its key."""

    def __init__(
        self,
        rules: TableRules,
        newest_layout: Callable[[], RowLayout],
        schema_of: Callable[[int], KeySchema | SchemaRefused],
    ) -> None:
        self._rules = rules
        self._newest_layout = newest_layout
        self._schema_of = schema_of
        self._refused = RefusedIds[int]()
        self._made: tuple[RowLayout, MessageKey] | None = None

    def literals(self, key: bytes | None) -> str | Refusal:
        """The literals of the table's key columns by a message's key, or why there are none."""
        try:
            return ",".join(self.reader.columns(key))
        except ValueError as exc:
            return Refusal(Reason.KEY, str(exc))
        except SetupError as exc:  # of a format that no key of this table has: rows need none
            return Refusal(Reason.KEY, f"{exc.message}: {exc.hint}")

    @property
    def reader(self) -> MessageKey:
        """What reads keys by the newest layout."""
        layout = self._newest_layout()
        if self._made is None or self._made[0] is not layout:
            self._made = layout, self._reader(layout, self._rules.key_format)
        return self._made[1]

    def format_of(self, key: bytes | None, row_key: str) -> str:
        """The first key format that makes of a message's key what its row has in the key columns; "" if none does."""
        layout = self._newest_layout()
        for one in KEY_FORMATS:
            with contextlib.suppress(ValueError, SetupError):
                if ",".join(self._reader(layout, one).columns(key)) == row_key:
                    return one
        return ""

    def _reader(self, layout: RowLayout, key_format: KeyFormat) -> MessageKey:
        return MessageKey(dataclasses.replace(self._rules, key_format=key_format), layout, self._key_schema, literal_of)

    def _key_schema(self, schema_id: int) -> Any:
        if (refusal := self._refused.get(schema_id)) is not None:
            raise ValueError(refusal.why)
        answer = self._schema_of(schema_id)
        if isinstance(answer, SchemaRefused):
            raise ValueError(self._refused.keep(schema_id, answer.refusal).why)  # noqa: TRY004 - of the key's bytes
        return answer.schema
