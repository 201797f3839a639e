"""`rtpipe dead-letters`: the messages that could not become rows, one by one or all of them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtpipe.errors import ExitCode, SettingsError
from supervisor.commands.options import Json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisor.dead_letters.admin import DeadLetterAdmin
    from supervisor.dead_letters.selection import Selection
    from supervisor.settings.settings import Settings
    from workers.retry.dead_letter import DeadLetter
    from workers.retry.outcome import RetryOutcome

app = typer.Typer(help="Messages that could not become rows: look at them, retry, export, drop.", no_args_is_help=True)

Topics = Annotated[
    list[str] | None,
    typer.Option("--topics", "-t", help="TOPIC or TOPIC/PARTITION, split by commas; may be repeated; default: all."),
]
Errors = Annotated[
    list[str] | None, typer.Option("--error", "-e", help="Name of an error, such as E_VALUE; may be repeated.")
]
Since = Annotated[str, typer.Option("--since", help="Written since 30m, 2h, 7d, or a time in UTC by ISO 8601.")]
Offsets = Annotated[list[str] | None, typer.Option("--offset", help="Offsets and ranges, as 17,20-25; needs --topics.")]
Limit = Annotated[int, typer.Option("--limit", "-n", help="At most so many letters.", min=1)]
_ALL = 1 << 62


def _chosen(
    topics: list[str] | None, errors: list[str] | None, offsets: list[str] | None, since: str, *, dropped: bool = False
) -> Selection:
    from supervisor.dead_letters.selection import selection

    return selection(topics or (), errors or (), offsets or (), since, dropped=dropped)


def _load(*required: str) -> Settings:
    from supervisor.settings import settings as settings_module

    settings = settings_module.load()
    settings_module.require(settings, *required)
    return settings


def _reader() -> DeadLetterAdmin:
    """With whichever account there is: both may read."""
    from supervisor.dead_letters.admin import DeadLetterAdmin
    from supervisor.settings import settings as settings_module

    settings = settings_module.load()
    url = settings.database_url.get_secret_value() or settings.infra_database_url.get_secret_value()
    if not url:
        settings_module.require(settings, "database_url")
    return DeadLetterAdmin(url, settings.database_seconds)


@app.command("list")
def list_letters(
    topics: Topics = None,
    error: Errors = None,
    since: Since = "",
    offset: Offsets = None,
    limit: Limit = 20,
    dropped: Annotated[bool, typer.Option("--dropped", help="Those that were dropped, instead.")] = False,
    as_json: Json = False,
) -> None:
    """Count the dead letters by topic and error, and list the newest. Shows nothing of their content.

    Examples:
      rtpipe dead-letters list

      rtpipe dead-letters list --topics orders --error E_VALUE --since 2h

    """
    chosen, admin = _chosen(topics, error, offset, since, dropped=dropped), _reader()
    kinds, letters = admin.kinds(chosen), admin.newest(chosen, limit)
    from supervisor.dead_letters import view as letter_view

    if as_json:
        facts = {"summary": [letter_view.kind_of(kind) for kind in kinds]}
        _print_json(facts | {"letters": [letter_view.facts_of(letter) for letter in letters]})
        return
    if not kinds:
        print("no dead letters" + (" like that" if chosen.narrow or dropped else ""))
        return
    out = letter_view.console()
    out.print(letter_view.kinds_table(kinds))
    out.print()
    out.print(letter_view.letters_table(letters))
    total = sum(kind.count for kind in kinds)
    if total > len(letters):
        out.print(f"and {total - len(letters):,} older ones (see --limit)")


@app.command()
def show(
    where: Annotated[str, typer.Argument(help="TOPIC/PARTITION, for example orders/0.")],
    offset: Annotated[int, typer.Argument(help="The message's offset.", min=0)],
    as_hex: Annotated[bool, typer.Option("--hex", help="Bytes as hexadecimal digits, all of them.")] = False,
    as_json: Json = False,
) -> None:
    """Show all of one dead letter: its error, what to do about it, key, headers and value, decoded where possible.

    Examples:
      rtpipe dead-letters show orders/0 1234

      rtpipe dead-letters show orders/0 1234 --json

    """
    from supervisor.dead_letters import view as letter_view
    from supervisor.dead_letters.message_text import DeadLetterReader, QuietRegistry
    from supervisor.dead_letters.message_text import as_json as json_of
    from supervisor.settings.registry_settings import open_registry
    from workers.contract.partition_spec import PartitionKey

    [place] = _chosen([where], None, None, "").topics or [("", None)]
    if place[1] is None:
        raise SettingsError(f"{where!r} is not TOPIC/PARTITION", hint="for example: orders/0")
    admin, settings = _reader(), _load()
    there = bool(settings.schema_registry_url.get_secret_value())
    reader = DeadLetterReader(QuietRegistry((lambda: open_registry(settings)) if there else None))
    letters = admin.one(PartitionKey(place[0], place[1]), offset)
    if not letters:
        raise SettingsError(f"there is no dead letter of {where} offset {offset}", hint="rtpipe dead-letters list")
    if as_json:
        shown = [
            letter_view.facts_of(letter)
            | letter_view.content_of(letter)
            | {"what_to_do": letter_view.what_to_do(letter)}
            | {"decoded": json.loads(json_of(reader.decoded(letter.value)[0])) if letter.value else None}
            for letter in letters
        ]
        _print_json({"letters": shown})
        return
    for letter in letters:
        letter_view.print_letter(letter, reader, whole=as_hex)


@app.command()
def retry(
    topics: Topics = None,
    error: Errors = None,
    offset: Offsets = None,
    since: Since = "",
    limit: Annotated[int | None, typer.Option("--limit", "-n", help="Try at most so many.", min=1)] = None,
    force: Annotated[
        bool, typer.Option("--force", help="In upsert mode, write also what may be older than the row of its key.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try, and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Try again to make rows of dead letters, exactly once, after the cause was mended.

    Runs beside a working supervisor, may be killed at any moment and run twice at once. A letter that is still no row
    stays, with its new error.

    Exit code 0: all are rows now. 6: some are still dead letters.

    Examples:
      rtpipe dead-letters retry --topics orders --dry-run

      rtpipe dead-letters retry --topics orders/0 --error E_VALUE

    """
    from supervisor.dead_letters import view as letter_view
    from supervisor.dead_letters.retry import DeadLetterRetries
    from workers import kill_points
    from workers.retry.outcome import RetryResult

    chosen, settings = _chosen(topics, error, offset, since), _load("database_url", "schema_registry_url")
    kill_points.arm(settings.kill_point)
    counts: Counter[RetryResult] = Counter()
    left: list[RetryOutcome] = []
    for outcome in DeadLetterRetries(settings, force=force, dry_run=dry_run).run(chosen, limit or _ALL):
        counts[outcome.result] += 1
        if outcome.result in {RetryResult.REFUSED, RetryResult.KEPT}:
            left.append(outcome)
    if as_json:
        numbers = {str(result): counts[result] for result in RetryResult}
        shown = [letter_view.outcome_of(outcome) for outcome in left]
        _print_json({"dry_run": dry_run, **numbers, "left": shown})
    else:
        letter_view.print_outcomes(counts, left, dry_run=dry_run)
    raise typer.Exit(ExitCode.DEAD_LETTERS if left else ExitCode.DONE)


