"""The processes of `rtpipe produce` as their parent sees them: started together, heard, stopped, never left behind."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import connection
from types import FrameType
from typing import TYPE_CHECKING, Self, cast

from workers.produce import producer_process
from workers.produce.order import (
    ForcedStopError,
    ProcessOrder,
    ProduceProgress,
    ProducerDiedError,
    ProduceResult,
    Tally,
)

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

PROGRESS_SECONDS = 0.1  #: between two calls of the progress callback
START_SECONDS = 60.0  #: for all processes to import, connect and say so


class Crew:
    """The producer processes, each with a duplex pipe; leaving the `with` block leaves none of them behind."""

    def __init__(self, shares: list[ProcessOrder]) -> None:
        spawn = multiprocessing.get_context("spawn")  # librdkafka's threads do not survive a fork
        self._patience = max(share.flush_timeout for share in shares) + 5.0
        self._tallies = [Tally(0, 0, 0)] * len(shares)
        self._pipes: list[connection.Connection] = []
        self._processes: list[SpawnProcess] = []
        for number, share in enumerate(shares, start=1):
            mine, theirs = spawn.Pipe()
            process = spawn.Process(target=producer_process.main, args=(share, theirs), name=f"producer-{number}")
            process.start()
            theirs.close()
            self._pipes.append(mine)
            self._processes.append(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            if process.is_alive():
                process.kill()
            process.join()
        for pipe in self._pipes:
            pipe.close()

    def begin(self, signals: list[int]) -> None:
        """Wait until every process is connected, then start them together; after a signal with nothing to send."""
        ends = time.monotonic() + START_SECONDS
        for number, pipe in enumerate(self._pipes):
            while not signals and not pipe.poll(PROGRESS_SECONDS):
                if time.monotonic() > ends:
                    raise self._death(number)
            if not signals:
                self._receive(number)
        self._tell(producer_process.STOP if signals else producer_process.READY)

    def finish(
        self, signals: list[int], total: int | None, progress: Callable[[ProduceProgress], None]
    ) -> ProduceResult:
        """Collect tallies until every process has sent its last."""
        began = time.monotonic()
        asked, ends = False, math.inf
        while waiting := [pipe for pipe, tally in zip(self._pipes, self._tallies, strict=True) if not tally.last]:
            for pipe in connection.wait(waiting, timeout=PROGRESS_SECONDS):
                self._hear(self._pipes.index(cast("connection.Connection", pipe)))
            progress(self._progress(total, time.monotonic() - began))
            if signals and not asked:
                asked, ends = True, time.monotonic() + self._patience
                self._tell(producer_process.STOP)
            if len(signals) > 1 or time.monotonic() > ends:
                sent = sum(tally.sent for tally in self._tallies)
                raise ForcedStopError(
                    f"stopped by force after {sent} messages", hint="count what arrived in the topics"
                )
        return self._result(time.monotonic() - began, stopped=asked)

    def _hear(self, number: int) -> None:
        report = self._receive(number)
        if isinstance(report, Tally):
            self._tallies[number] = report

    def _receive(self, number: int) -> object:
        try:
            return self._pipes[number].recv()
        except (EOFError, ConnectionResetError):
            raise self._death(number) from None

    def _tell(self, word: str) -> None:
        for pipe in self._pipes:
            with contextlib.suppress(
                BrokenPipeError, ConnectionResetError
            ):  # ended meanwhile: its last tally is in the pipe
                pipe.send(word)

    def _death(self, number: int) -> ProducerDiedError:
        process = self._processes[number]
        process.join(1.0)
        sent = sum(tally.sent for tally in self._tallies)
        return ProducerDiedError(
            f"{process.name} (pid {process.pid}) ended with exit code {process.exitcode}; "
            f"{sent} messages had been acknowledged before",
            hint="a negative code is the signal that killed it; count what arrived in the topics",
        )

    def _progress(self, total: int | None, seconds: float) -> ProduceProgress:
        return ProduceProgress(
            sum(tally.sent for tally in self._tallies), sum(tally.failed for tally in self._tallies), total, seconds
        )

    def _result(self, seconds: float, *, stopped: bool) -> ProduceResult:
        return ProduceResult(
            sent=sum(tally.sent for tally in self._tallies),
            failed=sum(tally.failed for tally in self._tallies),
            seconds=seconds,
            size=sum(tally.size for tally in self._tallies),
            last_offsets={},
            stopped=stopped,
            error=next((tally.error for tally in self._tallies if tally.error), None),
        )


@contextlib.contextmanager
def signals_counted() -> Iterator[list[int]]:
    """SIGINT and SIGTERM so far; nothing in a thread that may not handle signals."""
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return

    def note(number: int, _: FrameType | None) -> None:
        seen.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
