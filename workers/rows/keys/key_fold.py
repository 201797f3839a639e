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
        self._rows = _in_order(rows)
        self._tombstones = _in_order(tombstones)
        self._soft = soft  #: a deleted row stays, so its last values are written, too

    def changes(self, refused: Collection[int]) -> Changes:
        """What to do if the messages in `refused` do not count: an earlier one of the same key does then."""
        rows, tombstones = _last_of_each(self._rows, refused), _last_of_each(self._tombstones, refused)
        deleted = {key: index for key, index in tombstones.items() if index > rows.get(key, -1)}
        if not self._soft:
            for key in deleted:
                rows.pop(key, None)
        return Changes(frozenset(rows.values()), frozenset(deleted.values()))


def _in_order(keys: Mapping[int, str]) -> Mapping[int, str]:
    """By their indexes, as those of one schema are already."""
    indexes = list(keys)
    return keys if indexes == sorted(indexes) else dict(sorted(keys.items()))


def _last_of_each(keys: Mapping[int, str], refused: Collection[int]) -> dict[str, int]:
    """The last index of each key."""
    if not refused:  # as nearly always
        return {key: index for index, key in keys.items()}
    return {key: index for index, key in keys.items() if index not in refused}
