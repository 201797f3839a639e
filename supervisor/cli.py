"""`rtpipe`: every command in one tree; parses, calls, and turns errors into one clear line and an exit code.

Heavy modules are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Annotated

import typer

from rtpipe.errors import ExitCode, RtpipeError
from supervisor.commands import adopt, bench, chaos, demo, doctor, produce, resume, setup, status, supervise, verify
from supervisor.commands.dead_letters import group as dead_letters
from supervisor.commands.errors import complain
from supervisor.commands.infra import group as infra
from supervisor.commands.offsets import group as offsets
from supervisor.commands.output_text import accept_every_character
from supervisor.commands.schema import group as schema
from supervisor.commands.system_errors import refusal_of
from supervisor.commands.table import group as table

app = typer.Typer(
    name="rtpipe",
    help="Avro topics into MySQL, exactly once.\n\n"
    "Try it all on this machine:  rtpipe demo\n\n"
    "Run it:  rtpipe supervise --topics dataset1,dataset2,dataset3",
    epilog="Addresses come from RTPIPE_BOOTSTRAP_SERVERS, RTPIPE_SCHEMA_REGISTRY_URL and RTPIPE_DATABASE_URL or"
    " rtpipe.toml; with none given, from the embedded stack that is running.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (setup, doctor, supervise, status, produce, verify, adopt, resume, bench, chaos, demo):
    command.add_to(app)
app.add_typer(infra.app, name="infra")
app.add_typer(schema.app, name="schema")
app.add_typer(table.app, name="table")
app.add_typer(offsets.app, name="offsets")
app.add_typer(dead_letters.app, name="dead-letters")


def _print_version(wanted: bool) -> None:
    if wanted:
        import ssl

        import confluent_kafka

        print(f"rtpipe {metadata.version('rtpipe')}")
        print(
            f"librdkafka {confluent_kafka.libversion()[0]}, {ssl.OPENSSL_VERSION}, Python {platform.python_version()}"
        )
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """The console script."""
    accept_every_character()
    try:
        try:
            app(prog_name="rtpipe")
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # here and not when Python ends, where no error could be reported any more
    except RtpipeError as exc:
        complain(exc)
        sys.exit(exc.exit_code)
    except KeyboardInterrupt:
        sys.exit(ExitCode.FORCED)
    except BrokenPipeError:  # `rtpipe status | head`: whoever read has read enough
        _drop_output()
        sys.exit(ExitCode.DONE)
    except Exception as exc:
        if os.environ.get("RTPIPE_DEBUG"):
            raise
        error = refusal_of(exc) or _bug(exc)
        try:
            sys.stdout.flush()
        except OSError:
            _drop_output()
        complain(error)
        sys.exit(error.exit_code)


def _bug(exc: Exception) -> RtpipeError:
    hint = "this is a bug of rtpipe; RTPIPE_DEBUG=1 shows where it happened"
    return RtpipeError(f"{type(exc).__name__}: {exc}", hint=hint)


def _drop_output() -> None:
    """Nobody takes what is left in stdout's buffer."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
