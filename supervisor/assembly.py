"""What `rtpipe supervise` puts together: settings and a request in, the exit code of the run out.

Every part of a run is made here and nowhere else; the parts know each other by what they are given.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from typing import Any

from rtpipe.errors import ExitCode
from rtpipe.log import get_logger
from rtpipe.secret_files import current_url
from supervisor import partition_plan
from supervisor.companions.companion import Companion
from supervisor.companions.told_companion import ToldCompanion
from supervisor.control.control_socket import runtime_directory, socket_path
from supervisor.control.event_ring import EventRing
from supervisor.group_lock import GroupLock
from supervisor.history.history_link import HistoryLink
from supervisor.hosts.host_start import host_start
from supervisor.hosts.hosts_heard import HostsHeard
from supervisor.journal.journal_upkeep import upkeep_of
from supervisor.kafka.cluster_view import ClusterView
from supervisor.kafka.log_watch import LogWatch
from supervisor.kafka.topic_watch import TopicWatch
from supervisor.lifecycle.ends.restart_policy import RestartPolicy
from supervisor.lifecycle.generation.heartbeat_limits import HeartbeatLimits
from supervisor.lifecycle.generation.process_handle import ProcessHandle
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.membership.from_settings import membership_of, refuse_with_membership
from supervisor.membership.names import group_apart_from, instance_id
from supervisor.mirror.offset_mirror import OffsetMirror
from supervisor.page.page_options import PageStart
from supervisor.run.first_plan import ends_of_logs, plan_of, search_of, wait_for_plan
from supervisor.run.options import Options
from supervisor.run.run_request import RunRequest
from supervisor.run.topic_plans import TopicPlans
from supervisor.schemas.schema_requests import SchemaRequests
from supervisor.schemas.table_fitter import TableFitter
from supervisor.settings.accounts import accounts
from supervisor.settings.fields.registry_settings import files_of_registry, open_registry
from supervisor.settings.live_settings import LiveSettings
from supervisor.settings.settings import Settings
from supervisor.settings.state_directory import HISTORY_FILE, state_directory
from supervisor.status.facts.condition import Promise
from supervisor.status.run_facts import RunFacts
from supervisor.status.systemd_notify import SystemdNotifier
from supervisor.steering.act_file import PAUSES, ActFile
from supervisor.steering.database_health import DatabaseHealth, HealthSeen
from supervisor.steering.reload import hangup_reloads
from supervisor.steering.row_limits import LIMITS
from supervisor.supervisor_process import Supervisor
from workers.contract.partition_spec import PartitionKey, PartitionSpec

log = get_logger("supervisor")
#: Seconds in which a broker must say where logs end; later it is too old to say how far behind the tables are.
_LOG_END_SECONDS = 5.0


def run(settings: Settings, request: RunRequest, context: ForkServerContext) -> ExitCode:
    """Supervise to the end. Raises as `wait_for_plan` and `GroupLock.acquire` do.

    Only what runs without an end waits for Kafka and for the database.
    """
    shares = settings.membership == "kafka"
    if shares:
        refuse_with_membership(until_caught_up=request.until_caught_up, take_over=request.take_over)
    _warn_of_one_account(settings)
    signal.signal(signal.SIGTERM, _leave)
    if hangup_reloads():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is somebody to hear it
    notifier = SystemdNotifier()
    cluster = ClusterView(settings.librdkafka(), file=settings.secret_file("kafka"))
    socket = socket_path(runtime_directory(settings.runtime_dir))
    name = partition_plan.supervisor_name()
    specs = wait_for_plan(
        lambda: plan_of(settings, request, cluster, name),
        [*request.topics.names, *request.topics.patterns],
        None if request.until_caught_up else notifier,
        socket,
    )
    targets = ends_of_logs(specs, cluster) if request.until_caught_up else None
    group = group_apart_from(settings, {spec.group for spec in specs}) if shares else ""
    lock = _group_lock(settings, specs, patient=not request.until_caught_up, members=group)
    if not request.take_over:
        lock.acquire()
    lock.keep()
    live = LiveSettings(settings, request.read_settings or (lambda: settings))
    facts, ring = run_facts(settings, live), EventRing()
    hosts = HostsHeard()
    companions = companions_of(settings, request, socket, ring, hosts)
    options = replace(
        options_of(settings, request, socket, targets, facts),
        settings=live,
        topics=search_of(settings, request, live, TopicPlans(cluster, name, lock)),
        rows_per_second=lambda topic: live.topic(topic).max_rows_per_second,
        events=ring,
        hosts=hosts,
        companions=[*companions, upkeep_of(settings, live.keeps_journal)],
        membership=membership_of(settings, specs, group, live) if shares else None,
        stays=shares,
    )
    logging.getLogger("rtpipe").addHandler(ring)
    try:
        start = [] if shares else specs
        return _supervisor(start, options, settings, live, context, notifier=notifier, cluster=cluster).run()
    finally:
        logging.getLogger("rtpipe").removeHandler(ring)
        for companion in companions:
            companion.stop()
        lock.release()


def _supervisor(
    specs: Sequence[PartitionSpec],
    options: Options,
    settings: Settings,
    live: LiveSettings,
    context: ForkServerContext,
    *,
    notifier: SystemdNotifier,
    cluster: ClusterView,
) -> Supervisor:
    policy = RestartPolicy(probe_every=settings.quarantine_seconds, budget=settings.restart_budget)
    facts = options.facts.topics
    schemas = SchemaRequests(
        lambda: open_registry(settings),
        TableFitter(accounts(settings), facts),
        facts=facts,
        files=files_of_registry(settings),
    )

    def make(spec: PartitionSpec) -> SupervisedWorker:
        return SupervisedWorker(spec, policy, lambda now: ProcessHandle(now, context), schemas, options.events.add)

    return Supervisor(
        specs,
        options,
        make=make,
        schemas=schemas,
        watch=TopicWatch(cluster, settings.topic_check_seconds),
        logs=LogWatch(ClusterView(settings.librdkafka(), _LOG_END_SECONDS, settings.secret_file("kafka"))),
        mirror=_offset_mirror(settings, live),
        notifier=notifier,
    )


def options_of(
    settings: Settings,
    request: RunRequest,
    socket: str,
    targets: dict[PartitionKey, int] | None,
    facts: RunFacts,
) -> Options:
    """How the supervisor's loop behaves; `socket` is where it answers other commands."""
    state = state_directory(settings.state_dir)
    return Options(
        drain_seconds=settings.drain_seconds,
        heartbeat=HeartbeatLimits(settings.heartbeat_seconds, settings.database_seconds),
        targets=targets,
        control_socket=socket,
        health=_health(settings),
        pauses=ActFile(PAUSES, state, settings.database_place),
        limits=ActFile(LIMITS, state, settings.database_place),
        show=request.show,
        facts=facts,
        fail_on_dead_letters=request.fail_on_dead_letters,
    )


