"""`rtpipe peek` without services: what is said of a message's row, which messages are looked at, how it is shown."""

from __future__ import annotations

import dataclasses
import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from avro_schemas.tables.rules import TableRules
from rtpipe.errors import SettingsError
from supervisor.kafka.topic_reader import MessagesGoneError
from supervisor.peek import view
from supervisor.peek.known_partition import KnownPartition
from supervisor.peek.peeked import Beside, Peeked, RowState
from supervisor.peek.window import from_offset, newest
from tests.support.samples.specs import default_spec
from workers.contract.partition_spec import PartitionKey

KEY = PartitionKey("orders", 0)
SPEC = default_spec(KEY)
MESSAGE = Peeked(KEY, 7, 1_700_000_000_123, 12, b"k-\x1b", b"\0\0\0\0\x0c", None, {"id": 17, "name": "Ann"}, "")


class Log:
    """A partition's log for `whole_messages`: (offset, milliseconds) of its messages."""

    def __init__(self, **partitions: list[tuple[int, int]]) -> None:
        self.partitions = {int(name.removeprefix("p")): messages for name, messages in partitions.items()}
        self.ranges: list[tuple[int, int]] = []

    def whole_messages(self, _topic: str, ranges: dict[int, tuple[int, int]]) -> Any:
        for partition, (first, end) in ranges.items():
            self.ranges.append((first, end))
            yield [
                SimpleNamespace(
                    partition=lambda partition=partition: partition,
                    offset=lambda at=at: at,
                    timestamp=lambda time=time: (1, time),
                )
                for at, time in self.partitions[partition]
                if first <= at < end
            ]


def places(messages: list[Any]) -> list[tuple[int, int]]:
    return [(one.partition(), one.offset()) for one in messages]


def test_the_newest_messages_are_those_of_all_partitions_by_their_time() -> None:
    log: Any = Log(p0=[(0, 10), (1, 20), (2, 50)], p1=[(0, 30), (1, 40)])
    assert places(newest(log, "orders", {0: (0, 3), 1: (0, 2)}, 3)) == [(1, 0), (1, 1), (0, 2)]
    assert newest(log, "orders", {0: (0, 3), 1: (0, 2)}, 0) == []


def test_where_most_offsets_were_compacted_it_looks_farther_back() -> None:
    log: Any = Log(p0=[(3, 1), (4, 2), (99, 3)])
    assert places(newest(log, "orders", {0: (1, 100)}, 2)) == [(0, 4), (0, 99)]
    assert log.ranges == [(98, 100), (84, 100), (1, 100)]


def test_from_an_offset_on() -> None:
    log: Any = Log(p0=[(5, 1), (7, 2), (8, 3)])
    assert places(from_offset(log, KEY, (5, 9), 6, 1)) == [(0, 7)]
    with pytest.raises(MessagesGoneError, match=r"orders/0 offset 4 is gone: the log begins at offset 5"):
        from_offset(log, KEY, (5, 9), 4, 1)
    with pytest.raises(SettingsError, match="ends before offset 9"):
        from_offset(log, KEY, (5, 9), 9, 1)


def judged(
    stored: Any, row: Any = None, why: str = "", *, message: Peeked = MESSAGE, dead: str = "", **rules: Any
) -> tuple[str, str]:
    known = object.__new__(KnownPartition)
    known._spec = dataclasses.replace(SPEC, rules=TableRules(**rules), topic_id="id")
    known._stored = None if stored is None else SimpleNamespace(offset=stored, topic_id="id")
    known._dead = {7: dead} if dead else {}
    beside = known.judged(message, row, why)
    return str(beside.state), beside.text


def test_what_is_said_of_a_row() -> None:
    by_key: Any = {"mode": "upsert", "key": ("id",)}
    tombstone = dataclasses.replace(MESSAGE, raw_value=None, value=None)
    own, other = ({"_kafka_partition": 0, "_kafka_offset": at} for at in (7, 9))
    assert judged(8, {"id": 17}) == ("row", "")
    assert judged(7) == ("no row yet", "the offset is 7")
    assert judged(None) == ("no row yet", "nothing of its partition is consumed yet")
    assert judged(8, dead="E_VALUE  x") == ("dead letter", "E_VALUE  x")
    assert judged(8, why="the table has no _kafka_offset") == ("cannot tell", "the table has no _kafka_offset")
    assert judged(7, why="the table has no _kafka_offset")[0] == "no row yet"
    assert judged(8)[0] == "no row"
    assert judged(8, message=tombstone) == ("no row", "a tombstone")
    assert judged(8, own, **by_key) == ("row", "")
    assert judged(8, other, **by_key) == ("row", "of its key, written by 0/9")
    assert judged(8, {"id": 17}, **by_key) == ("row", "of its key")
    assert judged(7, {"id": 17}, **by_key)[1] == "of its key, from before: this message is not consumed yet"
    assert "deleted" in judged(8, own | {"_deleted": 1}, **by_key)[1]


def test_offsets_of_an_earlier_topic_tell_nothing() -> None:
    known = object.__new__(KnownPartition)
    known._spec, known._dead = dataclasses.replace(SPEC, topic_id="new"), {}
    known._stored = SimpleNamespace(offset=100, topic_id="old")
    assert known.judged(MESSAGE, None, "") == Beside(
        RowState.UNKNOWN, "kafka_offsets is about an earlier topic of this name: rtpipe adopt orders"
    )


def shown(message: Peeked, beside: Beside, width: int = 80) -> str:
    out = Console(file=io.StringIO(), width=width, highlight=False)
    view.print_message(out, message, beside, {"name": "full_name"})
    return out.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_it_fits_a_terminal_of_80_columns() -> None:
    message = dataclasses.replace(MESSAGE, value={"id": 17, "name": "Ann", "text": "long " * 60 + "\x1b[2J"})
    text = shown(message, Beside(RowState.ROW, "", {"id": 17, "full_name": "Ann", "more": None}))
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "orders/0 offset 7 2023-11-14 22:13:20.123 UTC schema id 12"
    assert 'name "Ann" "Ann"' in lines
    assert "more - null" in lines


def test_a_tombstone_and_a_message_that_cannot_be_decoded() -> None:
    tombstone = dataclasses.replace(MESSAGE, raw_value=None, value=None)
    assert "a tombstone: no value" in shown(tombstone, Beside(RowState.NO_ROW, "a tombstone"))
    broken = dataclasses.replace(MESSAGE, value=None, raw_value=b"\xff\x00", problem="it ends too early")
    text = shown(broken, Beside(RowState.DEAD_LETTER, "E_DECODE  x"))
    assert "not decoded: it ends too early" in text
    assert "0xff00" in text
    assert view.facts_of(broken, Beside(RowState.UNKNOWN, "x"), {})["raw_value"] == "/wA="
