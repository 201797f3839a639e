"""How long Kafka waits for a silent member: with the newer protocol the brokers decide, and may be asked and told."""

from __future__ import annotations

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
_SESSION, _HEARTBEAT = "consumer.session.timeout.ms", "consumer.heartbeat.interval.ms"
#: Heartbeats that a session has room for, and the bounds of the time between two of them, in milliseconds.
_HEARTBEATS, _SHORTEST, _LONGEST = 9, 1_000, 5_000


def brokers_session(start: MemberStart) -> tuple[float, str]:
    """Seconds of a session of the group, made `session_seconds` if they are not; why they are others, "" if they are
    as wanted. If nobody says how many they are, `session_seconds` count.
    """
    wanted = start.session_seconds
    link = AdminLink(start.kafka, _TIMEOUT, start.kafka_file)
    resource = ConfigResource(ResourceType.GROUP, start.group)
    try:
        found = link.answer(link.client.describe_configs([resource], request_timeout=_TIMEOUT)[resource])
        seconds = int(found[_SESSION].value) / 1000
    except (RtpipeError, KeyError, ValueError) as exc:
        why = exc.message if isinstance(exc, RtpipeError) else "the brokers do not say it"
        return float(wanted), f"the session timeout of the group {start.group} is not known ({why})"
    if seconds == wanted:
        return seconds, ""
    heartbeat = max(_SHORTEST, min(_LONGEST, wanted * 1000 // _HEARTBEATS))
    for name, value in (_HEARTBEAT, heartbeat), (_SESSION, wanted * 1000):
        resource.add_incremental_config(ConfigEntry(name, str(value), incremental_operation=AlterConfigOpType.SET))
    try:
        link.result(link.client.incremental_alter_configs([resource], request_timeout=_TIMEOUT)[resource])
    except (RtpipeError, KafkaException) as exc:
        why = exc.message if isinstance(exc, RtpipeError) else error_codes.error_of(exc).str()
        text = f"the session timeout of the group {start.group} stays {seconds:g} s, and not session_seconds = {wanted}"
        return seconds, f"{text}: {why}"
    return float(wanted), ""
