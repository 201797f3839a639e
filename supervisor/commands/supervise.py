"""`rtpipe supervise`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from supervisor.commands.parts.options import BootstrapServers, LogFormat, RegistryUrl, Topics


def supervise(
    topics: Topics = None,
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="Stop when everything that is in the topics now is in the tables.")
    ] = False,
    bootstrap_servers: BootstrapServers = None,
    schema_registry_url: RegistryUrl = None,
    log_format: LogFormat = None,
    fail_on_dead_letters: Annotated[
        bool, typer.Option("--fail-on-dead-letters", help="Exit code 6 if there were dead letters, and nothing worse.")
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Take the partitions from another supervisor.")
    ] = False,
    live: Annotated[
        bool | None, typer.Option("--live/--no-live", help="The live table; default: on a terminal.")
    ] = None,
    group_membership: Annotated[
        bool,
        typer.Option("--group-membership", help="Share the partitions with supervisors on other hosts.  (membership)"),
    ] = False,
    page: Annotated[
        bool, typer.Option("--page", help="Also open a page for browsers, with metrics and health.  (page_address)")
    ] = False,
) -> None:
    r"""Move topics into their tables, exactly once, with two processes for each partition.

    Workers that die are restarted at once; the others continue. SIGTERM or Ctrl-C drains: what was read is committed,
    then everything stops. A second signal kills. However it was killed, it continues after the last COMMIT.

    Examples:
      rtpipe supervise --topics dataset1,dataset2,dataset3
      rtpipe supervise -t orders --until-caught-up
      rtpipe supervise -t orders --page
      rtpipe supervise -t orders --group-membership
      rtpipe supervise --topics '^bank\.'

    The database comes from RTPIPE_DATABASE_URL or RTPIPE_DATABASE_URL_FILE, never from the command line.

    """
    from supervisor.lifecycle.generation.worker_context import start_forkserver
    from supervisor.page.page_options import page_options
    from supervisor.settings.environment import as_variables, given_variables
    from supervisor.settings.live_settings import reader
    from supervisor.settings.settings import load, require
    from supervisor.settings.topic_choice import choice_of
    from supervisor.status.status_view import LiveView

    flags = {
        "bootstrap_servers": bootstrap_servers,
        "schema_registry_url": schema_registry_url,
        "log_format": log_format,
        "membership": "kafka" if group_membership else None,
    }
    settings = load(**flags)
    choice = choice_of(topics, settings.serve)
    require(settings, "bootstrap_servers", "schema_registry_url", "database_url")
    read_settings = reader(**flags)
    opened = page_options(settings, given_variables() | as_variables(flags)) if page else None
    if settings.log_format == "auto":
        chosen = "text" if sys.stderr.isatty() else "json"
        settings = settings.model_copy(update={"log_format": chosen})
    wanted_live = sys.stderr.isatty() and settings.log_format == "text" if live is None else live
    with LiveView(wanted=wanted_live) as view:
        context = start_forkserver()  # before the modules below are loaded: its own loading goes on beside that
        from rtpipe.log import log_to_stderr
        from supervisor import assembly
        from supervisor.run.run_request import RunRequest

        log_to_stderr(settings.log_format, settings.log_level)
        request = RunRequest(
            topics=choice,
            of_settings=not topics,
            until_caught_up=until_caught_up,
            fail_on_dead_letters=fail_on_dead_letters,
            take_over=take_over,
            read_settings=read_settings,
            show=view.show if wanted_live else None,
            page=opened,
        )
        code = assembly.run(settings, request, context)
    raise typer.Exit(code)
