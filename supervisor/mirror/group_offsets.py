"""Writes offsets to a consumer group of Kafka, as its own tools do it for a group that nobody is a member of."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition

from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import RtpipeError, UnreachableError
from rtpipe.kafka import error_codes
from supervisor.kafka.admin_link import AdminLink
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionKey

#: Seconds in which the broker that keeps the group must answer.
_TIMEOUT = 5.0


class GroupOffsets:
    """No group is joined and no member is needed: an admin's request for each call. Connected at the first one."""

    def __init__(self, kafka: Mapping[str, str], file: str = "") -> None:
        """`file`: where some of `kafka` came from, to be read again."""
        self._kafka = kafka
        self._file = file

    @cached_property
    def _link(self) -> AdminLink:
        return AdminLink(self._kafka, _TIMEOUT, self._file)

    def write(self, group: str, offsets: Mapping[PartitionKey, int]) -> None:
        """Store these offsets, in one request.

        Raises AccessDeniedError if the account may not, SetupError if other programs are members of the group,
        UnreachableError or LoginRefusedError for what passes, SettingsError.
        """
        wanted = [TopicPartition(key.topic, key.partition, offset) for key, offset in offsets.items()]
        request = ConsumerGroupTopicPartitions(group, wanted)
        futures = self._link.client.alter_consumer_group_offsets([request], request_timeout=_TIMEOUT)
        try:
            written = self._link.result(futures[group])
        except KafkaException as exc:
            raise self._error(error_codes.error_of(exc), group) from exc
        for one in written.topic_partitions:
            if one.error is not None:
                raise self._error(one.error, group)
        self._link.forget_errors()

    def _error(self, error: KafkaError, group: str) -> RtpipeError:
        code = error.code()
        if code in error_codes.UNREACHABLE | error_codes.LOGIN_REFUSED:
            return self._link.no_answer(error.str())
        if code in error_codes.DENIED:
            return AccessDeniedError(
                f"Kafka at {self._link.address}: {error.str()}",
                hint=f"give the account READ on the group: kafka-acls.sh --add --operation Read --group '{group}'"
                " --allow-principal User:…",
            )
        if code in error_codes.GROUP_HAS_MEMBERS:
            return SetupError(
                f"Kafka at {self._link.address}: other programs consume as members of the group",
                hint=f"end them, or give them another group than {group}",
            )
        return UnreachableError(f"Kafka at {self._link.address}: {error.str()}")
