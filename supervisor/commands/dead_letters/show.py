"""`rtpipe dead-letters show`."""

from __future__ import annotations

from typing import Annotated

import typer

from rtpipe.errors import SettingsError
from supervisor.commands.dead_letters.options import reading_admin
from supervisor.commands.parts.options import Json, Partition
from supervisor.commands.parts.output_text import print_json


def show(
    where: Partition,
    offset: Annotated[int, typer.Argument(metavar="OFFSET", help="The message's offset.", min=0)],
    as_hex: Annotated[bool, typer.Option("--hex", help="All bytes as hexadecimal digits.")] = False,
    as_json: Json = False,
) -> None:
    """Show one dead letter: its error, what to do about it, key, headers and value, decoded if possible.

    Examples:
      rtpipe dead-letters show orders/0 1234
      rtpipe dead-letters show orders/0 1234 --json

    """
    from supervisor.dead_letters import view
    from supervisor.dead_letters.message_text import reader_for
    from supervisor.settings.option_values import partition_key
    from supervisor.settings.settings import load

    key, admin = partition_key(where), reading_admin()
    dead_letters = admin.at(key, offset)
    if not dead_letters:
        raise SettingsError(f"there is no dead letter of {where} offset {offset}", hint="rtpipe dead-letters list")
    reader = reader_for(load())
    if as_json:
        print_json({"dead_letters": [view.all_of(dead_letter, reader) for dead_letter in dead_letters]})
        return
    for dead_letter in dead_letters:
        view.print_dead_letter(dead_letter, reader, whole=as_hex)
