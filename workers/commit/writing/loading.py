"""Rows by LOAD DATA LOCAL, as they are or not at all."""

from __future__ import annotations

from rtpipe.mysql.error_numbers import Action
from workers.commit.encoding.row_statements import LoadedRows
from workers.commit.work import NotWritten, Transaction
from workers.database.errors import DatabaseTrouble

#: Errors that say nothing of LOAD DATA. Others may: a proxy that does not know it answers with any number.
_NOT_OF_LOAD = frozenset({Action.LOST, Action.REPLAY, Action.SMALLER})


class LoadFailed(NotWritten):
    """LOAD DATA did not write the rows of the batch as they are."""


def load(transaction: Transaction, part: LoadedRows) -> None:
    """LOAD DATA LOCAL skips rows and changes values that INSERT refuses: what was not written as it is must not be
    committed. Each of these leaves a warning, or a row that is missing. Raises LoadFailed then.
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
