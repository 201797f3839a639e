"""librdkafka's client that reads one partition: how it is made, and made anew for other certificates."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from confluent_kafka import Consumer, TopicPartition

from rtpipe.errors import SettingsError
from rtpipe.kafka.clients import checked_properties
from rtpipe.kafka.properties import EXACT_READER, WORKER_READER
from rtpipe.kafka.renewal import KafkaRenewal, read_on
from rtpipe.log import get_logger
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Position
from workers.intake.kafka_log import KafkaLog

log = get_logger("consumer")


class PartitionClient:
    """Assigned from a position on: no group, no rebalance, no wait."""

    def __init__(self, spec: PartitionSpec, position: Position) -> None:
        self._key = spec.key
        wanted = {"debug", "log_level"} & spec.kafka.keys()
        self._log = KafkaLog(spec.key, logging.DEBUG if wanted else logging.WARNING)
        debug = ",".join(filter(None, [spec.kafka.get("debug"), "topic"]))
        self._own = {**EXACT_READER, "group.id": spec.group, "debug": debug}
        self._renewal = KafkaRenewal(spec.kafka, spec.kafka_file)
        self._consumer = self._made(self._renewal.properties)
        self._start = TopicPartition(spec.key.topic, spec.key.partition, position.offset)
        if position.leader_epoch >= 0:
            epoch = position.leader_epoch
            self._start = TopicPartition(spec.key.topic, spec.key.partition, position.offset, leader_epoch=epoch)
        self._consumer.assign([self._start])

    @property
    def topic_id(self) -> str | None:
        """The topic's id as the broker tells it; None until it has."""
        return self._log.topic_id

    def current(self) -> Consumer:
        """The client; another one, which reads on where that was, once the files of its properties have changed."""
        renewed = self._renewal.wanted(self._consumer)
        if renewed is not None:
            self._renew(renewed)
        return self._consumer

    def close(self) -> None:
        """Leave; nothing is committed to Kafka."""
        self._consumer.close()

    def _made(self, kafka: Mapping[str, str]) -> Consumer:
        with checked_properties():
            return Consumer({**WORKER_READER, **kafka, **self._own}, logger=self._log)

    def _renew(self, kafka: dict[str, str]) -> None:
        extra = {"partition": str(self._key)}
        try:
            client = self._made(kafka)
        except SettingsError as exc:  # a new certificate whose key is not there yet
            text = "%s: the new files of Kafka's properties cannot be used yet: %s"
            log.debug(text, self._key, exc.message, extra=extra | {"event": "kafka_not_renewed"})
            return
        read_on(self._consumer, client, [self._start])
        self._consumer = client
        self._renewal.taken(kafka)
        text = "%s: reads by a new client of Kafka, since files of its properties have changed"
        log.info(text, self._key, extra=extra | {"event": "kafka_renewed"})
