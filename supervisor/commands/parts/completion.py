"""What a shell completes: the topics and partitions of the supervisors that run here, or nothing, and at once."""

from __future__ import annotations

import contextlib

#: Seconds for the answer of one supervisor: somebody waits at a prompt.
_PATIENCE = 0.1


def complete_topics(incomplete: str) -> list[str]:
    """`orders`, and after a comma the topics that are not named yet."""
    before, comma, word = incomplete.rpartition(",")
    named = set(before.split(","))
    topics = sorted({topic for topic, _ in _partitions()} - named)
    return [f"{before}{comma}{topic}" for topic in topics if topic.startswith(word)]


def complete_partitions(incomplete: str) -> list[str]:
    """`orders/0`."""
    found = sorted(_partitions())
    return [name for name in (f"{topic}/{partition}" for topic, partition in found) if name.startswith(incomplete)]


def complete_topics_and_partitions(incomplete: str) -> list[str]:
    """`orders` and, once there is a slash, its partitions."""
    return complete_partitions(incomplete) if "/" in incomplete else complete_topics(incomplete)


def complete_listed_partitions(incomplete: str) -> list[str]:
    """`orders` or `orders/0`, and more after a comma."""
    before, comma, word = incomplete.rpartition(",")
    if "/" not in word:
        return complete_topics(incomplete)
    return [f"{before}{comma}{name}" for name in complete_partitions(word)]


def _partitions() -> set[tuple[str, int]]:
    """Topic and number of each partition. Whatever is wrong, a prompt is no place to say so."""
    from supervisor.control.control_socket import ask, runtime_directory, sockets_in
    from supervisor.settings.runtime_dir import runtime_dir_alone

    found = set[tuple[str, int]]()
    with contextlib.suppress(Exception):
        directory = runtime_directory(runtime_dir_alone())
        for socket in sockets_in(directory):
            reply = ask(socket, "status", patience=_PATIENCE, processes=False) or {}
            found |= {(str(one["topic"]), int(one["partition"])) for one in reply.get("partitions", [])}
    return found
