"""Dead letters without a database: which are meant, how they are shown, when they may be written."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
import struct
from pathlib import Path
from typing import Any, NoReturn

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import mysql

from avro_schemas.tables.own_tables.dead_letters import MAX_TEXT
from avro_schemas.tables.rules import TableRules
from rtpipe.errors import SchemaError, SettingsError
from supervisor.dead_letters import view
from supervisor.dead_letters.export import write_directory, write_file
from supervisor.dead_letters.fetch import pieces
from supervisor.dead_letters.message_text import DeadLetterReader, as_json, escaped, hex_dump, text_of
from supervisor.dead_letters.retry import RetryTally
from supervisor.dead_letters.selection import selection
from tests.support.samples.specs import default_spec
from workers.commit.dead_letters.rows import NOT_KEPT, dead_letter_text
from workers.commit.encoding.encoded_batch import EncodedBatch
from workers.commit.encoding.row_statements import Rows
from workers.commit.encoding.tombstones import Tombstones
from workers.contract.batch import Headers
from workers.contract.partition_spec import PartitionKey
from workers.contract.refusal import Reason, Refusal
from workers.retry.dead_letter import DeadLetter, DeadLetterSource, batch_of
from workers.retry.outcome import RetryOutcome, RetryResult
from workers.retry.row_age import RowAge

SOURCE = DeadLetterSource(PartitionKey("orders", 3), "group-orders", "id")
MOMENT = dt.datetime(2026, 5, 1, 10, 30)  # noqa: DTZ001


def dead_letter(
    offset: int = 7, value: bytes | None = b"v", headers: Headers | None = None, **changes: Any
) -> DeadLetter:
    facts: dict[str, Any] = {
        "source": SOURCE,
        "offset": offset,
        "timestamp": -1,
        "key": b"k",
        "value": value,
        "headers": headers,
        "schema_id": 1,
        "error_name": "E_VALUE",
        "error_text": "field a: out of range",
        "table": "orders",
        "written_at": MOMENT,
        "dropped_at": None,
    }
    return DeadLetter(**facts | changes)


# -- selection -------------------------------------------------------------------------------------------------------


def sql(*given: Any, **named: Any) -> str:
    where = selection(*given, **named).where()
    options = {"literal_binds": True}
    return str(where.compile(dialect=mysql.dialect(), compile_kwargs=options)).replace("rtpipe_dead_letters.", "")


def test_nothing_given_is_every_dead_letter_that_is_not_dropped() -> None:
    assert sql() == "`dropped_at` IS NULL"
    assert sql(dropped=True) == "`dropped_at` IS NOT NULL"
    assert not selection().narrow


def test_what_is_given_is_all_asked_for() -> None:
    text = sql(["orders,other/2"], ["E_VALUE", "E_DECODE"], ["5", "10-20,30"], "2026-05-01T10:30+02:00")
    assert "(`topic` = 'orders' OR `topic` = 'other' AND `partition` = 2)" in text
    assert "`error_name` IN ('E_VALUE', 'E_DECODE')" in text
    for part in ("`offset` BETWEEN 5 AND 5", "`offset` BETWEEN 10 AND 20", "`offset` BETWEEN 30 AND 30"):
        assert part in text
    assert "`written_at` >= '2026-05-01 08:30:00'" in text
    assert selection(["orders"]).narrow


@pytest.mark.parametrize(("text", "ago"), [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("7d", 604_800)])
def test_since_some_time_ago(text: str, ago: int) -> None:
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    since = selection(since=text).since
    assert since is not None
    assert dt.timedelta(0) <= since - now + dt.timedelta(seconds=ago) < dt.timedelta(minutes=5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"topics": ["a/b"]}, "TOPIC/PARTITION"),
        ({"topics": ["a'b"]}, "TOPIC/PARTITION"),
        ({"topics": ["a/"]}, "TOPIC/PARTITION"),
        ({"errors": ["value"]}, "no name of an error"),
        ({"topics": ["a"], "offsets": ["x"]}, "no offset"),
        ({"topics": ["a"], "offsets": ["9-3"]}, "no offset"),
        ({"topics": ["a"], "offsets": ["9" * 30]}, "no offset"),
        ({"offsets": ["9"]}, "without a topic"),
        ({"since": "yesterday"}, "no duration"),
        ({"since": "999999999d"}, "no duration"),
    ],
)
def test_what_no_selection_can_mean(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        selection(**given)
    assert refused.value.hint


# -- text ------------------------------------------------------------------------------------------------------------


@given(st.text())
def test_escaped_text_is_harmless(text: str) -> None:
    assert escaped(text).isprintable()
    assert "\\u001b[31m" in escaped(text + "\x1b[31m")


def test_what_is_escaped() -> None:
    assert escaped("a\n\x1b\x7f\x9b\u202e\u2028é漢\U000e0001") == (
        "a\\u000a\\u001b\\u007f\\u009b\\u202e\\u2028é漢\\U000e0001"
    )


@given(st.binary(max_size=100))
def test_a_dump_has_all_bytes(data: bytes) -> None:
    lines = hex_dump(data)
    assert bytes.fromhex("".join(line[10:57] for line in lines)) == data
    assert all(line.isprintable() for line in lines)


def test_only_plain_text_is_text() -> None:
    assert text_of(b'{"a":\t1}\n') == '{"a":\t1}\n'
    assert text_of(b"\x1b[2J") is None
    assert text_of(b"\xff") is None


SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "r",
    "fields": [
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "ratio", "type": "double"},
        {"name": "raw", "type": ["null", "bytes"]},
    ],
}


def message(**values: Any) -> bytes:
    out = io.BytesIO()
    out.write(b"\0\0\0\0\1")
    plain = {**SCHEMA, "fields": [{"name": "day", "type": "int"}, *SCHEMA["fields"][1:]]}
    fastavro.schemaless_writer(out, fastavro.parse_schema(plain), values)
    return out.getvalue()


def test_a_value_that_no_column_holds_is_shown_all_the_same() -> None:
    """A year beyond 9999 and NaN are why there is a dead letter."""
    reader = DeadLetterReader(lambda _: SCHEMA)
    decoded, why = reader.decoded(message(day=2**30, ratio=float("nan"), raw=b"\xff"))
    assert why == ""
    assert json.loads(as_json(decoded)) == {"day": 2**30, "ratio": "nan", "raw": "/w=="}
    assert json.loads(as_json(reader.decoded(message(day=0, ratio=0.5, raw=None))[0])) == {
        "day": "1970-01-01",
        "ratio": 0.5,
        "raw": None,
    }


def test_why_a_value_is_not_decoded() -> None:
    def unknown(_: int) -> NoReturn:
        raise SchemaError("no such id")

    assert DeadLetterReader(unknown).decoded(message(day=0, ratio=0, raw=None)) == (None, "E_SCHEMA no such id")
    assert "too short" in DeadLetterReader(unknown).decoded(b"")[1]
    assert "left over" in DeadLetterReader(lambda _: SCHEMA).decoded(message(day=0, ratio=0, raw=None) + b"x")[1]
    assert "decode" in DeadLetterReader(lambda _: SCHEMA).decoded(b"\0\0\0\0\1")[1]


def test_a_printed_dead_letter(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = dead_letter(
        value=b"\x1b[2J", error_text="bad\x1b[31m", headers=[("n\n", None), ("m", b"plain")], key=None
    )
    view.print_dead_letter(hostile, DeadLetterReader(lambda _: SCHEMA), whole=False)
    said = capsys.readouterr().out
    assert all(sign.isprintable() or sign == "\n" for sign in said)
    for words in (
        "E_VALUE  bad\\u001b[31m",
        "00000000  1b 5b 32 4a",
        "header n\\u000a",
        "plain",
        "key            null",
    ):
        assert words in said


def test_a_long_value_is_cut_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    for whole, most in ((False, 30_000), (True, 10**9)):
        view.print_dead_letter(dead_letter(value=b"\xff" * 50_000), DeadLetterReader(lambda _: SCHEMA), whole=whole)
        said = capsys.readouterr().out
        assert len(said) < most
        assert ("and more" in said) is not whole
    assert "0000c340" in said


def test_a_printed_retry(capsys: pytest.CaptureFixture[str]) -> None:
    left = [RetryOutcome(SOURCE, offset, RetryResult.REFUSED, "E_VALUE", "too\nlong") for offset in range(50)]
    tally = RetryTally()
    for outcome in [*left, *[RetryOutcome(SOURCE, offset, RetryResult.WRITTEN, "", "") for offset in (50, 51)]]:
        tally.add(outcome)
    view.print_tally(tally, dry_run=True)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "refused  orders/3 offset 0  E_VALUE  too\\u000along"
    assert said[-2:] == [
        "and 30 more like these (--json has all)",
        "50 refused, 2 written; this was a dry run: nothing is changed",
    ]


# -- dead letters as messages ----------------------------------------------------------------------------------------


def test_a_batch_of_dead_letters() -> None:
    batch = batch_of([dead_letter(7, b"a"), dead_letter(9, None, [("h", b"x")], timestamp=5)])
    assert (batch.first, batch.next_offset, batch.offsets, list(batch.values)) == (7, 10, [7, 9], [b"a", None])
    assert (list(batch.timestamps), batch.headers) == ([-1, 5], {1: [("h", b"x")]})


def test_what_could_not_be_kept_is_not_whole() -> None:
    large = dead_letter(error_text=f"too large; its 600 bytes are {NOT_KEPT}")
    assert dead_letter().whole
    assert not large.whole
    assert dataclasses.replace(large, fetched=True).whole
    assert not dead_letter(dropped_at=MOMENT).whole


def test_what_must_be_fetched_comes_alone_and_in_order() -> None:
    dead_letters = [dead_letter(at, error_text=NOT_KEPT if at in {2, 3, 5} else "") for at in range(6)]
    found = [[one.offset for one in piece] for piece in pieces(dead_letters)]
    assert [piece for piece in found if piece] == [[0, 1], [2], [3], [4], [5]]


def test_a_dead_letter_says_to_its_end_that_its_content_is_not_kept() -> None:
    """However long the reason: the next retry takes NULL for a tombstone otherwise."""
    text = dead_letter_text(Refusal(Reason.VALUE, "x" * 5_000), size_not_kept=600)
    assert len(text) == MAX_TEXT
    assert text.endswith(f"its 600 bytes are {NOT_KEPT}")


def test_an_export_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> Any:
        yield dead_letter()
        raise SettingsError("the database is gone")

    for write in (write_file, write_directory):
        with pytest.raises(SettingsError):
            write(broken(), tmp_path / "out")
        assert list(tmp_path.iterdir()) == []
    other = dead_letter(source=DeadLetterSource(SOURCE.key, "other/group", "id"))
    assert write_directory([dead_letter(), other], tmp_path / "out") == 2
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [
        f"orders-3-7{tail}.{part}" for tail in ("-other_group-id", "") for part in ("json", "key", "value")
    ]


# -- how old a row is ------------------------------------------------------------------------------------------------


SPEC = default_spec(SOURCE.key)


def encoded(*, by_position: bool = False, deletes: bool = False) -> EncodedBatch:
    """One message, that writes a row or deletes one."""
    tombstones = Tombstones({0: "('a')"}) if deletes else Tombstones()
    part = Rows("", ["1"], [0], keys=["('a')"], by_position=by_position)
    return EncodedBatch(SPEC, batch_of([dead_letter(7)]), [] if deletes else [part], tombstones=tombstones)


def reasons(rules: TableRules, rows: list[tuple[int, ...]], batch: EncodedBatch, *, force: bool = False) -> str:
    """Why the dead letter at offset 7 of partition 3 is kept, where the query finds these rows."""
    spec = default_spec(SOURCE.key, rules=rules)
    return RowAge(spec, force=force).reasons([dead_letter(7)], batch, lambda _: rows).get(0, "")


def by_key(tombstones: Any = "dead_letter", *, placed: bool = True) -> TableRules:
    metadata = ("_kafka_partition", "_kafka_offset") if placed else ()
    return TableRules(mode="upsert", key=("a",), tombstones=tombstones, metadata=metadata)


@pytest.mark.parametrize(
    ("rules", "rows", "deletes", "said"),
    [
        (by_key(placed=False), [], False, "nobody knows"),
        (by_key(), [], False, ""),
        (by_key(), [(0, 3, 6, 0)], False, ""),
        (by_key(), [(0, 3, 7, 0)], False, ""),
        (by_key(), [(0, 3, 8, 0)], False, "newer, of offset 8"),
        (by_key(), [(0, 2, 6, 0)], False, "partition 2"),
        (by_key("delete"), [], False, "may have deleted"),
        (by_key("delete"), [], True, ""),
        (by_key("delete"), [(0, 3, 8, 0)], True, "newer"),
        (by_key("soft_delete"), [], False, ""),
        (by_key("soft_delete"), [(0, 3, 6, 1)], False, "marked as deleted"),
        (by_key("soft_delete"), [(0, 3, 6, 1)], True, ""),
    ],
)
def test_when_a_key_may_have_newer_state(rules: TableRules, rows: list[Any], deletes: bool, said: str) -> None:
    why = reasons(rules, rows, encoded(deletes=deletes))
    assert said in why
    assert bool(why) is bool(said)
    assert reasons(rules, rows, encoded(deletes=deletes), force=True) == ""


def test_a_row_that_is_there_already() -> None:
    assert "already" in reasons(TableRules(), [(7,)], encoded(by_position=True), force=True)
    assert reasons(TableRules(), [], encoded(by_position=True)) == ""
    assert reasons(TableRules(), [(7,)], encoded()) == ""


def test_the_schema_id_is_not_taken_from_a_short_header() -> None:
    assert DeadLetterReader(lambda number: {"type": "int"} if number == 5 else NoReturn).decoded(
        b"\0" + struct.pack(">I", 5) + b"\x02"
    ) == ({"value": 1}, "")
