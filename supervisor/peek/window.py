"""Which messages are looked at: the newest ones, or those from an offset on."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from confluent_kafka import Message

from rtpipe.errors import SettingsError
from supervisor.kafka.topic_reader import MessagesGoneError, TopicReader
from workers.contract.partition_spec import PartitionKey

#: {partition: (first offset, end of the log)}
Ends = Mapping[int, tuple[int, int]]
#: How many times as far back it is looked where too few offsets had messages: others were compacted, or are markers.
_FARTHER = 8


def newest(reader: TopicReader, topic: str, ends: Ends, count: int) -> list[Message]:
    """The last `count` messages of these partitions, by their time, the oldest first."""
    kept = [message for partition in ends for message in _last(reader, topic, partition, ends[partition], count)]
    kept.sort(key=lambda one: (one.timestamp()[1], one.partition() or 0, one.offset() or 0))
    return kept[-count:] if count else []


def _last(reader: TopicReader, topic: str, partition: int, log: tuple[int, int], count: int) -> deque[Message]:
    low, high = log
    back, found = count, deque[Message](maxlen=count)
    while count:
        first = max(low, high - back)
        found.clear()
        for batch in reader.whole_messages(topic, {partition: (first, high)}):
            found.extend(batch)
        if first == low or len(found) == count:
            break
        back *= _FARTHER
    return found


def from_offset(reader: TopicReader, key: PartitionKey, log: tuple[int, int], offset: int, count: int) -> list[Message]:
    """At most `count` messages from an offset on, which has to be in the log. MessagesGoneError, SettingsError."""
    low, high = log
    if offset < low:
        first = f"--offset {low} is the first that is left" if low < high else "the log is empty"
        raise MessagesGoneError(
            f"{key} offset {offset} is gone: the log begins at offset {low} (Kafka has deleted what was before)",
            hint=first,
        )
    if offset >= high:
        raise SettingsError(
            f"{key} has no offset {offset} yet: the log ends before offset {high}",
            hint="without --offset you see the newest messages; with -f those that come",
        )
    found: list[Message] = []
    for batch in reader.whole_messages(key.topic, {key.partition: (offset, high)}):
        found += batch
        if len(found) >= count:
            break
    return found[:count]
