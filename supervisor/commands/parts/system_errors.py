"""Refusals of the operating system (a path, a full disk, a limit of the user), reported as such and not as bugs."""

from __future__ import annotations

import errno
import os

from infra.stack.disk import FULL, disk_full
from rtpipe.acting_person import user_name
from rtpipe.errors import ExitCode, RtpipeError

#: Without a file's name only these can be anything but a mistake of the program.
_LIMITS = {
    errno.EMFILE: "raise the limit of open files: ulimit -n",
    errno.ENFILE: "the machine has too many files open",
    errno.EAGAIN: "raise the limit of processes: ulimit -u",
    errno.ENOMEM: "the machine has too little memory free",
    errno.EIO: "the terminal or the disk that was written to has failed",
    errno.EROFS: "write to another file system",
    errno.EACCES: "RTPIPE_DEBUG=1 shows what this user may not do",
    errno.EPERM: "RTPIPE_DEBUG=1 shows what this user may not do",
}
_ELSEWHERE = (
    "RTPIPE_RUNTIME_DIR (the supervisor's socket), RTPIPE_CACHE_DIR (downloads), RTPIPE_STACK_DIR (embedded stack), "
    "HOME and TMPDIR say where rtpipe writes"
)


class SystemRefusalError(RtpipeError):
    """The operating system refuses a file, a directory, a process or memory."""

    name = "E_SYSTEM"
    exit_code = ExitCode.USAGE


def refusal_of(exc: BaseException) -> RtpipeError | None:
    """The error to report; None for an exception that only a mistake in the program explains."""
    if isinstance(exc, MemoryError):
        return SystemRefusalError("there is no memory left", hint=_LIMITS[errno.ENOMEM])
    if not isinstance(exc, OSError):
        return None
    said = (exc.strerror or type(exc).__name__).lower()
    if exc.filename is None:
        if exc.errno in FULL:
            return disk_full("what was written to", hint="free some space, or write to another disk")
        return SystemRefusalError(said, hint=_LIMITS[exc.errno]) if exc.errno in _LIMITS else None
    path = os.fsdecode(exc.filename) if isinstance(exc.filename, str | bytes) else str(exc.filename)
    if exc.errno in FULL:
        return disk_full(path, hint=f"free some space, or name another directory: {_ELSEWHERE}")
    return SystemRefusalError(
        f"{path} cannot be used by {user_name()}: {said}",
        hint=f"give this user the right to it, or name another path: {_ELSEWHERE}",
    )
