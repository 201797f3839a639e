"""How rtpipe says that something went wrong: the exit codes and the root of every error that ends something.

Why a message is a dead letter is not here: workers/contract/refusal.py has these reasons.

    RtpipeError                    what happened, where, and a hint: what to do about it
    ├── SettingsError              a flag, variable or settings file is wrong (before anything starts)
    ├── UnreachableError           Kafka, the registry or the database does not answer
    └── SchemaError                a schema is refused

Every package hangs its own errors below these. `name` is stable: logs carry it, docs/errors.md explains it.
"""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """What a process tells its caller; docs/commands.md shows the same table."""

    DONE = 0  #: finished, or stopped cleanly on a signal
    FAILED = 1  #: a bug: nothing that a setting or a repair explains
    USAGE = 2  #: flags or settings are wrong; nothing was started
    DIFFERENT = 3  #: a check ran and found differences
    UNREACHABLE = 4  #: Kafka, registry, database or supervisor cannot be reached
    SCHEMA_REFUSED = 5  #: a schema is invalid or fits no table
    DEAD_LETTERS = 6  #: finished, but dead letters were written (on request)
    BAD_DATA = 65  #: one message cannot become a row
    OFFSET_GONE = 66  #: the stored offset is no longer in the log
    BUG = 70  #: an invariant of rtpipe broke
    TEMPORARY = 75  #: a passing trouble, or the parent process is gone: starting again helps
    TOPIC_CHANGED = 76  #: not the topic or cluster that the stored offset belongs to
    ACCESS_DENIED = 77  #: a user name, password or permission was refused
    BAD_SETUP = 78  #: topic, table or server settings do not fit
    FENCED = 79  #: another writer owns the partition
    FORCED = 130  #: a second signal cut the drain short


class RtpipeError(Exception):
    """An error that its reader can act on: `message` says what and where, `hint` what to do."""

    name = "E_FAILED"
    exit_code = ExitCode.FAILED
    #: Starting again cannot mend it, although the exit code alone does not say so.
    lasting = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SettingsError(RtpipeError):
    """A flag, an environment variable or a settings file is wrong."""

    name = "E_SETTINGS"
    exit_code = ExitCode.USAGE


class UnreachableError(RtpipeError):
    """A service does not answer."""

    name = "E_UNREACHABLE"
    exit_code = ExitCode.UNREACHABLE


class SchemaError(RtpipeError):
    """A schema is invalid, unknown, or fits no table."""

    name = "E_SCHEMA"
    exit_code = ExitCode.SCHEMA_REFUSED


class NotAvroError(SchemaError):
    """The registry has the schema, but as one of another language: its messages are no Avro."""
