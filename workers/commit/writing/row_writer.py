"""The rows of a batch, by INSERT, and the keys of its tombstones: written in each try, but those known for bad."""

from __future__ import annotations

from collections.abc import Sequence

from rtpipe.mysql.error_numbers import DUPLICATE
from workers.commit.encoding.encoded_batch import EncodedBatch
from workers.commit.encoding.row_statements import Rows
from workers.commit.writing.batch_refusals import BatchRefusals
from workers.commit.writing.row_trial import Execute, RowTrial
from workers.commit.writing.work_limits import WorkLimits
from workers.contract.errors import RowExistsError
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Reason, Refusal
from workers.database.errors import DatabaseTrouble
from workers.rows.keys.key_fold import KeyFold


class RowWriter:
    """Writes the rows of one batch, in one try or several; adds those that the server refuses to the refusals."""

    def __init__(self, encoded: EncodedBatch, limits: WorkLimits, refusals: BatchRefusals) -> None:
        self._encoded = encoded
        self._limits = limits
        self._refusals = refusals
        self.deleted_rows = 0  #: that tombstones found in the last try
        self._trial = self._new_trial()
        self._unproven = 0  #: rows that a try, which was rolled back, left in doubt

    def _new_trial(self) -> RowTrial:
        return RowTrial(self._encoded.spec.table, self._refuse, alike=self._limits.alike, fresh=self._limits.fresh)

    @property
    def server_refused(self) -> bool:
        """Whether the server refused a row that looked good from here."""
        return self._trial.refused_any

    def alike_after(self) -> int:
        """What `alike` is of the next batch, once this one is committed."""
        return 0 if self._trial.took_any else self._limits.alike + max(self._unproven, self._trial.unproven)

    def write(self, execute: Execute) -> None:
        """Write all rows but those known for bad, and find out about others. Raises TooManyRefused."""
        self.deleted_rows = 0
        self._unproven = max(self._unproven, self._trial.unproven)
        self._trial = self._new_trial()
        if self._encoded.spec.rules.mode == "upsert":
            self._change(execute)
        else:
            self._insert(execute)

    def _insert(self, execute: Execute) -> None:
        out = self._refusals.left_out
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
            changes = fold.changes(self._refusals.left_out)
            rows, deleted = changes.rows - done, changes.deleted - done
            if not rows and not deleted:
                return
            for part in self._encoded.parts:
                self._write(execute, part, part.by_key(at for at, index in enumerate(part.indexes) if index in rows))
            self._trial.judge_doubtful()
            done |= rows
            if self._refusals.by_index.keys().isdisjoint(rows):
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
        self._refusals.add(index, Refusal(Reason.VALUE, str(trouble), trouble.column))


def _row_exists(spec: PartitionSpec, offset: int) -> RowExistsError:
    return RowExistsError(
        f"{spec.key} offset {offset}: its row is in {spec.table} already, but kafka_offsets was behind it",
        hint=f"was the offset set back? `rtpipe offsets set {spec.key} OFFSET` to where the table ends. Was the topic"
        " made again? Then offsets began at 0: empty this table, or give it another (`table`), and resume",
    )
