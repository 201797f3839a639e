"""Commands that the page runs: what they said, how much of it, how many at a time."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from supervisor.page import commands as module
from supervisor.page.commands import Commands, Said, said

ECHO = """import json, os, sys
print(json.dumps({"words": sys.argv[1:], "url": os.environ.get("RTPIPE_X"), "nice": os.nice(0),
    "client": os.environ.get("RTPIPE_PAGE_CLIENT")}))"""


def commands(program: str) -> Commands:
    return Commands({"RTPIPE_X": "secret"}, (sys.executable, "-c", program))


def test_a_command_gets_its_words_and_the_settings_of_the_run() -> None:
    answer = asyncio.run(commands(ECHO).read("peek", "orders/0"))
    assert answer.facts
    assert (answer.facts["words"], answer.facts["url"]) == (["peek", "orders/0", "--json"], "secret")
    assert answer.facts["client"] is None
    assert "RTPIPE_X" not in os.environ


def test_a_command_that_writes_knows_for_whom() -> None:
    answer = asyncio.run(commands(ECHO).write("dead-letters", "retry", client="10.0.0.7"))
    assert answer.facts
    assert answer.facts["client"] == "10.0.0.7"


@pytest.mark.parametrize(
    ("code", "out", "error", "answer"),
    [
        (0, b'{"a": 1}', b"noise", Said({"a": 1})),
        (6, b'{"left": []}', b"", Said({"left": []})),
        (4, b"", b"error E_AWAY  no\n  what to do  wait\n", Said(None, "E_AWAY no — what to do wait")),
        (0, b"", b"", Said(None, "it said nothing (exit code 0)")),
        (0, b"[1]", b"x", Said(None, "x")),
    ],
)
def test_what_a_command_said(code: int, out: bytes, error: bytes, answer: Said) -> None:
    assert said(code, out, error) == answer


def test_a_command_that_says_too_much_or_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 1_000)
    assert "too large" in asyncio.run(commands("print('x' * 9_999_999)").read()).trouble
    monkeypatch.setattr(module, "_READ_SECONDS", 0.2)
    assert "no answer" in asyncio.run(commands("import time; time.sleep(600)").read()).trouble


def test_one_writes_at_a_time_and_few_wait_to_read() -> None:
    async def many() -> tuple[list[Said], list[Said]]:
        slow = commands("import time; time.sleep(0.2); print('{}')")
        writes = await asyncio.gather(slow.write(client="::1"), slow.write(client="::1"))
        return [*writes], await asyncio.gather(*(slow.read() for _ in range(6)))

    writes, reads = asyncio.run(many())
    assert ["at work already" in one.trouble for one in writes] == [False, True]
    assert sum("busy" in one.trouble for one in reads) == 2
