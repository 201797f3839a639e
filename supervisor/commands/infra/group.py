"""The group `rtpipe infra`."""

from __future__ import annotations

from supervisor.commands.infra import create, down, status, up
from supervisor.commands.parts.lazy_commands import group_app

app = group_app("infra", up.up, down.down, status.status, create.create)
