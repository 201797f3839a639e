"""`rtpipe dead-letters retry`."""

from __future__ import annotations

from typing import Annotated

import typer

from rtpipe.errors import ExitCode
from supervisor.commands.dead_letters.options import Errors, Offsets, Since, Topics
from supervisor.commands.parts.options import Json
from supervisor.commands.parts.output_text import print_json


def retry(
    topics: Topics = None,
    error: Errors = None,
    offset: Offsets = None,
    since: Since = "",
    limit: Annotated[int | None, typer.Option("--limit", "-n", help="Try at most this many.", min=1)] = None,
    force: Annotated[
        bool, typer.Option("--force", help="In upsert mode, also write what may be older than the row of its key.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try everything; change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Try again to make rows of dead letters, exactly once. Repair the cause first.

    Works beside a running supervisor. You may kill it at any moment, or run it twice at once. A dead letter that is
    refused again stays, with its new error.

    Exit code 0: all are rows now. 6: some are still dead letters.

    Examples:
      rtpipe dead-letters retry --topics orders --dry-run
      rtpipe dead-letters retry --topics orders/0 --error E_VALUE

    """
    from supervisor.control.control_socket import runtime_directory
    from supervisor.dead_letters import view
    from supervisor.dead_letters.retry import DeadLetterRetries, RetryTally
    from supervisor.dead_letters.selection import selection
    from supervisor.settings.settings import load_with
    from supervisor.steering.dead_letter_acts import tell_retried
    from workers import kill_points

    chosen = selection(topics, error, offset, since)
    settings = load_with("database_url", "schema_registry_url")
    kill_points.arm(settings.kill_point)
    tally = RetryTally()
    for outcome in DeadLetterRetries(settings, force=force, dry_run=dry_run).run(chosen, limit):
        tally.add(outcome)
    if not dry_run:
        tell_retried(runtime_directory(settings.runtime_dir), tally.by_topic)
    if as_json:
        print_json(view.tally_of(tally, dry_run=dry_run))
    else:
        view.print_tally(tally, dry_run=dry_run)
    raise typer.Exit(ExitCode.DEAD_LETTERS if tally.left else ExitCode.DONE)
