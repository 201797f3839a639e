"""The workers of a run: partitions are taken and given up while it goes on. The one list; all others only read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from supervisor.lifecycle import orders, worker_log
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.totals import Totals
from workers.contract.partition_spec import PartitionKey, PartitionSpec

#: Hears which workers have come, or are gone.
Hearer = Callable[[Sequence[SupervisedWorker]], None]
_ASKS = "asked where its log begins"


class ServedWorkers:
    """At most one worker for a partition. Who keeps something for each partition hears when one comes and goes."""

    def __init__(self, make: Callable[[PartitionSpec], SupervisedWorker], drain_seconds: float) -> None:
        """`drain_seconds`: for a worker that is given up."""
        self.workers: list[SupervisedWorker] = []  #: the partitions of a topic side by side, in order
        self.on_taken: list[Hearer] = []
        self.on_gone: list[Hearer] = []
        self._make = make
        self._drain_seconds = drain_seconds
        self._of_topic: Counter[str] = Counter()  #: how many of them each topic has
        self._again: dict[PartitionKey, PartitionSpec] = {}  #: taken once more before their workers were gone
        self._gone = Totals()
        self._closed = False

    def take(self, specs: Iterable[PartitionSpec], why: str = _ASKS) -> None:
        """Begin to serve partitions. One that is served is left alone; one that still leaves comes back afterwards.

        `why`: shown of those without a first offset, until somebody knows where their logs begin.
        """
        others_run = any(worker.generation is not None for worker in self.workers)
        leaving = {worker.spec.key: bool(worker.standing.leaves) for worker in self.workers}
        taken = []
        for spec in specs if not self._closed else ():
            if spec.key not in leaving:
                worker = self._make(spec)
                worker.joins = others_run
                self.workers.insert(self._place(spec.key), worker)
                self._of_topic[spec.key.topic] += 1
                worker.begin(why)
                taken.append(worker)
            elif leaving[spec.key]:
                self._again[spec.key] = spec
        if taken:
            for hear in self.on_taken:
                hear(taken)

    def take_no_more(self) -> None:
        """The run ends: nothing is taken from now on."""
        self._closed = True
        self._again.clear()

    def give_up(self, keys: Iterable[PartitionKey], why: str) -> None:
        """Drain these: what was read is committed, then they are served no more."""
        for worker in self._leave(keys, why):
            orders.drain(worker, self._drain_seconds, reason=why)
        self.sweep()

    def give_up_topics(self, topics: Collection[str], why: str) -> None:
        """The same, with all partitions of these topics."""
        self.give_up([worker.spec.key for worker in self.workers if worker.spec.key.topic in topics], why)

    def kill(self, keys: Iterable[PartitionKey], why: str) -> None:
        """End these at once; then they are served no more."""
        for worker in self._leave(keys, why):
            orders.kill(worker, why)
        self.sweep()

    def _leave(self, keys: Iterable[PartitionKey], why: str) -> list[SupervisedWorker]:
        wanted = set(keys)
        self._again = {key: spec for key, spec in self._again.items() if key not in wanted}
        leaving = [worker for worker in self.workers if worker.spec.key in wanted]
        for worker in leaving:
            if not worker.standing.leaves:
                worker_log.given_up(str(worker), why)
            worker.standing.leaves = why
        return leaving

    def sweep(self) -> None:
        """Called at each turn of the loop: those that leave are forgotten once their processes are gone."""
        gone = [worker for worker in self.workers if worker.standing.leaves and worker.generation is None]
        if not gone:
            return
        for worker in gone:
            self.workers.remove(worker)
            self._of_topic[worker.spec.key.topic] -= 1
            self._gone += Totals.of(worker.history)
            worker_log.gone(str(worker), worker.history.offset)
        for hear in self.on_gone:
            hear(gone)
        self.take([self._again.pop(worker.spec.key) for worker in gone if worker.spec.key in self._again])

    def holds(self, key: PartitionKey) -> bool:
        """Whether the partition is served, or its processes are not gone yet."""
        return any(worker.spec.key == key for worker in self.workers)

    def has_topic(self, topic: str) -> bool:
        """Whether a partition of it is served, or its processes are not gone yet."""
        return self._of_topic[topic] > 0

    def totals(self) -> Totals:
        """What was done since the run began, also for partitions that are gone."""
        return sum((Totals.of(worker.history) for worker in self.workers), self._gone)

    def _place(self, key: PartitionKey) -> int:
        same = [index for index, worker in enumerate(self.workers) if worker.spec.key.topic == key.topic]
        before = [index for index in same if self.workers[index].spec.key < key]
        if before:
            return before[-1] + 1
        return same[0] if same else len(self.workers)
