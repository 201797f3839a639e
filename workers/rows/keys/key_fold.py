"""Several changes of one key in a batch, collapsed in their order: what is left to do for each key; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Changes:
    """Places of the messages whose rows are written, and of the tombstones that delete their keys after that."""

    rows: frozenset[int]
    deleted: frozenset[int]


class KeyFold:
    """The messages of a batch by key. `rows` and `tombstones` give the key of the message at each index."""

    def __init__(self, rows: Mapping[int, str], tombstones: Mapping[int, str], *, soft: bool) -> None:
        self._rows = rows
        self._soft = soft  #: a deleted row stays, so its last values are written, too
        self._by_key: dict[str, list[int]] = {}
        for index, key in sorted([*rows.items(), *tombstones.items()]):
            self._by_key.setdefault(key, []).append(index)

    def changes(self, refused: Collection[int]) -> Changes:
        """What to do if the messages in `refused` do not count: an earlier one of the same key does then."""
        rows, deleted = set(), set()
        for indexes in self._by_key.values():
            good = [index for index in reversed(indexes) if index not in refused]
            last_row = next((index for index in good if index in self._rows), None)
            if good and good[0] != last_row:
                deleted.add(good[0])
                last_row = last_row if self._soft else None
            if last_row is not None:
                rows.add(last_row)
        return Changes(frozenset(rows), frozenset(deleted))
