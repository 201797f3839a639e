"""Kafka: its address, and the block `kafka`, which goes to librdkafka.

Allowed is every property that librdkafka knows, but for those that have a setting of their own, and those that exactly
once rests on (`rtpipe.kafka.properties`).
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, field_validator

from rtpipe.kafka.properties import problem_of
from rtpipe.kafka.tokens import system_authorities
from supervisor.settings.fields.property_blocks import as_texts, refuse

_ADDRESS = re.compile(r"\[?[^\s/]+\]?:\d+")

#: Properties of librdkafka by name.
KafkaProperties = Annotated[dict[str, str], BeforeValidator(as_texts), AfterValidator(refuse(problem_of))]


class KafkaSettings(BaseModel):
    """Where Kafka is, and how to speak to it."""

    bootstrap_servers: str = Field("", description="host:port of some brokers, separated by commas")
    kafka: KafkaProperties = Field(default_factory=dict, repr=False, description="more properties: TLS, SASL")

    @field_validator("bootstrap_servers")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        for address in filter(None, value.split(",")):
            if "://" in address or not _ADDRESS.fullmatch(address.strip()):
                raise ValueError(f"takes host:port, separated by commas, not {address!r}")
        return value

    def librdkafka(self) -> dict[str, str]:
        """Properties for every Kafka client."""
        return {**system_authorities(self.kafka), **self.kafka, "bootstrap.servers": self.bootstrap_servers}