def companions_of(
    settings: Settings, request: RunRequest, socket: str, ring: EventRing, hosts: HostsHeard
) -> list[HistoryLink | ToldCompanion]:
    """The processes beside the workers."""
    found: list[HistoryLink | ToldCompanion] = []
    file = str(state_directory(settings.state_dir) / HISTORY_FILE) if settings.history else ""
    if file:
        module = "supervisor.history.history_process"
        found.append(HistoryLink(Companion("history", module, socket, file, settings.log_format), ring))
    if settings.membership == "kafka":
        told = host_start(settings, socket, tells=request.page is not None).line()
        found.append(ToldCompanion(Companion("host", "supervisor.hosts.host_process", hear=hosts.hear), told))
    if request.page is not None:
        host = instance_id(settings) if settings.membership == "kafka" else ""
        start = PageStart(socket, settings.log_format, settings.log_level, request.page, file, host)
        found.append(ToldCompanion(Companion("page", "supervisor.page.page_process"), start.as_line()))
    return found


def run_facts(settings: Settings, live: LiveSettings) -> RunFacts:
    """What the status says of the run as a whole."""

    def promise(topic: str) -> Promise:
        chosen = live.topic(topic)
        return Promise(chosen.late_after, chosen.stuck_after)

    database = settings.database_place.partition("/")[0]
    return RunFacts(settings.bootstrap_servers, database, promise)


def _health(settings: Settings) -> Callable[[], HealthSeen] | None:
    url, file = settings.database_url.get_secret_value(), settings.secret_file("database_url")
    asks = DatabaseHealth(settings.throttle, lambda: current_url(url, file), settings.database_seconds)
    return asks.ask if settings.throttle.wanted else None


def _leave(*_: object) -> None:
    """SIGTERM before there is anything to drain."""
    sys.exit(ExitCode.DONE)


def _warn_of_one_account(settings: Settings) -> None:
    if not settings.infra_database_url.get_secret_value():
        text = "RTPIPE_INFRA_DATABASE_URL is not set, so RTPIPE_DATABASE_URL alters the tables for new schemas"
        log.warning(text, extra={"event": "one_account"})


def _group_lock(settings: Settings, specs: Sequence[PartitionSpec], *, patient: bool, members: str = "") -> GroupLock:
    return GroupLock(
        settings.database_url.get_secret_value(),
        (spec.group for spec in specs),
        settings.database_seconds,
        file=settings.secret_file("database_url"),
        patient=patient,
        members=members,
    )


def _offset_mirror(settings: Settings, live: LiveSettings) -> OffsetMirror:
    def wants(topic: str) -> bool:
        return live.topic(topic).mirror_offsets

    def start() -> dict[str, Any]:
        kafka, file = settings.librdkafka(), settings.secret_file("kafka")
        return {
            "kafka": kafka,
            "kafka_file": file,
            "log_format": settings.log_format,
            "log_level": settings.log_level,
        }

    return OffsetMirror(Companion("mirror", "supervisor.mirror.mirror_process"), wants, start)
