"""A dead letter as text: decoded, escaped, dumped, cut."""

from __future__ import annotations

import io
import json
from typing import Any, NoReturn

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtpipe.errors import SchemaError
from supervisor.dead_letters import view
from supervisor.dead_letters.message_text import DeadLetterReader, as_json, escaped, hex_dump, text_of
from supervisor.dead_letters.retry import RetryTally
from tests.support.samples.dead_letters import SOURCE, dead_letter
from workers.retry.outcome import RetryOutcome, RetryResult


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
