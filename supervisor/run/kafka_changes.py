"""What is done about changes in Kafka while workers run: topics made again, partitions added, leaders that come and go.

supervisor/kafka/topic_watch.py finds them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from rtpipe.log import get_logger
from supervisor.kafka.log_watch import LogFacts, LogWatch
from supervisor.kafka.topic_watch import TopicWatch
from supervisor.lifecycle import orders
from supervisor.lifecycle.served_workers import ServedWorkers
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.lifecycle.worker_state import TERMINAL, WorkerState
from supervisor.partition_plan import new_partition
from supervisor.run.run_targets import RunTargets
from supervisor.status.kafka_outage import KafkaOutage
from workers.contract.errors import TopicChangedError
from workers.contract.partition_spec import PartitionKey, PartitionSpec
from workers.contract.reports import Ended

log = get_logger("supervisor")


class KafkaChanges:
    """Looks at topics and logs, and halts, adds and starts workers accordingly."""

    def __init__(
        self,
        topics: TopicWatch,
        logs: LogWatch,
        served: ServedWorkers,
        targets: RunTargets,
        *,
        takes_added: bool = True,
    ) -> None:
        """`targets` gets the end of each log. `takes_added`: partitions that a topic gets are ours, too."""
        self._topics = topics
        self._logs = logs
        self._served = served
        self._targets = targets
        self._takes_added = takes_added
        self._outage = KafkaOutage()
        self._away, self._refused = False, ""
        served.on_taken.append(self._watch)
        served.on_gone.append(self._forget)

    def open(self, wake: Callable[[], None]) -> None:
        """`wake` is called from another thread when a leader has said where a log begins."""
        self._logs.open(wake)

    def next_look(self) -> float:
        """When `look` has something to do again, in monotonic seconds."""
        return min(self._topics.next_look(), self._logs.next_look())

    def renewed(self, spec: PartitionSpec) -> PartitionSpec:
        """With the ids of topic and cluster as last seen: what a person has adopted by now, if somebody has."""
        topic_id, cluster_id = self._topics.topic_id(spec.key.topic), self._topics.cluster_id
        return dataclasses.replace(spec, topic_id=topic_id, cluster_id=cluster_id)

    def _watch(self, taken: Sequence[SupervisedWorker]) -> None:
        for worker in taken:
            self._topics.add(worker.spec)
        if any(worker.standing.asks_for_begin for worker in taken):
            self._logs.hurry()

    def _forget(self, gone: Sequence[SupervisedWorker]) -> None:
        for topic in {worker.spec.key.topic for worker in gone}:
            if not self._served.has_topic(topic):
                self._topics.forget(topic)

    def look(self, now: float, *, draining: bool) -> None:
        """Do what is due. Nothing is started in a drain."""
        workers = self._served.workers
        changes = self._topics.changes(now)
        for topic, why in changes.gone.items():
            _halt(workers, topic, why)
        if self._takes_added and not draining:
            for key in changes.added:
                self._add(key)
        unknown = [worker.spec.key for worker in workers if worker.standing.asks_for_begin]
        if facts := self._logs.facts(now, [worker.spec.key for worker in workers], unknown):
            self._apply(workers, facts, now, draining=draining)
        self._log_outages(workers, now)

    def _add(self, key: PartitionKey) -> None:
        others = [worker for worker in self._served.workers if worker.spec.key.topic == key.topic]
        if any(worker.standing.leaves for worker in others):
            return
        spec = new_partition(self.renewed(others[-1].spec), key)
        self._served.take([spec], "a new partition; asked where its log begins")
        log.info("%s: a new partition, read from its beginning", key, extra=_extra("partition_added", key))

    def _apply(self, workers: Sequence[SupervisedWorker], facts: LogFacts, now: float, *, draining: bool) -> None:
        self._away, self._refused = facts.away, facts.refused
        for worker in workers:
            key = worker.spec.key
            if key in facts.ends:
                worker.log.confirm(facts.ends[key], now)
                self._targets.add(key, facts.ends[key])
            elif key in facts.silent:
                worker.log.miss(facts.silent[key])
            if worker.standing.asks_for_begin and key in facts.begins and not draining:
                worker.begin_at(facts.begins[key])

    def _log_outages(self, workers: Sequence[SupervisedWorker], now: float) -> None:
        wanted = [worker for worker in workers if worker.standing.state not in TERMINAL]
        new = [worker.spec.key for worker in wanted if worker.standing.asks_for_begin]
        silent = {
            worker.spec.key: worker.log.why
            for worker in wanted
            if worker.log.why and (worker.standing.asks_for_begin or worker.log.silence(now))
        }
        if self._away and silent:  # the others would follow within seconds
            silent = {worker.spec.key: worker.log.why for worker in wanted}
        self._outage.look(now, silent, away=self._away, new=new, refused=self._refused)


def _halt(workers: Sequence[SupervisedWorker], topic: str, why: str) -> None:
    for worker in workers:
        if worker.spec.key.topic == topic and worker.standing.state is not WorkerState.HALTED:
            text = f"{worker}: {why} (rtpipe adopt {topic} takes the new one from its beginning)"
            orders.halt(worker, Ended(TopicChangedError.exit_code, TopicChangedError.name, text))


def _extra(event: str, key: PartitionKey) -> dict[str, str]:
    return {"event": event, "partition": str(key)}
