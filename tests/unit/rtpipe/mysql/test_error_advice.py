"""Kind and hint of an error of the server: one rule for all commands that talk to it."""

from __future__ import annotations

import pytest

from rtpipe.mysql.error_advice import Kind, meaning_of


@pytest.mark.parametrize(
    ("number", "sqlstate", "kind", "hint"),
    [
        (2003, "", Kind.NOT_REACHED, "start it, or correct RTPIPE_X"),
        (2013, "", Kind.NOT_REACHED, "start it, or correct RTPIPE_X"),
        (9001, "", Kind.NOT_REACHED, "RTPIPE_X"),
        (0, "", Kind.NOT_REACHED, "RTPIPE_X"),
        (1205, "", Kind.BUSY, "another session holds a lock"),
        (1290, "", Kind.BUSY, "the server takes no writes"),
        (1040, "", Kind.BUSY, "run it again"),
        (1053, "", Kind.BUSY, "run it again"),
        (7777, "40001", Kind.BUSY, "run it again"),
        (1045, "", Kind.REFUSED, "user and password in RTPIPE_X"),
        (1142, "", Kind.REFUSED, "what the account may do"),
        (1049, "", Kind.SETUP, "`rtpipe setup` makes it"),
        (1146, "", Kind.SETUP, "infra create --dry-run"),
        (1406, "", Kind.SETUP, "infra create --dry-run"),
        (7777, "", Kind.UNKNOWN, "error log"),
    ],
)
def test_kind_and_hint(number: int, sqlstate: str, kind: Kind, hint: str) -> None:
    meaning = meaning_of(number, sqlstate, "RTPIPE_X")
    assert meaning.kind is kind
    assert hint in meaning.hint
