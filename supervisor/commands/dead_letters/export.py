"""`rtpipe dead-letters export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rtpipe.errors import SettingsError
from supervisor.commands.dead_letters.options import Errors, Offsets, Since, Topics, reading_admin


def export(
    topics: Topics = None,
    error: Errors = None,
    offset: Offsets = None,
    since: Since = "",
    kind: Annotated[
        str, typer.Option("--format", help="jsonl, or files: three for each dead letter, in a directory.")
    ] = "jsonl",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File or directory; default: stdout.")] = None,
) -> None:
    """Write dead letters as JSON lines, bytes in base64, with everything that is needed to send them again.

    Examples:
      rtpipe dead-letters export --topics orders -o dead-letters.jsonl
      rtpipe dead-letters export --error E_DECODE --format files -o dead-letters

    """
    from supervisor.dead_letters import export as dead_letter_export
    from supervisor.dead_letters.selection import selection

    chosen, admin = selection(topics, error, offset, since), reading_admin()
    if kind not in {"jsonl", "files"}:
        raise SettingsError(f"--format {kind!r} is neither jsonl nor files", hint="for example: --format jsonl")
    to_stdout = output is None or str(output) == "-"
    if to_stdout and kind == "files":
        raise SettingsError("--format files needs a directory", hint="for example: -o dead-letters")
    dead_letters = admin.all(chosen)
    if output is None or to_stdout:
        dead_letter_export.write_lines(dead_letters, sys.stdout)
        return
    write = dead_letter_export.write_file if kind == "jsonl" else dead_letter_export.write_directory
    print(f"{write(dead_letters, output):,} dead letters in {output}", file=sys.stderr)
