"""What a member of a group in Kafka is told first."""

from __future__ import annotations

from supervisor.membership.member_words import MemberStart

START = MemberStart(
    kafka={"bootstrap.servers": "k:1", "session.timeout.ms": "9", "sasl.username": "me"},
    kafka_file="",
    group="members",
    instance_id="host-1",
    topics=["orders"],
    session_seconds=12,
    give_up_seconds=20.0,
    protocol="auto",
    log_format="json",
    log_level="INFO",
)
