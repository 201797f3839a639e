"""What is sent to the topics of a pipeline."""

from __future__ import annotations

import contextlib
import io
import threading
from typing import TYPE_CHECKING

import fastavro
from confluent_kafka import Producer

from tests.support.pipeline.parts.topics_and_tables import TopicsAndTables, schema_named
from tests.support.pipeline.producers import ordered_producer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Traffic(TopicsAndTables):
    """Messages with a number for each key, and messages of any bytes."""

    def body(self, topic: str, key: str, seq: int, payload: str) -> bytes:
        """One message in the registry's wire format."""
        out = io.BytesIO()
        out.write(b"\0" + self._schema_ids[topic].to_bytes(4, "big"))
        schema = fastavro.parse_schema(schema_named(topic))
        fastavro.schemaless_writer(out, schema, {"key": key, "seq": seq, "payload": payload})
        return out.getvalue()

    def produce(self, count: int, *, keys: int = 50, payload: str = "x", producer: Producer | None = None) -> None:
        """`count` messages to each topic, each key's with a sequence of its own."""
        failed: list[str] = []
        producer = producer or ordered_producer(self.addresses.bootstrap_servers, {"linger.ms": 5})
        for topic in self.topics:
            for index in range(count):
                key = f"key-{index % keys}"
                self._sequence[f"{topic} {key}"] += 1
                value = self.body(topic, key, self._sequence[f"{topic} {key}"], payload)
                while True:
                    try:
                        producer.produce(
                            topic, value, key, on_delivery=lambda error, _: failed.append(str(error)) if error else None
                        )
                        break
                    except BufferError:
                        producer.poll(0.1)
                if index % 1_000 == 0:
                    producer.poll(0)
        assert producer.flush(60) == 0
        assert not failed, failed[:3]

    def send(self, topic: str, value: bytes | None, *, key: str = "raw", partition: int = 0) -> None:
        """One message with these very bytes."""
        producer = ordered_producer(self.addresses.bootstrap_servers)
        producer.produce(topic, value, key, partition=partition)
        assert producer.flush(30) == 0

    @contextlib.contextmanager
    def stream(self, rate: int = 2_000) -> Iterator[None]:
        """A producer that goes on in the background, about `rate` messages a second to each topic."""
        stop = threading.Event()
        patience = {"socket.timeout.ms": 5_000, "request.timeout.ms": 4_000}  # with a frozen broker
        producer = ordered_producer(self.addresses.bootstrap_servers, {"linger.ms": 5} | patience)

        def flow() -> None:
            while not stop.wait(0.05):
                self.produce(rate // 20, producer=producer)

        thread = threading.Thread(target=flow)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
