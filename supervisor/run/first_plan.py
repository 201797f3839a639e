"""What a run serves at its start, waiting for Kafka: a service may be started before its brokers are."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

from rtpipe.credentials import LoginRefusedError
from rtpipe.errors import UnreachableError
from rtpipe.log import get_logger
from rtpipe.pause import PausePolicy
from supervisor import partition_plan
from supervisor.kafka.chosen_topics import topics_of
from supervisor.kafka.cluster_view import ClusterView
from supervisor.run.run_request import RunRequest
from supervisor.run.topic_plans import TopicPlans
from supervisor.run.wanted_topics import TopicSearch
from supervisor.settings.live_settings import LiveSettings
from supervisor.settings.settings import Settings
from supervisor.status.before_plan import StatusBeforePlan
from supervisor.status.systemd_notify import SystemdNotifier
from workers.contract.partition_spec import PartitionKey, PartitionSpec

log = get_logger("supervisor")
#: Seconds in which Kafka must answer a run that is to end.
_PATIENCE = 30.0
#: A service asks Kafka for its plan as long as it takes.
_PAUSES = PausePolicy.steady(1.0)


def wait_for_plan(
    plan: Callable[[], list[PartitionSpec]], topics: Sequence[str], notifier: SystemdNotifier | None, socket: str
) -> list[PartitionSpec]:
    """The plan as soon as Kafka answers. While it waits, the service is ready and its status says what it waits for.

    Without a notifier it waits half a minute only, then raises what Kafka's client said last: UnreachableError or
    LoginRefusedError. `socket`: where it answers `rtpipe status`, a line for each of `topics`. Raises as `plan` does.
    """
    began = time.monotonic()
    status: StatusBeforePlan | None = None
    with contextlib.ExitStack() as opened:
        while True:
            try:
                specs = plan()
            except (UnreachableError, LoginRefusedError) as exc:
                if notifier is None and time.monotonic() > began + _PATIENCE:
                    raise
                if status is None:
                    log.warning("waiting: %s", exc.message, extra={"event": "outage_began"})
                    status = opened.enter_context(StatusBeforePlan(socket, topics, exc.message))
                status.reason = exc.message
                if notifier is not None:
                    notifier.ready(f"waiting: {exc.message}")
                    notifier.alive(f"waiting: {exc.message}")
                time.sleep(_PAUSES.seconds())
            else:
                if status is not None:
                    log.info("Kafka answers after %.0f s", time.monotonic() - began, extra={"event": "outage_ended"})
                return specs


def plan_of(settings: Settings, request: RunRequest, cluster: ClusterView, supervisor: str) -> list[PartitionSpec]:
    """Of the topics that are named; those that fit a pattern are found while it runs, unless it is to end by itself."""
    if not request.until_caught_up:
        names = list(request.topics.names)
        return partition_plan.plan(settings, names, cluster, supervisor) if names else []
    return partition_plan.plan(settings, topics_of(request.topics, cluster), cluster, supervisor)


def ends_of_logs(specs: Sequence[PartitionSpec], cluster: ClusterView) -> dict[PartitionKey, int]:
    """Where each log ends now; partitions without a leader get their target when they have one."""
    ends = cluster.log_ends([spec.key for spec in specs]).known
    return {spec.key: ends[spec.key] for spec in specs if spec.key in ends and spec.first_offset >= 0}


def search_of(settings: Settings, request: RunRequest, live: LiveSettings, plans: TopicPlans) -> TopicSearch | None:
    """How topics are found while it runs; one that is to end by itself keeps to those of its start."""
    if request.until_caught_up:
        return None
    return TopicSearch(request.topics, plans, live.now, settings.topic_check_seconds, of_settings=request.of_settings)
