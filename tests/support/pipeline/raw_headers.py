"""Messages whose headers have names that are no UTF-8: the Python client sends none, librdkafka itself does."""

from __future__ import annotations

import ctypes
from pathlib import Path

import confluent_kafka

_TOPIC, _PARTITION, _VALUE, _FLAGS, _HEADERS, _END = 1, 3, 4, 7, 10, 0  # librdkafka's words for what follows
_COPY = 2


def send_with_header(bootstrap_servers: str, topic: str, value: bytes, name: bytes) -> None:
    """One message to partition 0, with one header of this name."""
    [library] = (Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs").glob("librdkafka-*")
    kafka = ctypes.CDLL(str(library))
    for function in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
        getattr(kafka, function).restype = ctypes.c_void_p
    error = ctypes.create_string_buffer(512)
    settings = ctypes.c_void_p(kafka.rd_kafka_conf_new())
    kafka.rd_kafka_conf_set(settings, b"bootstrap.servers", bootstrap_servers.encode(), error, 512)
    producer = ctypes.c_void_p(kafka.rd_kafka_new(0, settings, error, 512))
    headers = ctypes.c_void_p(kafka.rd_kafka_headers_new(1))
    kafka.rd_kafka_header_add(headers, name, ctypes.c_ssize_t(len(name)), b"v", ctypes.c_ssize_t(1))
    content = (_VALUE, ctypes.c_char_p(value), ctypes.c_size_t(len(value)), _HEADERS, headers, _END)
    where = (_TOPIC, ctypes.c_char_p(topic.encode()), _PARTITION, ctypes.c_int32(0), _FLAGS, ctypes.c_int(_COPY))
    assert kafka.rd_kafka_producev(producer, *where, *content) == 0
    assert kafka.rd_kafka_flush(producer, 30_000) == 0
    kafka.rd_kafka_destroy(producer)
