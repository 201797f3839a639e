"""What an error of the server means to a person who runs a command: one of five kinds, and what to do."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from rtpipe.mysql.error_lookup import action_of, advice_for, is_connection_error
from rtpipe.mysql.error_numbers import PASSING, REFUSED, Action


class Kind(enum.Enum):
    """Whether another try may help, and who must act before it."""

    NOT_REACHED = "not reached"  #: no connection, or it was lost
    BUSY = "busy"  #: the server answers, and cannot do it for now
    REFUSED = "refused"  #: login or privilege
    SETUP = "set-up"  #: the same statement will be refused again
    UNKNOWN = "unknown"  #: neither number nor SQLSTATE tell


@dataclass(frozen=True, slots=True)
class Meaning:
    """The kind of an error and its hint, which is never empty."""

    kind: Kind
    hint: str


def meaning_of(number: int, sqlstate: str, setting: str) -> Meaning:
    """`setting`: the name of the setting that holds the URL, for the hint."""
    action = action_of(number, sqlstate)
    if action in REFUSED:
        return Meaning(Kind.REFUSED, f"check user and password in {setting}, and what the account may do")
    if action in PASSING and is_connection_error(number):
        return Meaning(Kind.NOT_REACHED, f"start it, or correct {setting}")
    if action in PASSING:
        return Meaning(Kind.BUSY, advice_for(number) or "run it again when that is over")
    if action is Action.UNKNOWN:
        return Meaning(Kind.UNKNOWN, "try it again: if it does not pass, the server's error log may tell more")
    return Meaning(Kind.SETUP, advice_for(number) or "compare with `rtpipe infra create --dry-run`")
