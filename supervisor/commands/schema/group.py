"""The group `rtpipe schema`."""

from __future__ import annotations

from supervisor.commands.parts.lazy_commands import group_app
from supervisor.commands.schema import check, convert

app = group_app("schema", convert.convert, check.check)
