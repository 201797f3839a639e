"""Where the partitions of topics end: what `rtpipe produce` tells as their last offsets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # public, but not marked so

from rtpipe.secret_files import current_properties

Ends = dict[str, dict[int, int]]  #: topic -> partition -> offset that the next message gets


class TopicEnds:
    """Asks the brokers; `kafka` are librdkafka's properties, some from `file`; an answer may take `seconds`."""

    def __init__(self, kafka: Mapping[str, str], file: str, topics: Iterable[str], seconds: float) -> None:
        self._kafka, self._file = dict(kafka), file
        self._topics = tuple(topics)
        self._seconds = seconds

    def read(self) -> Ends:
        """The end of each partition; one of which no broker tells it is left out."""
        ends: Ends = {topic: {} for topic in self._topics}
        admin = AdminClient({**current_properties(self._kafka, self._file), "log_level": "0"})
        try:
            known = admin.list_topics(timeout=self._seconds).topics
        except KafkaException:
            return ends
        places = [TopicPartition(name, partition) for name in self._topics for partition in known[name].partitions]
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        futures = admin.list_offsets(dict.fromkeys(places, latest), request_timeout=self._seconds)
        for place, future in futures.items():
            try:
                ends[place.topic][place.partition] = future.result(self._seconds + 1.0).offset
            except (KafkaException, TimeoutError):
                continue
        return ends


def last_offsets(before: Ends, after: Ends) -> Ends:
    """The last offset of each partition that has grown."""
    return {
        topic: {
            partition: end - 1
            for partition, end in ends.items()
            if partition in before[topic] and end > before[topic][partition]
        }
        for topic, ends in after.items()
    }
