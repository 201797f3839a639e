"""A multiset of rows in bounded memory: how many fall into each of 65,536 buckets, and the sum of their digests."""

from __future__ import annotations

from collections.abc import Iterable

from supervisor.verify.forms.values import Row, digest

BUCKETS = 1 << 16  #: by the first two bytes of a digest
_SUM_BITS = 192  # of a sum: enough for more digests than there can be rows
_ONE = 1 << _SUM_BITS


def bucket_of(key: bytes) -> int:
    """The bucket of a digest."""
    return key[0] << 8 | key[1]


class Tally:
    """How many rows there are in each bucket, and the sum of their digests."""

    def __init__(self) -> None:
        self._sums = [0] * BUCKETS  # digests, and above their bits how many there are

    def add(self, rows: Iterable[Row]) -> None:
        """Some more rows; none of them if one is no row."""
        sums = self._sums
        for key in [digest(row) for row in rows]:  # all or none, whatever is wrong with a row
            sums[key[0] << 8 | key[1]] += int.from_bytes(key, "big") | _ONE

    def count(self, bucket: int) -> int:
        """The rows in a bucket."""
        return self._sums[bucket] >> _SUM_BITS

    @property
    def total(self) -> int:
        """All rows."""
        return sum(each >> _SUM_BITS for each in self._sums)

    def unequal(self, other: Tally) -> list[int]:
        """The buckets in which the two do not have the same rows."""
        return [bucket for bucket in range(BUCKETS) if self._sums[bucket] != other._sums[bucket]]

    def merge(self, other: Tally) -> None:
        """All rows of another one."""
        self._sums = [mine + theirs for mine, theirs in zip(self._sums, other._sums, strict=True)]
