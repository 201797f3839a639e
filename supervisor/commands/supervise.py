"""`rtpipe supervise` and `rtpipe status`."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from rtpipe.errors import ExitCode, UnreachableError
from rtpipe.pause import PausePolicy
from supervisor.commands.options import BootstrapServers, Json, LogFormat, RegistryUrl, Topics, topic_names

if TYPE_CHECKING:
    from pathlib import Path

    from supervisor.kafka.cluster_view import ClusterView
    from supervisor.settings.settings import Settings
    from supervisor.status.partition_status import PipelineStatus
    from supervisor.status.systemd_notify import SystemdNotifier
    from workers.contract.partition_spec import PartitionKey, PartitionSpec

#: With --until-caught-up, Kafka must answer within this many seconds.
_PATIENCE = 30.0
#: A service asks Kafka for its plan as long as it takes.
_KAFKA_PAUSES = PausePolicy.steady(1.0)
#: Seconds in which a broker must say where logs end; later it is too old to say how far behind the tables are.
_QUICK = 5.0


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command()(supervise)
    app.command()(status)


def supervise(
    topics: Topics,
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="Stop once all that is in the topics now is in the tables.")
    ] = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: RegistryUrl = None,
    log_format: LogFormat = None,
    fail_on_dead_letters: Annotated[
        bool, typer.Option("--fail-on-dead-letters", help="Exit code 6 if there were any, and nothing worse.")
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Take the partitions from a supervisor that already has them.")
    ] = False,
    live: Annotated[
        bool | None, typer.Option("--live/--no-live", help="The live table; default: on a terminal.")
    ] = None,
) -> None:
    """Move topics into their tables, exactly once, with one process for each partition.

    Workers that die are started again at once; the others go on meanwhile. SIGTERM or Ctrl-C drains: what was read is
    committed, then everything stops. A second signal kills. Killed in any way, it goes on where the last COMMIT was.

    Examples:
      rtpipe supervise --topics dataset1,dataset2,dataset3

      rtpipe supervise -t orders --until-caught-up

    The database comes from RTPIPE_DATABASE_URL or RTPIPE_DATABASE_URL_FILE, never from the command line.

    """
    from supervisor.settings import settings as settings_module
    from supervisor.settings.registry_settings import open_registry
    from supervisor.status.status_view import LiveView
    from supervisor.worker_context import start_forkserver

    names = topic_names(topics)
    settings = settings_module.load(
        bootstrap_servers=bootstrap_servers, schema_registry_url=schema_registry_url, log_format=log_format
    )
    settings_module.require(settings, "bootstrap_servers", "schema_registry_url", "database_url")
    if settings.log_format == "auto":
        chosen = "text" if sys.stderr.isatty() else "json"
        settings = settings.model_copy(update={"log_format": chosen})
    wanted_live = sys.stderr.isatty() and settings.log_format == "text" if live is None else live
    with LiveView(wanted=wanted_live) as view:
        context = start_forkserver()
        from rtpipe.log import get_logger, log_to_stderr
        from supervisor.control_socket import runtime_directory, socket_path
        from supervisor.group_lock import GroupLock
        from supervisor.kafka.cluster_view import ClusterView
        from supervisor.kafka.log_watch import LogWatch
        from supervisor.kafka.topic_watch import TopicWatch
        from supervisor.restart_policy import RestartPolicy
        from supervisor.schemas.table_fitter import TableFitter
        from supervisor.status.systemd_notify import SystemdNotifier
        from supervisor.supervisor_process import Options, Supervisor

        log_to_stderr(settings.log_format, settings.log_level)
        if not settings.infra_database_url.get_secret_value():
            text = "RTPIPE_INFRA_DATABASE_URL is not set, so RTPIPE_DATABASE_URL alters the tables for new schemas"
            get_logger("supervisor").warning(text, extra={"event": "one_account"})
        notifier = SystemdNotifier()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(ExitCode.DONE))  # nothing to drain yet
        cluster = ClusterView(settings.librdkafka())
        path = socket_path(runtime_directory(settings.runtime_dir))
        specs = _patient_plan(settings, names, cluster, None if until_caught_up else notifier, path)
        options = Options(
            open_registry=lambda: open_registry(settings),
            drain_seconds=settings.drain_seconds,
            targets=_targets(specs, cluster) if until_caught_up else None,
            control_socket=path,
            heartbeat_seconds=settings.heartbeat_seconds,
            database_seconds=settings.database_seconds,
            show=view.show if wanted_live else None,
            fail_on_dead_letters=fail_on_dead_letters,
        )
        watch = TopicWatch(
            cluster,
            {spec.key.topic: spec.topic_id for spec in specs},
            (spec.key for spec in specs),
            specs[0].cluster_id,
            settings.topic_check_seconds,
        )
        groups = (spec.group for spec in specs)
        lock = GroupLock(
            settings.database_url.get_secret_value(),
            groups,
            settings.database_seconds,
            file=settings.secret_file("database_url"),
            patient=not until_caught_up,
        )
        if not take_over:
            lock.acquire()
        lock.keep()
        policy = RestartPolicy(probe_every=settings.quarantine_seconds, budget=settings.restart_budget)
        fitter = TableFitter(settings_module.accounts(settings))
        logs = LogWatch(ClusterView(settings.librdkafka(), timeout=_QUICK))
        supervisor = Supervisor(
            specs, options, policy=policy, context=context, watch=watch, logs=logs, fitter=fitter, notifier=notifier
        )
        try:
            code = supervisor.run()
        finally:
            lock.release()
    raise typer.Exit(code)


def _patient_plan(
    settings: Settings, names: list[str], cluster: ClusterView, notifier: SystemdNotifier | None, path: str = ""
) -> list[PartitionSpec]:
    """The plan, waiting for Kafka: a service may be started before its brokers are, and is ready meanwhile.

    Without a notifier it waits half a minute only. `path`: the socket at which it tells that it waits.
    """
    from rtpipe.credentials import LoginRefusedError
    from rtpipe.log import get_logger
    from supervisor import partition_plan
    from supervisor.status.before_plan import StatusBeforePlan

    log = get_logger("supervisor")
    began = time.monotonic()
    room: StatusBeforePlan | None = None
    with contextlib.ExitStack() as opened:
        while True:
            try:
                specs = partition_plan.plan(settings, names, cluster)
            except (UnreachableError, LoginRefusedError) as exc:
                if notifier is None and time.monotonic() > began + _PATIENCE:
                    raise
                if room is None:
                    log.warning("waiting: %s", exc.message, extra={"event": "waiting"})
                    room = opened.enter_context(StatusBeforePlan(path, names, exc.message))
                room.reason = exc.message
                if notifier is not None:
                    notifier.ready(f"waiting: {exc.message}")
                    notifier.alive(f"waiting: {exc.message}")
                time.sleep(_KAFKA_PAUSES.seconds())
            else:
                if room is not None:
                    log.info("Kafka answers after %.0f s", time.monotonic() - began, extra={"event": "outage_over"})
                return specs


def _targets(specs: list[PartitionSpec], cluster: ClusterView) -> dict[PartitionKey, int]:
    """Where each log ends now; those that nobody knows get theirs when they have a leader."""
    ends = cluster.log_ends([spec.key for spec in specs]).known
    return {spec.key: ends[spec.key] for spec in specs if spec.key in ends and spec.first_offset >= 0}


def status(as_json: Json = False) -> None:
    """Show every partition of the supervisors that run here: state, offsets, lag, rate, memory, CPU.

    Exit code 0 if all partitions run, 3 if one does not, 4 if no supervisor runs.

    Examples:
      rtpipe status

      rtpipe status --json

    """
    from supervisor.control_socket import ask_all, runtime_directory, sockets_in
    from supervisor.settings import settings as settings_module
    from supervisor.status.partition_status import SCHEMA_VERSION, PipelineStatus
    from supervisor.status.status_view import print_status

    directory = runtime_directory(settings_module.load().runtime_dir)
    replies = ask_all(directory, "status")
    if as_json:
        print(json.dumps({"schema_version": SCHEMA_VERSION, "supervisors": replies}, indent=2))
    if not replies:
        raise _nobody(directory)
    pipelines = [PipelineStatus.from_json(reply) for reply in replies]
    if not as_json:
        for pipeline in pipelines:
            print_status(pipeline)
    silent = len(sockets_in(directory)) - len(replies)
    if silent > 0:
        print(f"{silent} more supervisors listen in {directory} and do not answer", file=sys.stderr)
    well = silent <= 0 and all(_is_well(pipeline) for pipeline in pipelines)
    raise typer.Exit(ExitCode.DONE if well else ExitCode.DIFFERENT)


def _is_well(pipeline: PipelineStatus) -> bool:
    """Whether every partition runs, or ends because it was told to."""
    states = {partition.state for partition in pipeline.partitions}
    return bool(states) and states <= {"running", "stopping", "stopped"}


def _nobody(directory: Path) -> UnreachableError:
    """Why there is no answer, and where there is one."""
    from supervisor.control_socket import sockets_in
    from supervisor.status.supervisors_elsewhere import found_elsewhere, how_to_look, told

    if left := sockets_in(directory):
        return UnreachableError(
            f"the supervisor that listens at {left[0]} does not answer",
            hint="its process hangs or is stopped; its log says what it did last",
        )
    message, way = f"no supervisor runs here (looked in {directory})", ""
    if elsewhere := found_elsewhere(directory):
        message, way = f"{message}; {told(elsewhere)}", f"look there: {how_to_look(elsewhere[0])}; or "
    return UnreachableError(message, hint=f"{way}start one: rtpipe supervise --topics …")
