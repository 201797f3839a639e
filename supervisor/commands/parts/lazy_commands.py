"""The commands of `rtpipe`, each loaded only once it is called: `rtpipe --help` needs nothing of them but their help.

`rtpipe resume` is the function `resume` of commands/resume.py, and `rtpipe infra` the app of commands/infra/group.py.
"""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

#: What the help of `rtpipe` says of each: the first sentence or two of its own help, which a test compares.
COMMANDS = {
    "setup": "Make what existing topics need in the database: tables for their schemas, rtpipe's own tables, users,"
    " grants.",
    "doctor": "Look at everything that rtpipe needs, and say of each thing: OK, WARN or FAIL, what it means, what to"
    " do.",
    "try": "Say what would become of the next messages: rows, dead letters, changes of the table. Keeps nothing.",
    "supervise": "Move topics into their tables, exactly once, with two processes for each partition.",
    "status": "Show every partition of the supervisors that run here: state, offsets, lag, rate, memory, CPU.",
    "top": "Watch and steer the partitions of the supervisors that run here, live in the terminal; also over ssh.",
    "history": "Show what happened in the last seven days: starts, deaths, altered tables, halts, outages, what a"
    " person did.",
    "logs": "Show the newest events of the supervisors that run here, without access to where their log goes.",
    "peek": "Show messages of a topic, decoded, each beside its row in the table. Commits and changes nothing.",
    "health": "Say in one line whether all is well: for health checks of containers, and for people in a hurry.",
    "produce": "Send sample messages to topics: with keys, in order for each key, every delivery confirmed.",
    "verify": "Check that everything is consumed and that each table has exactly the rows of its topic.",
    "adopt": "Accept a topic that was deleted and made again, or another cluster: begin at its first messages.",
    "pause": "Pause partitions: what was read is committed, then they stay without processes until they are resumed.",
    "resume": "Start partitions of the running supervisor again that are paused, halted or quarantined. Repair the"
    " cause first.",
    "restart": "Restart partitions: what was read is committed, then they start again at once, in new processes.",
    "step-over": "Make the one message at which a partition is halted a dead letter; then the partition goes on.",
    "reload": "Make the running supervisors read their settings again. Only partitions that a change needs are"
    " restarted.",
    "limit": "Limit how many rows a second of a topic are written, until you change it; a limit outlives the"
    " supervisor.",
    "drain": "End partitions for as long as the supervisor runs: what was read is committed.",
    "bench": "Measure rows per second on your own stack, beside what your database takes at most from the same"
    " connections.",
    "chaos": "Prove exactly once on your test stack: random kill -9 and freezes under load, then every row is"
    " compared.",
    "support-bundle": "Write one file for somebody who helps: versions, settings, status, doctor's findings, events."
    " No secrets.",
    "demo": "Show everything on this machine: rows flow, processes are killed with -9, nothing is lost or doubled.",
}
#: The same of each group of commands; it is the group's own help, too.
GROUPS = {
    "config": "The settings: every value as rtpipe sees it here, and where it came from (show).",
    "infra": "The embedded stack (up, down, status) and what a pipeline needs before it runs (create).",
    "schema": "Schema files: convert them to Avro, see what tables they give.",
    "table": "Tables: what a schema or its next version needs, shown or done.",
    "offsets": "Stored offsets: show them, what moved them, or set one.",
    "dead-letters": "Messages that could not become rows: show, retry, export or drop them.",
}
#: A paragraph whose lines after the first are indented: examples.
_EXAMPLES = re.compile(r"^(?=\S.*\n +\S)", re.MULTILINE)


class LazyCommand(TyperCommand):
    """Name and short help of a command or group; once it is called, or asked for its own help, the real one."""

    def __init__(self, name: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)

    def loaded(self) -> Any:
        """The real one, as typer has made it."""
        return typer.main.get_command(_app_of(str(self.name)))

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """What a call begins with; the context is that of the real one, and so is all that follows."""
        return self.loaded().make_context(info_name, args, parent, **extra)


class RootGroup(TyperGroup):
    """`rtpipe` with all commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {name: LazyCommand(name, text) for name, text in (COMMANDS | GROUPS).items()}


def group_app(name: str, *commands: Callable[..., None]) -> typer.Typer:
    """The app of a group with these commands, named by their functions' first word."""
    app = _new_app(help=GROUPS[name])
    app.callback()(_group)
    for command in commands:
        _add(app, command)
    return app


def _group() -> None:
    """Nothing of its own: with it, a group of one command is a group, too."""


def _app_of(name: str) -> typer.Typer:
    words = name.replace("-", "_")
    if name in GROUPS:
        group: typer.Typer = import_module(f"supervisor.commands.{words}.group").app
        return group
    app = _new_app()
    function = f"{words}_" if keyword.iskeyword(words) else words
    _add(app, getattr(import_module(f"supervisor.commands.{words}"), function))
    return app


def _new_app(**options: Any) -> typer.Typer:
    return typer.Typer(**options, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


def _add(app: typer.Typer, command: Callable[..., None]) -> None:
    """Add a command whose help is its docstring; examples keep their lines (by a backspace alone on a line)."""
    text = inspect.getdoc(command) or ""
    first = " ".join(text.partition("\n\n")[0].split())
    name = command.__name__.partition("_")[0]
    app.command(name, short_help=first, help=_EXAMPLES.sub("\b\n", text))(command)
