"""Settings of a topic in Kafka and how far it was read, judged; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from avro_schemas.tables.rules import TableRules
from supervisor.admin.offset_work import KnownOffset
from supervisor.doctor.finding import Finding, failure, fine, warning

#: A stored offset in this part of the log, from its beginning, is soon overtaken by retention.
_NEAR = 0.1
_HOUR = 3_600_000  #: milliseconds


def judged(topic: str, values: Mapping[str, str], copies: int, rules: TableRules) -> list[Finding]:
    """`values` are the topic's settings by Kafka's names."""
    policy = values.get("cleanup.policy", "delete")
    findings = [_copies(topic, values, copies)]
    if "compact" not in policy:
        return [*findings, fine(f"{topic} cleanup.policy", policy)]
    if rules.mode == "insert":
        findings.append(
            warning(
                f"{topic} cleanup.policy",
                policy,
                "Kafka deletes the older messages of a key: what is not read before gives no row, and reading the topic"
                " again gives fewer rows",
                'a row for each key: mode = "upsert" and `key` in rtpipe.toml; or keep all: cleanup.policy=delete',
            )
        )
    if rules.tombstones == "dead_letter":
        findings.append(
            warning(
                f"{topic} tombstones",
                'a compacted topic has tombstones, and tombstones = "dead_letter"',
                "each message without a value becomes a dead letter",
                'tombstones = "ignore", or with mode = "upsert" "delete" or "soft_delete", in rtpipe.toml',
            )
        )
    return findings if len(findings) > 1 else [*findings, fine(f"{topic} cleanup.policy", policy)]


def _copies(topic: str, values: Mapping[str, str], copies: int) -> Finding:
    name, least = f"{topic} replication", int(values.get("min.insync.replicas", "1"))
    found = f"{copies} {'copy' if copies == 1 else 'copies'}, min.insync.replicas {least}"
    if copies == 1:
        return warning(
            name,
            found,
            "if the broker's disk is lost, so are messages that were not read yet",
            "more copies: kafka-reassign-partitions.sh",
        )
    if least >= copies:
        return warning(
            name,
            found,
            "while one broker is away nobody can send to the topic",
            f"kafka-configs.sh --alter --entity-type topics --entity-name {topic}"
            f" --add-config min.insync.replicas={copies - 1}",
        )
    return fine(name, found)


def retention(topic: str, values: Mapping[str, str], stored: Sequence[KnownOffset]) -> Finding:
    """Whether Kafka deleted what was not read yet, or may soon. `stored`: the topic's rows of kafka_offsets."""
    name, kept = f"{topic} retention", _kept(values)
    if gone := [one for one in stored if one.first is not None and one.stored.offset < one.first]:
        keys = ", ".join(str(one.stored.key) for one in gone)
        return failure(
            name,
            f"{kept}; messages were deleted before they were read: {keys}",
            "these partitions halt with E_OFFSET_GONE",
            f"rtpipe offsets set {gone[0].stored.key} {gone[0].first}, and look why rtpipe was behind",
        )
    if near := [str(one.stored.key) for one in stored if _is_near(one)]:
        return warning(
            name,
            f"{kept}; most of the log is not read yet: {', '.join(near)}",
            "Kafka deletes from this log, and unread messages are the next",
            "run rtpipe supervise, or keep more:"
            f" kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config retention.ms=604800000",
        )
    return fine(name, kept)


def _is_near(one: KnownOffset) -> bool:
    """Whether what Kafka deletes next is not read; a log that begins at 0 has lost nothing so far."""
    if not one.first or one.end is None:
        return False
    return one.stored.offset - one.first < _NEAR * (one.end - one.first)


def _kept(values: Mapping[str, str]) -> str:
    time, size = int(values.get("retention.ms", "-1")), int(values.get("retention.bytes", "-1"))
    parts = [f"{time / _HOUR:g} hours"] if time >= 0 else []
    parts += [f"{size:,} bytes a partition"] if size >= 0 else []
    return " or ".join(parts) if parts else "without end"
