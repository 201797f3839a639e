"""What the messages of a batch that have no value do, by the topic's settings: delete, mark, nothing.

Each deletes by its key, unless that cannot be trusted (`key_watch`). Where several messages change one key,
`workers/rows/keys/key_fold` keeps the last change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from avro_schemas.tables.metadata_columns import DELETED_COLUMN
from rtpipe.mysql.quoting import quoted, quoted_list
from workers.commit.encoding.key_advice import guess, key_look
from workers.commit.encoding.key_watch import KeyWatch
from workers.contract.batch import Batch
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Reason, Refusal
from workers.rows.key_cache import KeyCache

_NULL = Refusal(Reason.NULL_VALUE, "a null value (tombstone), for which the topic's settings have no use")


@dataclass(frozen=True, slots=True)
class Tombstones:
    """Messages without a value: those that delete, and how many of the others do nothing."""

    keys: Mapping[int, str] = field(default_factory=dict)  #: literals of the key columns, by index
    prefix: str = ""  #: `DELETE FROM t WHERE (k) IN (`, to be followed by keys and a bracket
    soft: bool = False  #: the row stays, marked as deleted
    ignored: int = 0


def tombstones_of(
    spec: PartitionSpec, keys: KeyCache, watch: KeyWatch, batch: Batch, nulls: Sequence[int]
) -> tuple[Tombstones, dict[int, Refusal]]:
    """What the messages at the indexes `nulls` do, and those of them that are refused."""
    rules = spec.rules
    if rules.tombstones == "ignore":
        return Tombstones(ignored=len(nulls)), {}
    if not rules.deletes:
        return Tombstones(), dict.fromkeys(nulls, _NULL)
    read = {index: _key(spec, keys, watch, batch, index) for index in nulls}
    deleting = {index: key for index, key in read.items() if isinstance(key, str)}
    refused = {index: key for index, key in read.items() if isinstance(key, Refusal)}
    return Tombstones(deleting, _deletion(spec), soft=rules.tombstones == "soft_delete"), refused


def _key(spec: PartitionSpec, keys: KeyCache, watch: KeyWatch, batch: Batch, index: int) -> str | Refusal:
    """The key by which to delete, as literals; or why there is none that can be trusted."""
    raw = batch.keys[index]
    key = keys.literals(raw)
    look = key_look(batch, index)
    if isinstance(key, Refusal):
        return key if raw is None else Refusal(Reason.KEY, f"{key.why}{guess(look, spec.rules.key_format)}")
    if look.kind not in watch.agreed and keys.reader.mistakes(look):
        why = f'a key that looks like {look.words}, which is read as it stands by key_format = "text"'
        return Refusal(Reason.KEY, why + guess(look, "text"))
    return Refusal(Reason.KEY, watch.distrust) if watch.distrust else key


def _deletion(spec: PartitionSpec) -> str:
    """The beginning of the statement that deletes rows by key, up to the bracket around the keys."""
    soft = spec.rules.tombstones == "soft_delete"
    table = quoted(spec.table)
    act = f"UPDATE {table} SET {DELETED_COLUMN} = 1" if soft else f"DELETE FROM {table}"
    return f"{act} WHERE ({quoted_list(spec.rules.key)}) IN ("
