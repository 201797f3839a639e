"""What one batch writes: its rows, and dead letters for the messages that are none, found out as the server answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from workers.batch_queue import Batch
from workers.database_errors import DUPLICATE, Action, DatabaseTrouble
from workers.dead_letters import Refusal, letter_statements
from workers.errors import RowExistsError
from workers.key_fold import KeyFold
from workers.partition_owner import NotWritten
from workers.partition_spec import PartitionSpec

Execute = Callable[[bytes], None]
#: Rows of one statement at most; and where the server refuses some, each of which costs its statement twice.
_STATEMENT_ROWS, CAREFUL_ROWS = 5_000, 500


@dataclass(frozen=True, slots=True)
class Rows:
    """Row literals of one batch for one schema id, with the INSERT they belong to and the places of their messages;
    or the keys of tombstones, with the statement that deletes by them.
    """

    prefix: str
    literals: list[str]  #: what stands in a row's brackets
    places: list[int]
    suffix: str = ""  #: what follows the literals: how a row that is there already takes the new values
    keys: list[str] = field(default_factory=list)  #: of each literal, where there is a suffix
    placed: bool = False  #: the primary key says which message a row came from

    def statement(self, some: Sequence[int]) -> bytes:
        """The statement for some of the literals."""
        return f"{self.prefix}({'),('.join([self.literals[at] for at in some])}){self.suffix}".encode()


@dataclass(frozen=True, slots=True)
class Tombstones:
    """Messages without a value: the keys of those that delete, by place; how many of the others do nothing."""

    keys: Mapping[int, str] = field(default_factory=dict)
    prefix: str = ""  #: `DELETE FROM t WHERE (k) IN (`, to be followed by keys and a bracket
    soft: bool = False
    ignored: int = 0


class TooManyRefused(NotWritten):
    """More messages cannot be rows than may become dead letters; `place` is that of one of them."""

    def __init__(self, place: int, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.place = place
        self.refusal = refusal


class BatchWork:
    """Rows and letters of a batch. `refused` grows as the server refuses rows, up to `allowed` of them."""

    def __init__(
        self,
        spec: PartitionSpec,
        batch: Batch,
        parts: list[Rows],
        refused: dict[int, Refusal],
        *,
        max_packet: int,
        tombstones: Tombstones,
    ) -> None:
        self._spec = spec
        self._batch = batch
        self._parts = parts
        self._max_packet = max_packet
        self._tombstones = tombstones
        self.refused = refused
        self.allowed = len(batch.offsets)
        self.statement_rows = _STATEMENT_ROWS
        self.server_refused = False  #: a row that looked good from here

    @property
    def rows(self) -> int:
        """Messages that take effect on the table, as far as is known."""
        return len(self._batch.offsets) - len(self.refused) - self._tombstones.ignored

    @property
    def dead(self) -> int:
        """Messages that are letters, as far as is known."""
        return len(self.refused)

    @property
    def keys(self) -> dict[int, str]:
        """The key of each message that changes a row by its key; empty where rows are only inserted."""
        keys = {place: key for part in self._parts for place, key in zip(part.places, part.keys, strict=False)}
        return keys | dict(self._tombstones.keys)

    @property
    def placed(self) -> bool:
        """Whether the primary key says which message a row came from."""
        return any(part.placed for part in self._parts)

    @property
    def deletes(self) -> set[int]:
        """Places of the messages that delete a row."""
        return set(self._tombstones.keys)

    def run(self, execute: Execute) -> None:
        """Write all rows but those known for bad, then the letters. Raises TooManyRefused."""
        self.write_rows(execute)
        for statement in letter_statements(self._spec, self._batch, self.refused, self._max_packet):
            execute(statement)

    def write_rows(self, execute: Execute) -> None:
        """Write all rows but those known for bad, and find out about others. Raises TooManyRefused."""
        if self._spec.rules.mode == "upsert":
            self._change(execute)
        else:
            for part in self._parts:
                self._write_all(
                    execute, part, [at for at, place in enumerate(part.places) if place not in self.refused]
                )

    def _change(self, execute: Execute) -> None:
        """The last change of each key. Where the server refuses it, the one before it counts, which comes then."""
        keys = {place: key for part in self._parts for place, key in zip(part.places, part.keys, strict=True)}
        fold = KeyFold(keys, self._tombstones.keys, soft=self._tombstones.soft)
        deletion = Rows(self._tombstones.prefix, list(self._tombstones.keys.values()), list(self._tombstones.keys), ")")
        done: set[int] = set()
        while True:
            changes = fold.changes(self.refused)
            rows, deleted = changes.rows - done, changes.deleted - done
            if not rows and not deleted:
                return
            for part in self._parts:
                self._write_all(execute, part, [at for at, place in enumerate(part.places) if place in rows])
            done |= rows
            if self.refused.keys().isdisjoint(rows):
                self._write_all(execute, deletion, [at for at, place in enumerate(deletion.places) if place in deleted])
                done |= deleted

    def _write_all(self, execute: Execute, part: Rows, some: list[int]) -> None:
        for piece in self._fitting(part, some):
            self._write(execute, part, piece)

    def _fitting(self, part: Rows, some: list[int]) -> Iterator[list[int]]:
        """Some rows, split until each statement is short enough, and at most half of a packet unless one row is not."""
        if len(some) > self.statement_rows:
            for start in range(0, len(some), self.statement_rows):
                yield from self._fitting(part, some[start : start + self.statement_rows])
            return
        size = len(part.prefix) + len(part.suffix) + sum(len(part.literals[at]) + 3 for at in some)
        if len(some) > 1 and (4 * size > 2 * self._max_packet and len(part.statement(some)) > self._max_packet // 2):
            middle = len(some) // 2
            yield from self._fitting(part, some[:middle])
            yield from self._fitting(part, some[middle:])
        elif some:
            yield some

    def _write(self, execute: Execute, part: Rows, some: list[int]) -> None:
        """Write the rows, and find those that the server refuses: each statement undoes only itself.

        The server may name the row. If that one is taken when it comes alone, the number was of another statement (a
        trigger's), and halving finds the bad rows.
        """
        pending = deque([some])
        blamed: list[int] | None = None
        trusted = True
        while pending:
            now = pending.popleft()
            try:
                execute(part.statement(now))
            except DatabaseTrouble as trouble:
                if trouble.action is not Action.DATA:
                    raise
                self.server_refused = True
                if len(now) == 1:
                    self._refuse(part, part.places[now[0]], trouble)
                    continue
                at = trouble.row - 1 if trusted and 0 < trouble.row <= len(now) else -1
                blamed = [now[at]] if at >= 0 else None
                middle = len(now) // 2
                pieces = [now[:at], [now[at]], now[at + 1 :]] if at >= 0 else [now[:middle], now[middle:]]
                pending.extendleft(piece for piece in reversed(pieces) if piece)
            else:
                trusted = trusted and now != blamed

    def _refuse(self, part: Rows, place: int, trouble: DatabaseTrouble) -> None:
        spec, offset = self._spec, self._batch.offsets[place]
        if trouble.number == DUPLICATE and trouble.key == "PRIMARY" and part.placed:
            raise RowExistsError(
                f"{spec.key} offset {offset}: its row is in {spec.table} already, but kafka_offsets was behind it",
                hint=f"was the offset set back? `rtpipe offsets set {spec.key} OFFSET` to where the table ends. Was the"
                " topic made again? Its offsets began anew: empty this table, or give it another (`table`), and resume",
            )
        refusal = Refusal("E_VALUE", str(trouble), trouble.column)
        if len(self.refused) >= self.allowed:
            raise TooManyRefused(place, refusal)
        self.refused[place] = refusal
