"""`rtpipe health`."""

from __future__ import annotations

import sys

import typer

from rtpipe.errors import ExitCode
from supervisor.commands.parts.options import Json
from supervisor.commands.parts.output_text import print_json


def health(as_json: Json = False) -> None:
    """Say in one line whether all is well: for health checks of containers, and for people in a hurry.

    Exit code 0 if every partition has a worker that runs, 3 if one has none, 4 if no supervisor answers.

    Examples:
      rtpipe health
      rtpipe health --json

    """
    from supervisor.control.control_socket import runtime_directory
    from supervisor.settings.settings import load
    from supervisor.status.facts.readiness import as_json as readiness_json
    from supervisor.status.facts.readiness import not_ready
    from supervisor.status.facts.verdict import verdict
    from supervisor.status.running_supervisors import ask_for_status, nobody_answers

    directory = runtime_directory(load().runtime_dir)
    answers = ask_for_status(directory)
    if not answers.replies:
        raise nobody_answers(directory)
    pipelines = answers.pipelines
    missing = tuple(one for pipeline in pipelines for one in not_ready(pipeline))
    if as_json:
        said = [verdict(pipeline).sentence for pipeline in pipelines]
        print_json({"schema_version": 1, **readiness_json(missing), "verdicts": said})
    else:
        for pipeline in pipelines:
            print(verdict(pipeline).sentence)
    if answers.silent > 0:
        print(f"{answers.silent} more supervisors listen in {directory} and do not answer", file=sys.stderr)
    raise typer.Exit(ExitCode.DIFFERENT if missing or answers.silent > 0 else ExitCode.DONE)
