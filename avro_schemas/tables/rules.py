"""What a topic's settings ask of its table; plain and frozen, since it crosses process boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

#: What rows are: one for each message, or one for each key.
Mode = Literal["insert", "upsert"]
#: What a message without a value does.
Tombstones = Literal["dead_letter", "ignore", "delete", "soft_delete"]
#: What the bytes of a message's key are.
KeyFormat = Literal["text", "avro", "int", "long", "json", "json_schema", "connect_struct"]
#: What a schema does that the table does not fit.
Evolution = Literal["evolve", "freeze", "discard_value", "discard_row"]


@dataclass(frozen=True, slots=True)
class TableRules:
    """The settings of one topic that shape its table and rows. Names of `columns`, `include`, `exclude` and `rename`
    are those of fields (`a.b` for a flattened one), names in `key` those of columns, in `lossy` either.
    """

    mode: Mode = "insert"
    key: tuple[str, ...] = ()  #: the primary key, in upsert mode
    key_format: KeyFormat = "text"
    tombstones: Tombstones = "dead_letter"
    include: tuple[str, ...] = ()  #: only these fields; (): all
    exclude: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)  #: field -> column
    columns: Mapping[str, str] = field(default_factory=dict)  #: field -> type as MySQL writes it
    metadata: tuple[str, ...] = ()  #: metadata columns
    flatten: int = 0  #: levels of records whose fields become columns `a__b`
    nanos: Literal["bigint", "datetime6"] = "bigint"
    nonfinite: Literal["dead_letter", "null"] = "dead_letter"  #: NaN and infinity in a nullable field
    overflow: Literal["refuse", "json"] = "refuse"  #: what becomes of fields that a row has no room for
    lossy: tuple[str, ...] = ()  #: fields or columns of tables that people made, which may change their values
    evolution: Evolution = "evolve"
    allow_copy: bool = False  #: a change that copies the table and blocks its writers is made, too

    @property
    def deletes(self) -> bool:
        """Whether tombstones take effect on rows."""
        return self.tombstones in {"delete", "soft_delete"}


#: A row for each message, all fields, no metadata.
PLAIN = TableRules()
