"""Properties of librdkafka that rtpipe sets itself, and what follows for those that a user gives."""

from __future__ import annotations

from collections.abc import Mapping

#: What exactly once rests on, for everyone who reads a topic. A user's own properties never override it.
EXACT_READER: Mapping[str, str] = {
    "enable.auto.commit": "false",  # offsets are in the database
    "enable.auto.offset.store": "false",
    "auto.offset.reset": "error",  # never skip: an offset that is gone must be heard of
    "isolation.level": "read_committed",
    "check.crcs": "true",
    "allow.auto.create.topics": "false",
    "enable.partition.eof": "true",
}
#: Of a worker that reads its partition; those that a user gives in the `kafka` setting override it.
WORKER_READER: Mapping[str, str | int | bool] = {
    "fetch.queue.backoff.ms": 20,  # the default of a second turns a full buffer into bursts
    # An answer without messages; one with messages comes at once. What else is asked over the connection waits for it:
    # so it is shorter than socket.timeout.ms.
    "fetch.wait.max.ms": 8_000,
    # What waits in each process until it is polled, where a small message takes several times its own bytes.
    # The defaults are 100,000 messages, 64 MB, and 1 MB a fetch.
    "queued.min.messages": 5_000,
    "queued.max.messages.kbytes": 8_192,
    "fetch.message.max.bytes": 262_144,
    "socket.timeout.ms": 10_000,
    "socket.keepalive.enable": True,
    "topic.metadata.refresh.interval.ms": 30_000,
    "reconnect.backoff.max.ms": 2_000,
    "log_level": 3,
}
#: Of a reader that takes a whole topic as fast as it comes.
FAST_READER: Mapping[str, str] = {"fetch.queue.backoff.ms": "10", "queued.max.messages.kbytes": "32768"}
#: Properties that have a setting of their own, and the name of that setting.
_HAVE_A_SETTING = {
    "bootstrap.servers": "bootstrap_servers",
    "metadata.broker.list": "bootstrap_servers",
    "group.id": "`group` in a [[topics]] block",
}


def problem_of(properties: Mapping[str, str]) -> str | None:
    """Why a user may not give these properties, or None. No value is quoted: it may be a password."""
    for name, value in properties.items():
        if name in _HAVE_A_SETTING:
            return f"{name} has a setting of its own: {_HAVE_A_SETTING[name]}"
        if name in EXACT_READER and value.strip().lower() != EXACT_READER[name]:
            return f"{name} must be {EXACT_READER[name]}: exactly once rests on it"
    return None


def one_off_reader(kafka: Mapping[str, str], name: str) -> dict[str, str]:
    """Properties of a consumer that reads some messages and leaves no trace.

    `kafka` are the user's; `name` tells the reader from others in the logs of the brokers.
    """
    return {
        **kafka,
        **EXACT_READER,
        "group.id": f"rtpipe-{name}",  # librdkafka wants one; nothing is ever committed under it
        "log_level": "0",  # the reader says itself what goes wrong
    }
