"""A batch as the encoder makes it: what is sent to the server, before the server has refused any of it; frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workers.commit.encoding.row_statements import LoadedRows, Rows
from workers.commit.encoding.tombstones import Tombstones
from workers.contract.batch import Batch
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Refusal


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """Each message is in one of `parts` or `loaded`, or in `refused`, or among the tombstones; all by its index in the
    batch.

    A message in `refused` may be in a part, too: its row is known to be too large.
    """

    spec: PartitionSpec
    batch: Batch
    parts: Sequence[Rows] = ()  #: one for each schema id
    refused: Mapping[int, Refusal] = field(default_factory=dict)
    tombstones: Tombstones = field(default_factory=Tombstones)
    altered: Mapping[int, int] = field(default_factory=dict)  #: values that a lossy column changes
    loaded: Sequence[LoadedRows] = ()  #: rows that go by LOAD DATA, after the first of their schema ids

    @property
    def keys(self) -> dict[int, str]:
        """The key of each message that changes a row by its key; empty where rows are only inserted."""
        return self.row_keys | dict(self.tombstones.keys)

    @property
    def row_keys(self) -> dict[int, str]:
        """The key of each message that has a row, where rows have one."""
        return {index: key for part in self.parts for index, key in zip(part.indexes, part.keys, strict=False)}

    @property
    def by_position(self) -> bool:
        """Whether the primary key says which message a row came from."""
        return any(part.by_position for part in self.parts)

    def altered_but(self, refused: Mapping[int, Refusal]) -> int:
        """Values that are stored changed, if the messages in `refused` are not stored."""
        return sum(count for index, count in self.altered.items() if index not in refused)
