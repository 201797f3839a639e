"""The group `rtpipe dead-letters`."""

from __future__ import annotations

from supervisor.commands.dead_letters import drop, export, retry, show
from supervisor.commands.dead_letters.list import list_dead_letters
from supervisor.commands.parts.lazy_commands import group_app

app = group_app("dead-letters", list_dead_letters, show.show, retry.retry, export.export, drop.drop)
