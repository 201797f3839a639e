"""`rtpipe infra up`."""

from __future__ import annotations

from typing import Annotated

import typer

from supervisor.commands.infra.options import Directory, stack_directory


def up(
    brokers: Annotated[int | None, typer.Option(help="Kafka brokers; a new stack has 1.", min=1, max=9)] = None,
    directory: Directory = None,
    kafka_port: Annotated[
        int | None, typer.Option(help="Port of the first broker; default: a free one.", min=1, max=65_535)
    ] = None,
    registry_port: Annotated[
        int | None, typer.Option(help="Port of the registry; default: a free one.", min=1, max=65_535)
    ] = None,
    database_port: Annotated[
        int | None, typer.Option(help="Port of MariaDB; default: a free one.", min=1, max=65_535)
    ] = None,
    secure: Annotated[
        bool, typer.Option("--secure", help="A new stack with TLS, client certificates and passwords on every link.")
    ] = False,
) -> None:
    """Start a real Kafka, schema registry and MariaDB on this machine. Needs only Python.

    The first time downloads about 350 MB. A second run changes nothing; after a crash it starts what is
    missing. The other commands find the stack. Use it for trials and tests: it listens on this machine only.

    Examples:
      rtpipe infra up
      rtpipe infra up --brokers 3 --dir /var/tmp/three
      rtpipe infra up --secure --dir /var/tmp/secure

    """
    from infra.stack.embedded_stack import up as start
    from infra.stack.layout import StackOptions
    from infra.stack.state import default_directory

    start(stack_directory(directory), StackOptions(brokers, kafka_port, registry_port, database_port, secure=secure))
    if directory is not None and directory != default_directory():
        typer.echo(f"for other commands:  export RTPIPE_STACK_DIR={directory.absolute()}", err=True)
