"""Commands that the page runs for its operator, the same that a person would type, each in a process of its own.

The page itself opens no database and no Kafka, so nothing that a message or a server does can hurt it; and a command
has a lower priority than the workers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from supervisor.settings.environment import PAGE_CLIENT

#: Of a command, by `nice`.
_NICE = 10
#: Seconds for what only reads. What writes has as long as it takes: it is whole at every moment.
_READ_SECONDS = 60.0
#: Bytes that a command may say, characters of an error that are shown, and commands that may wait for their turn.
_MOST, _LONGEST_TROUBLE, _WAITING = 8 << 20, 600, 4
#: Exit codes with which a command has said all that was asked: done, or some are still dead letters.
_ANSWERED = frozenset({0, 6})
_NO_MORE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said: the object of its `--json`, or why there is none."""

    facts: Mapping[str, Any] | None
    trouble: str = ""


class Commands:
    """One that reads and one that writes at a time."""

    def __init__(
        self, variables: Mapping[str, str], program: Sequence[str] = (sys.executable, "-P", "-m", "rtpipe")
    ) -> None:
        """`variables`: settings that are not in our own environment. Secrets are there, never among arguments."""
        self._variables = dict(variables)
        self._program = tuple(program)
        self._reads, self._writes = asyncio.Lock(), asyncio.Lock()
        self._waiting = 0

    async def read(self, *words: str) -> Said:
        """`rtpipe WORDS --json`, which changes nothing."""
        if self._waiting >= _WAITING:
            return Said(None, "the page is busy with other questions: try again in a moment")
        self._waiting += 1
        try:
            async with self._reads:
                return await self._run(words, _READ_SECONDS)
        finally:
            self._waiting -= 1

    async def write(self, *words: str, client: str) -> Said:
        """The same for what changes something; refused while another one runs. `client`: the address of whoever wants
        it, which the log of acts has.
        """
        if self._writes.locked():
            return Said(None, "a command of the page is at work already: wait until it has ended")
        async with self._writes:
            return await self._run(words, None, {PAGE_CLIENT: client})

    async def _run(self, words: Sequence[str], seconds: float | None, more: Mapping[str, str] = _NO_MORE) -> Said:
        variables = {**os.environ, **self._variables, **more}
        process = await asyncio.create_subprocess_exec(
            *self._program, *words, "--json", stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=variables
        )
        with contextlib.suppress(OSError):  # it has ended
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
        try:
            async with asyncio.timeout(seconds):
                out, error = await asyncio.gather(_bounded(process, process.stdout), _bounded(process, process.stderr))
                code = await process.wait()
        except TimeoutError:
            _kill(process)
            await process.communicate()  # what it has said stands in the pipes, and would hold up its end
            return Said(None, f"no answer within {seconds:.0f} s")
        if len(out) > _MOST:
            return Said(None, "the answer is too large to be shown here: use the command itself")
        return said(code, out, error)


def said(code: int, out: bytes, error: bytes) -> Said:
    """What a command that has ended said, by its exit code and its two outputs."""
    if code in _ANSWERED:
        with contextlib.suppress(ValueError):
            facts = json.loads(out)
            if isinstance(facts, dict):
                return Said(facts)
    lines = error.decode(errors="replace").split("\n")
    text = " — ".join(" ".join(line.split()).removeprefix("error ") for line in lines if line.strip())
    return Said(None, text[:_LONGEST_TROUBLE] or f"it said nothing (exit code {code})")


async def _bounded(process: Process, stream: asyncio.StreamReader | None) -> bytes:
    """All that it says; of more than anybody would look at the begin, and that is its end."""
    found = bytearray()
    while stream is not None and (part := await stream.read(1 << 16)):
        if len(found) <= _MOST:
            found += part
        else:
            _kill(process)
    return bytes(found)


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
