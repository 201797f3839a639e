"""What `rtpipe peek` does: reads messages by a consumer of its own, decodes them, and finds their rows."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Self

from confluent_kafka import Message

from rtpipe.errors import RtpipeError, SettingsError
from supervisor import partition_plan
from supervisor.dead_letters.message_text import reader_for
from supervisor.kafka.cluster_view import ClusterView
from supervisor.kafka.topic_reader import TopicReader
from supervisor.peek.message_keys import MessageKeys
from supervisor.peek.peeked import Beside, Peeked, RowState, peeked
from supervisor.peek.row_finder import RowFinder
from supervisor.peek.window import Ends, from_offset, newest
from supervisor.settings.settings import Settings
from workers.contract.partition_spec import PartitionKey, PartitionSpec

#: Seconds for Kafka's first answer.
_SECONDS = 8.0
#: What is shown of a message: itself, and what the database has of it.
Shown = tuple[Peeked, Beside]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeekOrder:
    """What is to be shown. `partition` None: all of the topic's; `offset` None: the newest messages."""

    topic: str
    partition: int | None
    offset: int | None
    count: int


class Peek(AbstractContextManager["Peek"]):
    """Nothing is committed, in Kafka nor in the database. Raises as TopicReader does, and `window`."""

    def __init__(self, settings: Settings, order: PeekOrder) -> None:
        """Without a database address no rows are looked for."""
        self._order = order
        self._kafka = TopicReader(
            settings.librdkafka(), timeout=_SECONDS, name="peek", file=settings.secret_file("kafka")
        )
        self._ends = self._chosen(self._kafka.watermarks(order.topic, order.partition))
        self._reader = reader_for(settings)
        self._specs = self._specs_of(settings)
        there = bool(settings.database_url.get_secret_value())
        self._rows = RowFinder(settings.database_seconds, MessageKeys(settings)) if there else None
        self._next = {partition: end for partition, (_, end) in self._ends.items()}  # where `follow` begins
        self.trouble: RtpipeError | None = None  #: why the database said nothing

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kafka.__exit__()

    def messages(self) -> list[Shown]:
        """Those that are there."""
        order = self._order
        if order.offset is None:
            return self._shown(newest(self._kafka, order.topic, self._ends, order.count))
        [(partition, log)] = self._ends.items()
        key = PartitionKey(order.topic, partition)
        found = from_offset(self._kafka, key, log, order.offset, order.count)
        if found:
            self._next[partition] = int(found[-1].offset() or 0) + 1
        return self._shown(found)

    def follow(self) -> Iterator[list[Shown]]:
        """Those that come after them, without an end."""
        for batch in self._kafka.follow(self._order.topic, self._next):
            yield self._shown(batch)

    def _chosen(self, ends: Ends) -> Ends:
        topic, partition = self._order.topic, self._order.partition
        if partition is not None:
            if partition not in ends:
                raise SettingsError(f"topic {topic} has no partition {partition}", hint="partitions count from 0 on")
            return ends
        if self._order.offset is not None and len(ends) > 1:
            raise SettingsError(
                f"--offset needs a partition: topic {topic} has {len(ends)}", hint=f"for example: rtpipe peek {topic}/0"
            )
        return ends

    def _specs_of(self, settings: Settings) -> dict[int, PartitionSpec]:
        topic = self._order.topic
        [facts] = ClusterView(settings.librdkafka()).topics([topic])
        return {
            key.partition: partition_plan.spec_of(
                settings, key, topic_id=facts.topic_id, cluster_id="", first_offset=self._ends[key.partition][0]
            )
            for key in facts.partitions
            if key.partition in self._ends
        }

    def _shown(self, messages: Sequence[Message]) -> list[Shown]:
        read = [peeked(message, self._reader) for message in messages]
        found: dict[tuple[int, int], Beside] = {}
        by_partition = sorted(read, key=lambda one: (one.key.partition, one.offset))
        for partition, some in itertools.groupby(by_partition, lambda one: one.key.partition):
            ours = list(some)
            besides = self._beside(partition, ours)
            found |= {(partition, one.offset): beside for one, beside in zip(ours, besides, strict=True)}
        return [(one, found[one.key.partition, one.offset]) for one in read]

    def _beside(self, partition: int, messages: Sequence[Peeked]) -> list[Beside]:
        if self._rows is None:
            return [Beside(RowState.UNKNOWN, "no database is set")] * len(messages)
        try:
            return self._rows.beside(self._specs[partition], messages)
        except RtpipeError as error:
            self.trouble = error
            return [Beside(RowState.UNKNOWN, error.message)] * len(messages)
