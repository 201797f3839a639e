"""`rtpipe`: every command in one tree; parses, calls, and turns errors into one clear line and an exit code.

Commands are loaded when they are called, and heavy modules inside them, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from rtpipe.errors import ExitCode, RtpipeError
from supervisor.commands.parts.errors import complain
from supervisor.commands.parts.lazy_commands import RootGroup
from supervisor.commands.parts.output_text import accept_every_character

app = typer.Typer(
    name="rtpipe",
    cls=RootGroup,
    help="Avro topics into MySQL, exactly once.\n\n"
    "Try it all on this machine:  rtpipe demo\n\n"
    "Run it:  rtpipe supervise --topics dataset1,dataset2,dataset3",
    epilog="Addresses come from RTPIPE_BOOTSTRAP_SERVERS, RTPIPE_SCHEMA_REGISTRY_URL and RTPIPE_DATABASE_URL or"
    " rtpipe.toml; with none given, from the embedded stack that is running.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: it is there in half the time, and cuts no option short
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        import platform
        import ssl
        from importlib import metadata

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
        from supervisor.commands.parts.system_errors import refusal_of

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
