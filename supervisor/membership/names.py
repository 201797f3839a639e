"""The names of group and member, where nobody chose others."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Collection

from rtpipe.errors import SettingsError
from supervisor.settings.settings import Settings

_ILLEGAL = re.compile(r"[^a-zA-Z0-9._-]")
_DIGITS = 8


def group_name(settings: Settings, database: str, offset_groups: Collection[str]) -> str:
    """The group of the whole pipeline. `database`: host, port and name; two pipelines into it whose topics differ may
    share a group, since each member is given partitions of its own topics only.

    Raises SettingsError if a topic's offsets are mirrored to a group of that name, which must have no members.
    """
    digest = hashlib.sha256(database.encode()).hexdigest()[:_DIGITS]
    chosen = settings.membership_group or _ILLEGAL.sub("-", f"rtpipe-{database.rpartition('/')[2]}-{digest}")
    if chosen in offset_groups:
        raise SettingsError(
            f"membership_group is {chosen}, which is also the `group` of a topic",
            hint="choose another name: the offsets of a topic are mirrored to a group without members",
        )
    return chosen


def instance_id(settings: Settings) -> str:
    """By which the group knows this host again after a restart."""
    return settings.instance_id or _ILLEGAL.sub("-", socket.gethostname())
