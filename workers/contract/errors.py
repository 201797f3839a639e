"""Errors that stop a worker, each with its stable name and exit code.

RtpipeError
└── WorkerError
    ├── DataError          one message cannot become a row                    65
    ├── DeadLetterLimitError  too many dead letters within a minute           65
    ├── OffsetGoneError    the stored offset is not in the log any more       66
    │   └── TruncatedError the log ends before the stored offset              66
    ├── BrokenInvariant    what must hold does not: a bug                     70
    ├── RowExistsError     the row of the next message is in the table        70
    ├── TemporaryError     starting again helps                               75
    ├── LostParent         the process that started this one is gone          75
    ├── TopicChangedError  another topic or cluster than the offset's         76
    ├── SetupError         table, topic or server settings do not fit         78
    └── Fenced             another writer owns the partition                  79
"""

from __future__ import annotations

from typing import Self

from rtpipe.errors import ExitCode, RtpipeError


class WorkerError(RtpipeError):
    """Stops the worker of one partition; the message names topic and partition."""

    #: Of the message that is no row, if that is what stops it.
    offset: int | None = None

    def at(self, offset: int) -> Self:
        """The same, which the message at `offset` is the reason for."""
        self.offset = offset
        return self


class DataError(WorkerError):
    """One message cannot become a row. The message never quotes the value: it may be a secret."""

    name = "E_DATA"
    exit_code = ExitCode.BAD_DATA


class DeadLetterLimitError(WorkerError):
    """More dead letters within a minute than allowed: an outage, and not bad messages."""

    name = "E_DEAD_LETTERS"
    exit_code = ExitCode.BAD_DATA


class OffsetGoneError(WorkerError):
    """Kafka does not have the stored offset any more: deleted by retention, or by hand."""

    name = "E_OFFSET_GONE"
    exit_code = ExitCode.OFFSET_GONE


class TruncatedError(OffsetGoneError):
    """The log ends before the stored offset: the brokers lost its tail, in an unclean election perhaps."""

    name = "E_TRUNCATED"


class BrokenInvariant(WorkerError):  # noqa: N818 - a state, not an input error
    """The ledger or the queue holds what it never can: stop before a row is written."""

    name = "E_INTERNAL"
    exit_code = ExitCode.BUG


class RowExistsError(WorkerError):
    """The primary key of partition and offset refused a row: it is there, so the stored offset is too low."""

    name = "E_DUPLICATE"
    exit_code = ExitCode.BUG
    lasting = True


class TemporaryError(WorkerError):
    """A trouble that a fresh process may not see again."""

    name = "E_TEMPORARY"
    exit_code = ExitCode.TEMPORARY


class LostParent(TemporaryError):  # noqa: N818
    """The process that started this one is gone; nobody would ever stop us."""

    name = "E_LOST_PARENT"


class TopicChangedError(WorkerError):
    """The topic was deleted and made again, or the address leads to another cluster."""

    name = "E_TOPIC_ID"
    exit_code = ExitCode.TOPIC_CHANGED


class SetupError(WorkerError):
    """The table, the topic or a server setting does not fit; a person must repair it."""

    name = "E_CONFIG"
    exit_code = ExitCode.BAD_SETUP


class Fenced(WorkerError):  # noqa: N818
    """Another writer claimed the partition: leave at once and never claim it back."""

    name = "E_FENCED"
    exit_code = ExitCode.FENCED
