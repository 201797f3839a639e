"""Producers whose messages are in the topic once each, in the order in which they were sent."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Producer


def ordered_producer(bootstrap_servers: str, more: dict[str, Any] | None = None) -> Producer:
    """Without idempotence a message that is sent again may be there twice, or behind one that was sent later."""
    return Producer({"bootstrap.servers": bootstrap_servers, "enable.idempotence": True} | (more or {}))
