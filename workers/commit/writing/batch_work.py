"""What one batch writes: its rows, and dead letters for the messages that are none, found out as the server answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from rtpipe.mysql.error_numbers import DUPLICATE, Action
from workers.commit.dead_letters.rows import dead_letter_statements
from workers.commit.encoding.encoded_batch import EncodedBatch
from workers.commit.encoding.row_statements import STATEMENT_ROWS, LoadedRows, Rows
from workers.commit.work import NotWritten, Transaction
from workers.commit.writing.batch_refusals import BatchRefusals
from workers.commit.writing.row_trial import Execute, RowTrial
from workers.contract.errors import RowExistsError
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Reason, Refusal
from workers.database.errors import DatabaseTrouble
from workers.rows.keys.key_fold import KeyFold

#: Errors that say nothing of LOAD DATA. Others may: a proxy that does not know it answers with any number.
_NOT_OF_LOAD = frozenset({Action.LOST, Action.REPLAY, Action.SMALLER})


class LoadFailed(NotWritten):
    """LOAD DATA did not write the rows of the batch as they are."""


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """What bounds the work of a batch, by what its server and its partition are like just now."""

    max_packet: int  #: bytes of a statement that the server takes
    dead_letters: int  #: most of them
    statement_rows: int = STATEMENT_ROWS
    alike: int = 0  #: rows of earlier batches that were refused, unknown why, since one was taken
    fresh: bool = False  #: the table was asked for its columns just now


class BatchWork:
    """Writes an encoded batch, again and again until a transaction is committed; `refusals` grow from try to try."""

    def __init__(self, encoded: EncodedBatch, limits: WorkLimits) -> None:
        """TooManyRefused if the encoder refused more than may become dead letters."""
        self._encoded = encoded
        self._limits = limits
        self.refusals = BatchRefusals(encoded.refused, most=limits.dead_letters)
        self.deleted_rows = 0  #: that tombstones found in the last try
        self._trial = self._new_trial()
        self._unproven = 0  #: rows that a try, which was rolled back, left in doubt
        self._keeps_content = True  #: dead letters keep the message's bytes
        self._load_tried = False

    def _new_trial(self) -> RowTrial:
        return RowTrial(self._encoded.spec.table, self._refuse, alike=self._limits.alike, fresh=self._limits.fresh)

    @property
    def rows(self) -> int:
        """Messages that take effect on the table, as far as is known."""
        return len(self._encoded.batch.offsets) - self.dead - self._encoded.tombstones.ignored

    @property
    def dead(self) -> int:
        """Messages that are dead letters, as far as is known."""
        return len(self.refusals)

    @property
    def only_statement(self) -> bytes | None:
        """All that is written, if it is one INSERT of the only schema id, and no row was refused lately."""
        encoded, limits = self._encoded, self._limits
        careless = limits.statement_rows == STATEMENT_ROWS and not limits.alike
        if not careless or len(encoded.parts) != 1 or encoded.loaded or encoded.tombstones.keys or self.refusals:
            return None
        [part] = encoded.parts
        last = KeyFold(encoded.row_keys, {}, soft=False).changes(()).rows if encoded.row_keys else None
        some = [at for at, index in enumerate(part.indexes) if last is None or index in last]
        pieces = list(part.fitting(some, limits.statement_rows, limits.max_packet))
        return part.statement(pieces[0]) if len(pieces) == 1 else None

    @property
    def loads(self) -> bool:
        """Whether rows go by LOAD DATA."""
        return bool(self._encoded.loaded)

    @property
    def server_refused(self) -> bool:
        """Whether the server refused a row that looked good from here."""
        return self._trial.refused_any

    def alike_after(self) -> int:
        """What `alike` is of the next batch, once this one is committed."""
        return 0 if self._trial.took_any else self._limits.alike + max(self._unproven, self._trial.unproven)

    def run(self, transaction: Transaction) -> None:
        """Write all rows but those known for bad, then the dead letters. Raises TooManyRefused and LoadFailed."""
        execute = transaction.execute
        if self.loads:
            self._load_once(transaction)
        else:
            self.write_rows(execute)
        room = self._limits.max_packet if self._keeps_content else 0
        refused = self.refusals.by_index
        for statement in dead_letter_statements(self._encoded.spec, self._encoded.batch, refused, room):
            try:
                execute(statement)
            except DatabaseTrouble as trouble:
                raise trouble.at(f"table {DEAD_LETTERS.name}") from trouble

    def _load_once(self, transaction: Transaction) -> None:
        """If the transaction was lost with its connection, a proxy may have cut it for the LOAD DATA."""
        if self._load_tried:
            raise LoadFailed("the transaction in which it was tried was not committed")
        self.write_rows(transaction.execute)
        if self.server_refused:
            raise LoadFailed("a row of the batch was refused by INSERT")
        self._load_tried = True
        for part in self._encoded.loaded:
            _load(transaction, part)

    def give_up(self, trouble: DatabaseTrouble) -> bool:
        """Leave out something of the only message, which is too much for the server: first its row, then the bytes
        that its dead letter keeps. False if nothing is left to leave out.
        """
        if not self.refusals:
            self.refusals.add(0, Refusal(Reason.TOO_LARGE, str(trouble)))
            return True
        kept, self._keeps_content = self._keeps_content, False
        return kept

    def write_rows(self, execute: Execute) -> None:
        """Write all rows but those known for bad, and find out about others. Raises TooManyRefused."""
        self.deleted_rows = 0
        self._unproven = max(self._unproven, self._trial.unproven)
        self._trial = self._new_trial()
        if self._encoded.spec.rules.mode == "upsert":
            self._change(execute)
        else:
            self._insert(execute)

    def _insert(self, execute: Execute) -> None:
        out = self.refusals.left_out
        for part in self._encoded.parts:
            self._write(execute, part, [at for at, index in enumerate(part.indexes) if index not in out])
        self._trial.judge_doubtful()

    def _change(self, execute: Execute) -> None:
        """The last change of each key. Where the server refuses it, the one before it counts, which comes then."""
        tombstones = self._encoded.tombstones
        fold = KeyFold(self._encoded.row_keys, tombstones.keys, soft=tombstones.soft)
        deletion = Rows(tombstones.prefix, list(tombstones.keys.values()), list(tombstones.keys), ")")
        done: set[int] = set()

        def delete(statement: bytes) -> int:
            found = execute(statement)
            self.deleted_rows += found
            return found

        while True:
            changes = fold.changes(self.refusals.left_out)
            rows, deleted = changes.rows - done, changes.deleted - done
            if not rows and not deleted:
                return
            for part in self._encoded.parts:
                self._write(execute, part, [at for at, index in enumerate(part.indexes) if index in rows])
            self._trial.judge_doubtful()
            done |= rows
            if self.refusals.by_index.keys().isdisjoint(rows):
                self._write(delete, deletion, [at for at, index in enumerate(deletion.indexes) if index in deleted])
                self._trial.judge_doubtful()
                done |= deleted

    def _write(self, execute: Execute, part: Rows, some: Sequence[int]) -> None:
        for piece in part.fitting(some, self._limits.statement_rows, self._limits.max_packet):
            self._trial.write(execute, part, piece)

    def _refuse(self, part: Rows, at: int, trouble: DatabaseTrouble) -> None:
        index = part.indexes[at]
        if trouble.number == DUPLICATE and trouble.key == "PRIMARY" and part.by_position:
            raise _row_exists(self._encoded.spec, self._encoded.batch.offsets[index])
        self.refusals.add(index, Refusal(Reason.VALUE, str(trouble), trouble.column))


def _load(transaction: Transaction, part: LoadedRows) -> None:
    """LOAD DATA LOCAL skips rows and changes values that INSERT refuses: what was not written as it is must not be
    committed. Each of these leaves a warning, or a row that is missing.
    """
    where = f"table {part.table}"
    try:
        rows, warnings = transaction.load(part.table, part.columns, part.content)
    except DatabaseTrouble as trouble:
        trouble.at(where)
        if trouble.action in _NOT_OF_LOAD:
            raise
        raise LoadFailed(trouble.text) from trouble
    if (rows, warnings) != (len(part.indexes), 0):
        raise LoadFailed(f"{where}: {rows} of {len(part.indexes)} rows, {warnings} warnings")


def _row_exists(spec: PartitionSpec, offset: int) -> RowExistsError:
    return RowExistsError(
        f"{spec.key} offset {offset}: its row is in {spec.table} already, but kafka_offsets was behind it",
        hint=f"was the offset set back? `rtpipe offsets set {spec.key} OFFSET` to where the table ends. Was the topic"
        " made again? Then offsets began at 0: empty this table, or give it another (`table`), and resume",
    )
