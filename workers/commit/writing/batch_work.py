"""What one batch writes: its rows, and dead letters for the messages that are none, found out as the server answers."""

from __future__ import annotations

from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from workers.commit.dead_letters.rows import dead_letter_statements
from workers.commit.encoding.encoded_batch import EncodedBatch
from workers.commit.encoding.row_statements import STATEMENT_ROWS
from workers.commit.work import Transaction
from workers.commit.writing.batch_refusals import BatchRefusals
from workers.commit.writing.loading import LoadFailed, load
from workers.commit.writing.row_writer import RowWriter
from workers.commit.writing.work_limits import WorkLimits
from workers.contract.refusal import Reason, Refusal
from workers.database.errors import DatabaseTrouble
from workers.rows.keys.key_fold import KeyFold


class BatchWork:
    """Writes an encoded batch, again and again until a transaction is committed; `refusals` grow from try to try."""

    def __init__(self, encoded: EncodedBatch, limits: WorkLimits) -> None:
        """TooManyRefused if the encoder refused more than may become dead letters."""
        self._encoded = encoded
        self._limits = limits
        self.refusals = BatchRefusals(encoded.refused, most=limits.dead_letters)
        self.row_writer = RowWriter(encoded, limits, self.refusals)
        self._keeps_content = True  #: dead letters keep the message's bytes
        self._load_tried = False

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
        some = part.by_key(at for at, index in enumerate(part.indexes) if last is None or index in last)
        pieces = list(part.fitting(some, limits.statement_rows, limits.max_packet))
        return part.statement(pieces[0]) if len(pieces) == 1 else None

    @property
    def loads(self) -> bool:
        """Whether rows go by LOAD DATA."""
        return bool(self._encoded.loaded)

    def run(self, transaction: Transaction) -> None:
        """Write all rows but those known for bad, then the dead letters. Raises TooManyRefused and LoadFailed."""
        execute = transaction.execute
        if self.loads:
            self._load_once(transaction)
        else:
            self.row_writer.write(execute)
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
        self.row_writer.write(transaction.execute)
        if self.row_writer.server_refused:
            raise LoadFailed("a row of the batch was refused by INSERT")
        self._load_tried = True
        for part in self._encoded.loaded:
            load(transaction, part)

    def give_up(self, trouble: DatabaseTrouble) -> bool:
        """Leave out something of the only message, which is too much for the server: first its row, then the bytes
        that its dead letter keeps. False if nothing is left to leave out.
        """
        if not self.refusals:
            self.refusals.add(0, Refusal(Reason.TOO_LARGE, str(trouble)))
            return True
        kept, self._keeps_content = self._keeps_content, False
        return kept