@app.command()
def export(
    topics: Topics = None,
    error: Errors = None,
    offset: Offsets = None,
    since: Since = "",
    kind: Annotated[
        str, typer.Option("--format", help="jsonl, or files: three for each letter, in a directory.")
    ] = "jsonl",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File or directory; default: stdout.")] = None,
) -> None:
    """Write dead letters with all they have as JSON lines, bytes in base64: enough to send them anew.

    Examples:
      rtpipe dead-letters export --topics orders -o letters.jsonl

      rtpipe dead-letters export --error E_DECODE --format files -o letters

    """
    from supervisor.dead_letters import export as dead_letter_export

    chosen, admin = _chosen(topics, error, offset, since), _reader()
    if kind not in {"jsonl", "files"}:
        raise SettingsError(f"--format {kind!r} is neither jsonl nor files", hint="for example: --format jsonl")
    letters = _contents(admin, chosen)
    if output is None or str(output) == "-":
        if kind == "files":
            raise SettingsError("--format files needs a directory", hint="for example: -o letters")
        dead_letter_export.write_lines(letters, sys.stdout)
        return
    count = (dead_letter_export.write_file if kind == "jsonl" else dead_letter_export.write_directory)(letters, output)
    print(f"{count:,} letters in {output}", file=sys.stderr)


def _contents(admin: DeadLetterAdmin, chosen: Selection) -> Iterator[DeadLetter]:
    until = admin.now()
    for source in admin.sources(chosen):
        for letters in admin.chunks(source, chosen, until, _ALL):
            yield from letters


@app.command()
def drop(
    topics: Topics = None,
    error: Errors = None,
    offset: Offsets = None,
    since: Since = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Give up dead letters: their content is deleted for good. Shows which, and asks.

    That there was one remains, so that rtpipe verify knows its message from a lost one: list --dropped shows them.

    Example:
      rtpipe dead-letters drop --topics orders --error E_WIRE_FORMAT

    """
    from supervisor.dead_letters import view as letter_view
    from supervisor.dead_letters.admin import DeadLetterAdmin

    chosen = _chosen(topics, error, offset, since)
    if not chosen.narrow:
        raise SettingsError("drop needs to be told which letters", hint="--topics, --error, --since or --offset")
    settings = _load("database_url")
    admin = DeadLetterAdmin(settings.database_url.get_secret_value(), settings.database_seconds)
    until, kinds = admin.now(), admin.kinds(chosen)
    if not kinds:
        print("no dead letters like that")
        return
    letter_view.console().print(letter_view.kinds_table(kinds))
    print("their keys, values and headers will be deleted; `rtpipe dead-letters export` keeps a copy")
    if not yes:
        if not sys.stdin.isatty():
            raise SettingsError("nobody is there to ask", hint="--yes drops without asking")
        typer.confirm("go on?", abort=True)
    count = sum(admin.drop(source, chosen, until) for source in admin.sources(chosen))
    print(f"{count:,} dropped")


def _print_json(values: dict[str, Any]) -> None:
    print(json.dumps({"schema_version": 1, **values}, indent=2).replace("\x7f", "\\u007f"))
