"""The group `rtpipe table`."""

from __future__ import annotations

from supervisor.commands.parts.lazy_commands import group_app
from supervisor.commands.table import apply, plan

app = group_app("table", plan.plan, apply.apply)
