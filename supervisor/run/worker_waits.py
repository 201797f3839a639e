"""What the loop hears of its workers: reports and deaths, each taken as soon as it is there.

A turn costs little however many workers there are: what is waited for is put together anew only when it has changed.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from supervisor.lifecycle.generation.generation import Generation
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.run.wait_set import HasFileno, WaitSet


@dataclass(frozen=True, slots=True)
class _Sign:
    """What becomes readable when a worker has something to say, or is dead."""

    worker: SupervisedWorker
    generation: Generation
    of_death: bool


class WorkerWaits:
    """Waits for all workers at once."""

    def __init__(self) -> None:
        self._files = WaitSet()
        self._generations: list[Generation | None] | None = None  #: those that are waited for; None: to be looked at

    def wait(self, workers: Sequence[SupervisedWorker], inbox: HasFileno, seconds: float) -> None:
        """For a report, a death, or what `inbox` is for, at most so many seconds; takes reports and deaths."""
        generations = [worker.generation for worker in workers]
        if generations != self._generations:
            self._files.watch(_wanted(workers, inbox))
            self._generations = generations
        for key in self._files.wait(seconds):
            if isinstance(key, _Sign) and key.worker.generation is key.generation:
                self._take(key)

    def _take(self, sign: _Sign) -> None:
        if sign.of_death:
            sign.worker.on_death()
            return
        sign.worker.take_reports()
        if sign.generation.processes.link.closed:  # nothing more comes, and its number may be another file's soon
            self._generations = None

    def close(self) -> None:
        """Free what the system has of it."""
        self._files.close()


def _wanted(workers: Sequence[SupervisedWorker], inbox: HasFileno) -> dict[Hashable, int | HasFileno]:
    wanted: dict[Hashable, int | HasFileno] = {"inbox": inbox}
    for worker in workers:
        if (generation := worker.generation) is not None:
            wanted[_Sign(worker, generation, of_death=True)] = generation.processes.death_sign()
            if not generation.processes.link.closed:
                wanted[_Sign(worker, generation, of_death=False)] = generation.processes.link
    return wanted
