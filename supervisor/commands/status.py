"""`rtpipe status`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rtpipe.errors import ExitCode
from supervisor.commands.parts.options import Json
from supervisor.commands.parts.output_text import print_json


def status(
    as_json: Json = False,
    all_hosts: Annotated[
        bool, typer.Option("--all-hosts", help="Of all hosts that share partitions, as they said it last.")
    ] = False,
    forget: Annotated[
        str, typer.Option("--forget", metavar="HOST", help="With --all-hosts: show a host no more that is gone.")
    ] = "",
) -> None:
    """Show every partition of the supervisors that run here: state, offsets, lag, rate, memory, CPU.

    Exit code 0 if all partitions run, 3 if one does not, 4 if no supervisor runs.

    Examples:
      rtpipe status
      rtpipe status --json
      rtpipe status --all-hosts
      rtpipe status --all-hosts --forget host-3

    """
    if forget and not all_hosts:
        raise typer.BadParameter("it goes with --all-hosts", param_hint="--forget")
    if all_hosts:
        _show_all_hosts(forget, as_json=as_json)
    from supervisor.control.control_socket import runtime_directory
    from supervisor.settings.settings import load
    from supervisor.status.running_supervisors import ask_for_status, nobody_answers
    from supervisor.status.status_view import print_status

    directory = runtime_directory(load().runtime_dir)
    answers = ask_for_status(directory)
    if as_json:
        print_json(answers.to_json())
    if not answers.replies:
        raise nobody_answers(directory)
    if not as_json:
        for pipeline in answers.pipelines:
            print_status(pipeline)
    if answers.silent > 0:
        print(f"{answers.silent} more supervisors listen in {directory} and do not answer", file=sys.stderr)
    raise typer.Exit(ExitCode.DONE if answers.well else ExitCode.DIFFERENT)


def _show_all_hosts(forget: str, *, as_json: bool) -> None:
    from supervisor.hosts import hosts_view
    from supervisor.hosts.all_hosts import forget_host, known_hosts
    from supervisor.settings.settings import load_with

    settings = load_with("database_url")
    if forget:
        forget_host(settings, forget)
    hosts = known_hosts(settings)
    if as_json:
        print_json(hosts_view.as_json(hosts))
    else:
        hosts_view.print_hosts(hosts)
    raise typer.Exit(ExitCode.DONE if hosts_view.are_well(hosts) else ExitCode.DIFFERENT)
