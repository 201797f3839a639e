"""The group `rtpipe offsets`."""

from __future__ import annotations

from supervisor.commands.offsets.journal import journal
from supervisor.commands.offsets.list import list_offsets
from supervisor.commands.offsets.set import set_offset
from supervisor.commands.parts.lazy_commands import group_app

app = group_app("offsets", list_offsets, journal, set_offset)
