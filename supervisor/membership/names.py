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


def group_name(settings: Settings) -> str:
    """The group of the whole pipeline. Two pipelines into one database whose topics differ may share it, since each
    member is given partitions of its own topics only.
    """
    place = settings.database_place
    digest = hashlib.sha256(place.encode()).hexdigest()[:_DIGITS]
    return settings.membership_group or _ILLEGAL.sub("-", f"rtpipe-{place.rpartition('/')[2]}-{digest}")


def group_apart_from(settings: Settings, offset_groups: Collection[str]) -> str:
    """The same; SettingsError if a topic's offsets are mirrored to a group of that name, which must have no members."""
    chosen = group_name(settings)
    if chosen in offset_groups:
        raise SettingsError(
            f"membership_group is {chosen}, which is also the `group` of a topic",
            hint="choose another name: the offsets of a topic are mirrored to a group without members",
        )
    return chosen


def instance_id(settings: Settings) -> str:
    """By which the group knows this host again after a restart."""
    return settings.instance_id or _ILLEGAL.sub("-", socket.gethostname())
