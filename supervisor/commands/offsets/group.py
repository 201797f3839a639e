"""The group `rtpipe offsets`."""

from __future__ import annotations

from supervisor.commands.lazy_commands import group_app
from supervisor.commands.offsets.list import list_offsets
from supervisor.commands.offsets.set import set_offset

app = group_app("offsets", list_offsets, set_offset)
