"""Making a client of Kafka: properties that librdkafka does not take are wrong settings, and no bug."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from confluent_kafka import KafkaException

from rtpipe.errors import SettingsError
from rtpipe.kafka.error_codes import error_of


@contextlib.contextmanager
def checked_properties() -> Iterator[None]:
    """Around the making of a client: SettingsError for an unknown property, or a value that it cannot have."""
    try:
        yield
    except (KafkaException, TypeError, ValueError) as exc:
        why = error_of(exc).str() if isinstance(exc, KafkaException) else str(exc)
        raise SettingsError(f"Kafka settings: {why}", hint="see librdkafka's CONFIGURATION.md") from exc
