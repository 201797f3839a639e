"""The plan at the start of a run, waiting for Kafka: a service may be started before its brokers are."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from rtpipe.credentials import LoginRefusedError
from rtpipe.errors import UnreachableError
from rtpipe.log import get_logger
from rtpipe.pause import PausePolicy
from supervisor import partition_plan
from supervisor.kafka.cluster_view import ClusterView
from supervisor.settings.settings import Settings
from supervisor.status.before_plan import StatusBeforePlan
from supervisor.status.systemd_notify import SystemdNotifier
from workers.contract.partition_spec import PartitionSpec

log = get_logger("supervisor")
#: Seconds in which Kafka must answer a run that is to end.
_PATIENCE = 30.0
#: A service asks Kafka for its plan as long as it takes.
_PAUSES = PausePolicy.steady(1.0)


def wait_for_plan(
    settings: Settings, topics: Sequence[str], cluster: ClusterView, notifier: SystemdNotifier | None, socket: str
) -> list[PartitionSpec]:
    """The plan as soon as Kafka answers. While it waits, the service is ready and its status says what it waits for.

    Without a notifier it waits half a minute only, then raises what Kafka's client said last: UnreachableError or
    LoginRefusedError. `socket`: where it answers `rtpipe status`. Raises as `partition_plan.plan` does.
    """
    began = time.monotonic()
    status: StatusBeforePlan | None = None
    with contextlib.ExitStack() as opened:
        while True:
            try:
                specs = partition_plan.plan(settings, topics, cluster)
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
