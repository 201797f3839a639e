"""The group `rtpipe config`."""

from __future__ import annotations

from supervisor.commands.config.show import show
from supervisor.commands.parts.lazy_commands import group_app

app = group_app("config", show)
