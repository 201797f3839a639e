"""How a process of a worker ended, in words: the consumer reports it of its writer, the supervisor of the consumer."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

from rtpipe.errors import ExitCode

#: Seconds that a process may take to be gone once it was killed, or once its files are closed.
DEATH_SECONDS = 2.0
#: What a signal that nobody sent on purpose is usually a sign of.
_HINTS: dict[int, str] = {
    signal.SIGKILL: "out of memory?",
    signal.SIGSEGV: "a crash in native code",
    signal.SIGBUS: "a crash in native code, or a full disk",
    signal.SIGILL: "a crash in native code",
    signal.SIGFPE: "a crash in native code",
    signal.SIGABRT: "an abort, by itself or by another process",
}

#: How a process may end, by what is known of its exit code.
_ENDS = ("killed", "failed", "ended")
#: All that `Death.kind` may be.
KINDS = tuple(f"{process}_{end}" for process in ("consumer", "writer") for end in _ENDS)

#: Where there is no exit code.
_UNKNOWN = {
    "consumer": "ended, and its exit code is not known (the forkserver was killed, too)",
    "writer": "closed its link without a word and did not end by itself",
}


@dataclass(frozen=True, slots=True)
class Death:
    """The process that ended, and its exit code: negative for a signal, None if nobody knows it.

    Of a writer the consumer always knows it, unless the writer has closed its link and is still there.
    """

    process: Literal["consumer", "writer"]
    exit_code: int | None
    pid: int | None = None

    def __str__(self) -> str:
        """`the writer was killed by SIGKILL (out of memory?)`."""
        ending = _UNKNOWN[self.process] if self.exit_code is None else ending_in_words(self.exit_code)
        return f"the {self.process} {ending}"

    @property
    def kind(self) -> str:
        """`writer_killed` by a signal, `consumer_failed` with an exit code, `consumer_ended` where nobody knows it."""
        if self.exit_code is None:
            return f"{self.process}_ended"
        return f"{self.process}_killed" if self.exit_code < 0 else f"{self.process}_failed"


def ending_in_words(exit_code: int) -> str:
    """`was killed by SIGKILL (out of memory?)`."""
    if exit_code < 0:
        hint = _HINTS.get(-exit_code)
        return f"was killed by {_signal_name(-exit_code)}" + (f" ({hint})" if hint else "")
    return f"ended with exit code {exit_code}{_code_name(exit_code)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return f"signal {number}"


def _code_name(exit_code: int) -> str:
    try:
        return f" ({ExitCode(exit_code).name})"
    except ValueError:
        return ""
