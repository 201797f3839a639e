"""Plans topics that are new to a run, one by one: what is wrong with one of them concerns no other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rtpipe.credentials import LoginRefusedError
from rtpipe.errors import RtpipeError, UnreachableError
from supervisor import partition_plan
from supervisor.group_lock import GroupLock
from supervisor.kafka.cluster_view import ClusterView
from supervisor.membership.names import group_apart_from
from supervisor.settings.live_settings import TopicsNow
from supervisor.settings.topic_choice import TopicChoice
from workers.contract.partition_spec import PartitionSpec


@dataclass(frozen=True, slots=True)
class TopicOrder:
    """What is to be planned; a reload makes another one of it."""

    number: int  #: counts reloads
    choice: TopicChoice
    settings: TopicsNow


@dataclass(frozen=True, slots=True)
class TopicsFound:
    """What Kafka has, and what came of each topic that is to be served and is not."""

    order: TopicOrder
    there: frozenset[str]  #: all topics of Kafka, if the order has patterns
    planned: Mapping[str, Sequence[PartitionSpec] | RtpipeError]


class TopicPlans:
    """Asks Kafka and, for the group's lock, the database: for a thread that may wait."""

    def __init__(self, cluster: ClusterView, supervisor: str, lock: GroupLock) -> None:
        """`supervisor`: as in the specs of the run. `lock`: of the groups that are served."""
        self._cluster = cluster
        self._supervisor = supervisor
        self._lock = lock

    def find(self, order: TopicOrder, served: Collection[str], workers: int) -> TopicsFound:
        """`served`: topics that need no plan; `workers`: how many they have. Raises as ClusterView.topic_names does, if
        that is no matter of a single topic.
        """
        there = frozenset(self._cluster.topic_names() if order.choice.patterns else ())
        planned: dict[str, Sequence[PartitionSpec] | RtpipeError] = {}
        for topic in order.choice.among(there):
            if topic in served:
                continue
            others = [*served, *(one for one, plan in planned.items() if not isinstance(plan, RtpipeError))]
            try:
                partition_plan.check_tables(order.settings.topic, [*others, topic])
                planned[topic] = self._plan(order, topic, workers)
            except (UnreachableError, LoginRefusedError):
                raise
            except RtpipeError as exc:
                planned[topic] = exc
        return TopicsFound(order, there, planned)

    def _plan(self, order: TopicOrder, topic: str, workers: int) -> list[PartitionSpec]:
        settings = order.settings.whole
        specs = partition_plan.plan(settings, [topic], self._cluster, self._supervisor, others=workers)
        if settings.membership == "kafka":
            group_apart_from(settings, {specs[0].group})
        self._lock.add(specs[0].group)
        return specs

    def free(self, groups: Iterable[str]) -> None:
        """Nothing of these consumer groups is served any more: another supervisor may have them."""
        self._lock.drop(groups)
