"""What bounds the work of a batch."""

from __future__ import annotations

from dataclasses import dataclass

from workers.commit.encoding.row_statements import STATEMENT_ROWS


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """What bounds the work of a batch, by what its server and its partition are like just now."""

    max_packet: int  #: bytes of a statement that the server takes
    dead_letters: int  #: most of them
    statement_rows: int = STATEMENT_ROWS
    alike: int = 0  #: rows of earlier batches that were refused, unknown why, since one was taken
    fresh: bool = False  #: the table was asked for its columns just now
