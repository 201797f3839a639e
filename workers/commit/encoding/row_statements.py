"""Row literals of a batch, and the statements that carry them; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

#: Most rows of one statement; and where the server refuses some, each of which costs its statement twice.
STATEMENT_ROWS, CAREFUL_ROWS = 5_000, 500
#: No character takes more bytes.
_WIDEST = 4


@dataclass(frozen=True, slots=True)
class LoadedRows:
    """Rows of one batch for one schema id as the content of a LOAD DATA LOCAL, with the indexes of their messages."""

    table: str
    columns: str  #: which are in the file, and what becomes of them
    content: bytes
    indexes: Sequence[int]


@dataclass(frozen=True, slots=True)
class Rows:
    """Row literals of one batch for one schema id, with the INSERT that they belong to and the indexes of their
    messages; or the keys of tombstones, with the statement that deletes by them.
    """

    prefix: str
    literals: list[str]  #: what stands in a row's brackets
    indexes: list[int]  #: of each literal, its message in the batch
    suffix: str = ""  #: what follows the literals: how a row that is there already takes the new values
    keys: list[str] = field(default_factory=list)  #: of each literal, where there is a suffix
    by_position: bool = False  #: the primary key is partition and offset of the message that the row came from

    def by_key(self, some: Iterable[int]) -> list[int]:
        """Some literals in the order of their keys, if they have any: near rows are near in the table, which finds and
        writes them with much less work, and all writers take their locks in one order.
        """
        return sorted(some, key=self.keys.__getitem__) if self.keys else list(some)

    def statement(self, some: Sequence[int]) -> bytes:
        """The statement for some of the literals."""
        return f"{self.prefix}({'),('.join([self.literals[at] for at in some])}){self.suffix}".encode()

    def fitting(self, some: Sequence[int], most_rows: int, max_packet: int) -> Iterator[Sequence[int]]:
        """Some literals, split until each statement is short enough: at most `most_rows` rows, and half of
        `max_packet` bytes unless one row alone has more.
        """
        for start in range(0, len(some), most_rows):
            yield from self._in_bytes(some[start : start + most_rows], max_packet)

    def _in_bytes(self, some: Sequence[int], max_packet: int) -> Iterator[Sequence[int]]:
        if len(some) > 1 and self._may_have_more(some, max_packet // 2) and len(self.statement(some)) > max_packet // 2:
            middle = len(some) // 2
            yield from self._in_bytes(some[:middle], max_packet)
            yield from self._in_bytes(some[middle:], max_packet)
        else:
            yield some

    def _may_have_more(self, some: Sequence[int], size: int) -> bool:
        """Whether the statement may have more bytes than `size`: by its characters, without making it."""
        texts = [self.literals[at] for at in some]
        characters = len(self.prefix) + len(self.suffix) + sum(map(len, texts)) + len("(),") * len(texts)
        return characters > size or (characters * _WIDEST > size and not all(map(str.isascii, texts)))

    def too_large(self, max_packet: int) -> dict[int, int]:
        """Rows that no statement can carry, by the index of their message: their size in bytes."""
        room = max_packet - len(self.prefix.encode()) - len(self.suffix.encode()) - len("()") - 1
        if not self.literals or _WIDEST * max(map(len, self.literals)) < room:
            return {}
        sizes = {index: len(text.encode()) for index, text in zip(self.indexes, self.literals, strict=True)}
        return {index: size for index, size in sizes.items() if size > room}
