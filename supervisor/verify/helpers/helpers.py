"""The helper processes as `rtpipe verify` sees them: each has one part at a time, and none is left behind."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing import connection
from typing import TYPE_CHECKING, Self, cast

from supervisor.verify.helpers import helper_process
from supervisor.verify.helpers.helper_process import Part, Readers
from supervisor.verify.matching.rows import Sides
from workers.contract.errors import TemporaryError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

MOST = 4  #: each takes about 50 MB; one process cannot read for more


class Helpers:
    """One for each core. A part is sent to one that waits, so neither side ever waits for the other to read."""

    def __init__(self, readers: Readers, sides: Sides) -> None:
        """What they find is added to `sides`."""
        self._readers = readers
        self._sides = sides
        self._busy: dict[Connection, Part] = {}
        self._processes: dict[Connection, SpawnProcess] = {}
        spawn = multiprocessing.get_context("spawn")  # librdkafka's threads do not survive a fork
        for number in range(1, min(MOST, len(os.sched_getaffinity(0))) + 1):
            mine, theirs = spawn.Pipe()
            process = spawn.Process(
                target=helper_process.main, args=(readers, theirs), name=f"verify-{number}", daemon=True
            )
            process.start()
            theirs.close()
            self._processes[mine] = process
        self._idle = list(self._processes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe, process in self._processes.items():
            process.kill()
            process.join()
            pipe.close()

    def read(self, part: Part) -> None:
        """Have it read, as soon as a helper has time for it."""
        if not self._idle:
            self._hear()
        pipe = self._idle.pop()
        self._busy[pipe] = part
        try:
            pipe.send(part)
        except OSError:
            raise self._death(pipe) from None

    def finish(self) -> None:
        """Wait until all is read."""
        while self._busy:
            self._hear()
        for pipe in self._processes:
            try:
                pipe.send(None)
                topic, table = pipe.recv()
            except (EOFError, OSError):
                raise self._death(pipe) from None
            self._sides.in_topic.merge(topic)
            self._sides.in_table.merge(table)

    def _hear(self) -> None:
        for ready in connection.wait(list(self._busy)):
            pipe = cast("Connection", ready)
            try:
                unreadable = pipe.recv()
            except (EOFError, OSError):
                raise self._death(pipe) from None
            part = self._busy.pop(pipe)
            self._idle.append(pipe)
            if unreadable is None:  # whatever was raised there is raised here
                unreadable = self._readers.read(part, self._sides.in_topic, self._sides.in_table)
            self._sides.add_unreadable(unreadable)

    def _death(self, pipe: Connection) -> TemporaryError:
        process = self._processes[pipe]
        process.join(1.0)
        return TemporaryError(
            f"a process that read for verify ended with exit code {process.exitcode}",
            hint="a negative code is the signal that killed it: is there memory enough? Run verify again",
        )
