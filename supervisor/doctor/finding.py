"""What one check found."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from rtpipe.errors import RtpipeError


class Verdict(enum.StrEnum):
    """How a check ended, in the words that people read."""

    OK = "OK"
    WARN = "WARN"  #: rtpipe runs, but slower or with less safety than it could
    FAIL = "FAIL"  #: rtpipe does not run, or some messages become no rows


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the answer. No text of it holds a secret or a value of a row."""

    name: str
    verdict: Verdict
    found: str
    meaning: str = ""
    fix: str = ""  #: a command, or a line of SQL or of settings, where there is one


def fine(name: str, found: str) -> Finding:
    """Nothing is to be done."""
    return Finding(name, Verdict.OK, found)


def warning(name: str, found: str, meaning: str, fix: str) -> Finding:
    """Something could be better."""
    return Finding(name, Verdict.WARN, found, meaning, fix)


def failure(name: str, found: str, meaning: str = "", fix: str = "") -> Finding:
    """Something must be repaired."""
    return Finding(name, Verdict.FAIL, found, meaning, fix)


def failure_of(name: str, error: RtpipeError) -> Finding:
    """The check could not be made, or the thing that it asks for is refused."""
    return failure(name, f"{error.name}: {error.message}", fix=error.hint)
