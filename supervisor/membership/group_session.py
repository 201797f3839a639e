"""What the brokers do for the group, with the newer protocol: asked, and told where it is not as wanted.

How long they wait for a silent member is what people set. The rest decides how soon after that the others hear of it:
they learn what they are given by the answer to a heartbeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, but not marked so
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from rtpipe.errors import RtpipeError
from rtpipe.kafka import error_codes
from supervisor.kafka.admin_link import AdminLink
from supervisor.membership.member_words import MemberStart

_TIMEOUT = 5.0
_SESSION = "consumer.session.timeout.ms"
#: Heartbeats that a session has room for, and the bounds of the time between two of them, in milliseconds.
_HEARTBEATS, _SHORTEST, _LONGEST = 9, 500, 1_000


def heartbeat_ms(session_seconds: int) -> int:
    """Between two signs of life of a member, in either protocol."""
    return max(_SHORTEST, min(_LONGEST, session_seconds * 1000 // _HEARTBEATS))


def brokers_session(start: MemberStart) -> tuple[float, str]:
    """Seconds of a session of the group, made `session_seconds` if they are not; why they are others, "" if they are
    as wanted. If nobody says how many they are, `session_seconds` count.
    """
    link = AdminLink(start.kafka, _TIMEOUT, start.kafka_file)
    resource = ConfigResource(ResourceType.GROUP, start.group)
    try:
        found = link.answer(link.client.describe_configs([resource], request_timeout=_TIMEOUT)[resource])
        seconds = int(found[_SESSION].value) / 1000
    except (RtpipeError, KeyError, ValueError) as exc:
        why = exc.message if isinstance(exc, RtpipeError) else "the brokers do not say it"
        return float(start.session_seconds), f"the session timeout of the group {start.group} is not known ({why})"
    refused = {name: _set(link, start.group, name, value) for name, value in _changes(start, found).items()}
    if why := refused.get(_SESSION, ""):
        wanted = f"session_seconds = {start.session_seconds}"
        return seconds, f"the session timeout of the group {start.group} stays {seconds:g} s, and not {wanted}: {why}"
    return float(start.session_seconds), ""


def _changes(start: MemberStart, found: Mapping[str, Any]) -> dict[str, str]:
    """What these brokers know, and have otherwise. By themselves they work out an assignment beside the heartbeat that
    needs it, so that the next one brings it, and do so once a second at most: made for groups of many members.
    """
    wanted = {
        "consumer.heartbeat.interval.ms": str(heartbeat_ms(start.session_seconds)),
        _SESSION: str(start.session_seconds * 1000),
        "consumer.assignor.offload.enable": "false",
        "consumer.assignment.interval.ms": "0",
    }
    return {name: value for name, value in wanted.items() if name in found and found[name].value != value}


def _set(link: AdminLink, group: str, name: str, value: str) -> str:
    """Why not; "" if it is so now. Each on its own: one that is refused is no reason to be without the others."""
    resource = ConfigResource(ResourceType.GROUP, group)
    resource.add_incremental_config(ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET))
    try:
        link.result(link.client.incremental_alter_configs([resource], request_timeout=_TIMEOUT)[resource])
    except RtpipeError as exc:
        return exc.message
    except KafkaException as exc:
        return error_codes.error_of(exc).str()
    return ""
