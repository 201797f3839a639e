"""Columns as settings shape them: other types and names, flattened records; their values, and that verify agrees."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.pipeline.dead_letters import dead_letters_of
from tests.support.pipeline.supervision import supervised
from tests.support.pipeline.typed_topic import create_typed, typed_pipeline, wire

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses

POINT = {"type": "record", "name": "Point", "fields": [{"name": "x", "type": "int"}, {"name": "y", "type": "string"}]}
LOGICAL = {
    "uid": {"type": "fixed", "name": "u", "size": 16, "logicalType": "uuid"},
    "at": {"type": "long", "logicalType": "timestamp-millis"},
    "ns": {"type": "long", "logicalType": "timestamp-nanos"},
    "amount": {"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 2},
}
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "shaped",
    "fields": [
        {"name": "word", "type": "string"},
        {"name": "kind", "type": "string"},
        {"name": "big", "type": "long"},
        {"name": "ratio", "type": ["null", "double"]},
        {"name": "secret", "type": "string"},
        {"name": "place", "type": ["null", POINT]},
        *({"name": name, "type": kind} for name, kind in LOGICAL.items()),
    ],
}
SETTINGS: dict[str, Any] = {
    "on_error": "dead_letter",
    "exclude": ["secret"],
    "rename": {"word": "term"},
    "columns": {
        "word": {"mysql": "VARCHAR(5)"},
        "kind": {"mysql": "ENUM('a','it''s')"},
        "big": {"mysql": "DECIMAL(20)"},
        "uid": {"mysql": "CHAR(36)"},
        "at": {"mysql": "BIGINT"},
        "amount": {"mysql": "DECIMAL(20,4)"},
    },
    "flatten": 1,
    "nanos": "datetime6",
    "nonfinite": "null",
}
ID = uuid.UUID("01234567-89ab-cdef-0123-456789abcdef")


def test_columns_as_the_settings_say(database: Addresses, tmp_path: Path) -> None:
    good: dict[str, Any] = {
        "word": "é'\\ü",
        "kind": "it's",
        "big": -(1 << 63),
        "ratio": math.nan,
        "secret": "canary",
        "place": {"x": 7, "y": "seven"},
        "uid": ID.bytes,
        "at": 1_700_000_000_123,
        "ns": 1_700_000_000_123_456_789,
        "amount": (-12_345).to_bytes(2, "big", signed=True),
    }
    plain = {"type": "record", "name": "shaped", "fields": []}
    plain["fields"] = [
        field | {"type": {"uid": {"type": "fixed", "name": "u", "size": 16}, "at": "long", "ns": "long"}[field["name"]]}
        if field["name"] in {"uid", "at", "ns"}
        else field | {"type": "bytes"}
        if field["name"] == "amount"
        else field
        for field in SCHEMA["fields"]
    ]
    with typed_pipeline(database, tmp_path, partitions=1, **SETTINGS) as pipeline:
        topic = pipeline.topics[0]
        schema_id = create_typed(pipeline, SCHEMA)
        pipeline.send(topic, wire(schema_id, plain, good))
        pipeline.send(topic, wire(schema_id, plain, good | {"word": "abc   "}))  # MySQL would cut the spaces
        pipeline.send(topic, wire(schema_id, plain, good | {"kind": "2"}))  # MySQL would take the second member
        pipeline.send(topic, wire(schema_id, plain, good | {"word": "z", "ratio": 0.1, "place": None}))
        assert supervised(pipeline) == 0
        names = "term, kind, big, ratio, place__x, place__y, uid, at, ns, amount"
        rows = pipeline.query(f"SELECT {names} FROM `{topic}` ORDER BY _kafka_offset")
        nanos = dt.datetime(2023, 11, 14, 22, 13, 20, 123_456)  # noqa: DTZ001 - DATETIME has no zone
        rest = (str(ID), 1_700_000_000_123, nanos, Decimal("-123.4500"))
        big = Decimal(-(1 << 63))
        assert rows == [
            ("é'\\ü", "it's", big, None, 7, "seven", *rest),
            ("z", "it's", big, 0.1, None, None, *rest),
        ]
        found = dead_letters_of(pipeline, topic)
        assert {at: row["error_text"] for at, row in found.items()} == {
            1: "field word: longer than 5 characters",
            2: "field kind: none of the column's ENUM",
        }
        verified = pipeline.run("verify", "--topics", topic, "--values")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        pipeline.query(f"UPDATE `{topic}` SET place__x = 8 ORDER BY _kafka_offset LIMIT 1")
        altered = pipeline.run("verify", "--topics", topic, "--values")
        assert altered.returncode == 3
        assert "column place__x is 7 in the topic, 8 in the table" in altered.stdout


TEXTS: dict[str, tuple[Any, str, list[tuple[Any, Any]], list[Any]]] = {
    "short": ("string", "TINYTEXT", [("x" * 255, "x" * 255), ("a  ", "a  ")], ["x" * 250 + " " * 10, "é" * 128]),
    "padded": ("string", "CHAR(10)", [("a", "a"), ("  a", "  a")], ["a  ", "   ", "123456789 "]),
    "sized": ({"type": "fixed", "name": "f", "size": 3}, "BINARY(3)", [(b"abc", b"abc"), (b"a\0 ", b"a\0 ")], []),
    "decoded": ("bytes", "VARCHAR(4)", [("grün".encode(), "grün"), (b"a  ", "a  ")], [b"\xff", b"abcd "]),
    "encoded": ("string", "VARBINARY(4)", [("grü", "grü".encode())], ["grün", "abcd "]),
    "below": ("double", "DOUBLE", [(-0.0, -0.0), (0.0, 0.0), (5e-324, 5e-324)], []),
}


@pytest.mark.faults
def test_what_the_server_would_cut_or_pad_is_kept_or_refused(database: Addresses, tmp_path: Path) -> None:
    fields = [{"name": name, "type": ["null", kind], "default": None} for name, (kind, _, _, _) in TEXTS.items()]
    schema = {"type": "record", "name": "texts", "fields": fields}
    columns = {name: {"mysql": written} for name, (_, written, _, _) in TEXTS.items()}
    with typed_pipeline(database, tmp_path, partitions=1, on_error="dead_letter", columns=columns) as pipeline:
        topic = pipeline.topics[0]
        schema_id = create_typed(pipeline, schema)
        wanted: list[tuple[str, str]] = []
        refused: list[int] = []
        offset = 0
        for name, (_, _, good, bad) in TEXTS.items():
            for value in [*(sent for sent, _ in good), *bad]:
                pipeline.send(topic, wire(schema_id, schema, {name: value}))
            wanted += [(name, repr(stored)) for _, stored in good]
            refused += range(offset + len(good), offset + len(good) + len(bad))
            offset += len(good) + len(bad)
        assert supervised(pipeline) == 0
        rows = pipeline.query(f"SELECT {', '.join(TEXTS)} FROM `{topic}` ORDER BY _kafka_offset")
        found = [
            (name, repr(value)) for row in rows for name, value in zip(TEXTS, row, strict=True) if value is not None
        ]
        assert found == wanted
        assert list(dead_letters_of(pipeline, topic)) == refused
        verified = pipeline.run("verify", "--topics", topic, "--values")
        assert verified.returncode == 0, verified.stdout + verified.stderr
