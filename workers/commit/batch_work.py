"""What one batch writes: its rows, and dead letters for the messages that are none, found out as the server answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from avro_schemas.tables.own_tables.dead_letters import LETTERS
from rtpipe.mysql.error_numbers import DUPLICATE
from workers.commit.database_errors import DatabaseTrouble
from workers.commit.dead_letter_rows import dead_letter_statements
from workers.commit.partition_owner import NotWritten
from workers.commit.row_trial import Execute, Rows, RowTrial
from workers.contract.batch import Batch
from workers.contract.errors import RowExistsError
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Reason, Refusal
from workers.rows.keys.key_fold import KeyFold

#: Rows of one statement at most; and where the server refuses some, each of which costs its statement twice.
_STATEMENT_ROWS, CAREFUL_ROWS = 5_000, 500


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
        self._aside: Collection[int] = ()
        self.allowed = len(batch.offsets)
        self.statement_rows = _STATEMENT_ROWS
        self.alike = 0  #: rows of earlier batches that were refused, unknown why, since one was taken
        self.fresh = False  #: the table was asked for its columns just now
        self._content = True  #: letters keep the message's bytes
        self._trial = RowTrial(spec.table, self._refuse)
        self._unproven = 0
        self.deleted_rows = 0  #: that tombstones found
        self.changed: Mapping[int, int] = {}  #: by place: values that a lossy column changes

    @property
    def server_refused(self) -> bool:
        """Whether the server refused a row that looked good from here."""
        return self._trial.refused_any

    def alike_after(self) -> int:
        """What `alike` is of the next batch, once this one is committed."""
        return 0 if self._trial.took_any else self.alike + max(self._unproven, self._trial.unproven)

    @property
    def rows(self) -> int:
        """Messages that take effect on the table, as far as is known."""
        return len(self._batch.offsets) - self.dead - self._tombstones.ignored

    @property
    def dead(self) -> int:
        """Messages that are letters, as far as is known."""
        return len(self.refused) + len(self._aside)

    def set_aside(self, indexes: Collection[int]) -> None:
        """Do not try these messages: each stays the dead letter that it is."""
        self._aside = frozenset(indexes)
        for index in self._aside:
            self.refused.pop(index, None)

    def _left_out(self) -> Collection[int]:
        return self.refused.keys() | self._aside if self._aside else self.refused.keys()

    @property
    def altered(self) -> int:
        """Values that are stored changed, as the settings allow."""
        return sum(count for place, count in self.changed.items() if place not in self.refused)

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
        room = self._max_packet if self._content else 0
        for statement in dead_letter_statements(self._spec, self._batch, self.refused, room):
            try:
                execute(statement)
            except DatabaseTrouble as trouble:
                raise trouble.at(f"table {LETTERS.name}") from trouble

    def give_up(self, trouble: DatabaseTrouble) -> bool:
        """Leave out something of the only message, which is too much for the server: its row, then its letter's bytes.

        False if nothing is left to leave out.
        """
        if not self.refused:
            self._dismiss(0, Refusal(Reason.TOO_LARGE, str(trouble)))
            return True
        kept, self._content = self._content, False
        return kept

    def write_rows(self, execute: Execute) -> None:
        """Write all rows but those known for bad, and find out about others. Raises TooManyRefused."""
        self.deleted_rows = 0
        self._unproven = max(self._unproven, self._trial.unproven)  # of a try that was rolled back
        self._trial = RowTrial(self._spec.table, self._refuse, alike=self.alike, fresh=self.fresh)
        if self._spec.rules.mode == "upsert":
            self._change(execute)
        else:
            out = self._left_out()
            for part in self._parts:
                self._write_all(execute, part, [at for at, place in enumerate(part.places) if place not in out])
            self._trial.settle()

    def _change(self, execute: Execute) -> None:
        """The last change of each key. Where the server refuses it, the one before it counts, which comes then."""
        keys = {place: key for part in self._parts for place, key in zip(part.places, part.keys, strict=True)}
        fold = KeyFold(keys, self._tombstones.keys, soft=self._tombstones.soft)
        deletion = Rows(self._tombstones.prefix, list(self._tombstones.keys.values()), list(self._tombstones.keys), ")")
        done: set[int] = set()

        def counted(statement: bytes) -> int:
            found = execute(statement)
            self.deleted_rows += found
            return found

        while True:
            changes = fold.changes(self._left_out())
            rows, deleted = changes.rows - done, changes.deleted - done
            if not rows and not deleted:
                return
            for part in self._parts:
                self._write_all(execute, part, [at for at, place in enumerate(part.places) if place in rows])
            self._trial.settle()
            done |= rows
            if self.refused.keys().isdisjoint(rows):
                self._write_all(counted, deletion, [at for at, place in enumerate(deletion.places) if place in deleted])
                self._trial.settle()
                done |= deleted

    def _write_all(self, execute: Execute, part: Rows, some: list[int]) -> None:
        for piece in self._fitting(part, some):
            self._trial.write(execute, part, piece)

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

    def _refuse(self, part: Rows, at: int, trouble: DatabaseTrouble) -> None:
        place = part.places[at]
        spec, offset = self._spec, self._batch.offsets[place]
        if trouble.number == DUPLICATE and trouble.key == "PRIMARY" and part.placed:
            raise RowExistsError(
                f"{spec.key} offset {offset}: its row is in {spec.table} already, but kafka_offsets was behind it",
                hint=f"was the offset set back? `rtpipe offsets set {spec.key} OFFSET` to where the table ends. Was the"
                " topic made again? Its offsets began anew: empty this table, or give it another (`table`), and resume",
            )
        self._dismiss(place, Refusal(Reason.VALUE, str(trouble), trouble.column))

    def _dismiss(self, place: int, refusal: Refusal) -> None:
        if len(self.refused) >= self.allowed:
            raise TooManyRefused(place, refusal)
        self.refused[place] = refusal
