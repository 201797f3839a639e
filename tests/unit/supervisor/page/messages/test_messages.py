"""What commands say of messages, as rows and words of the page."""

from __future__ import annotations

import base64
from typing import Any

from supervisor.page.views.messages.chosen import Chosen, summary_of, total_of
from supervisor.page.views.messages.letter_card import letter_rows
from supervisor.page.views.messages.retry import in_words, outcome_rows
from supervisor.page.views.messages.side_by_side import about, bytes_text, rows_of, state_of, text_of, value_text

PEEKED: dict[str, Any] = {
    "timestamp": "2026-11-29T18:03:49.120Z",
    "schema_id": 7,
    "key": base64.b64encode(b"k-1").decode(),
    "value": {"id": 1, "Name": "a\x1b"},
    "problem": None,
    "raw_value": None,
    "state": "row",
    "text": None,
    "row": {"id": 1, "title": "a", "_kafka_offset": 17},
    "renamed": {"Name": "Title"},
}


def cells(facts: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(row["name"], row["message"], row["row"]) for row in rows_of(facts)]


def test_a_field_is_beside_its_column_and_columns_of_no_field_come_last() -> None:
    found = cells(PEEKED)
    assert found == [("id", "1", "1"), ("Name", '"a\\u001b"', '"a"'), ("_kafka_offset", "", "17")]
    assert state_of(PEEKED).text == "● row"
    assert about(PEEKED) == '11-29 18:03:49 UTC · schema id 7 · key "k-1"'


def test_what_cannot_be_decoded_is_shown_as_bytes_with_the_reason() -> None:
    raw = base64.b64encode(b"\xff\x00").decode()
    broken = PEEKED | {"value": None, "row": None, "raw_value": raw, "problem": "no", "state": "no row", "text": "why"}
    assert cells(broken) == [("its bytes", "0xff00", "")]
    assert (state_of(broken).text, text_of(broken)) == ("○ no row", "why — no")


LETTER: dict[str, Any] = {
    "topic": "orders",
    "partition": 0,
    "offset": 1_234,
    "written_at": "2026-11-29T18:03:49.120Z",
    "error_name": "E_VALUE",
    "error_text": "too long",
    "value_text": "x" * 400,
}


def test_a_dead_letter_says_why_and_what_to_do() -> None:
    shown = LETTER | {"decoded": {"id": 1}, "value": "AA==", "what_to_do": "Repair `it`.", "key": None}
    assert text_of(shown) == "E_VALUE too long — Repair it."
    assert (cells(shown), state_of(shown).text) == ([("id", "1", "")], "■ dead letter")
    assert cells(shown | {"decoded": None}) == [("its bytes", '"\\u0000"', "")]


def test_long_values_are_cut() -> None:
    assert len(value_text("x" * 9_999)) == len(bytes_text(base64.b64encode(b"x" * 9_999).decode())) == 400
    [row] = letter_rows({"dead_letters": [LETTER]})
    assert (row["id"], row["offset"], len(row["value"])) == ("orders/0 1234", "1,234", 110)
    assert letter_rows({"dead_letters": [LETTER | {"value_text": None}]})[0]["value"] == "no value"


def test_a_choice_as_options_and_in_words() -> None:
    chosen = Chosen(("orders",), "E_VALUE", "1h")
    assert chosen.options == ("--topics", "orders", "--error", "E_VALUE", "--since", "1h")
    assert chosen.in_words == "of orders with E_VALUE written in the last hour"
    both = Chosen(("orders", "payments"))
    assert (both.options, both.in_words) == (("--topics", "orders,payments"), "of all topics")
    one = Chosen(("orders/0",), offset=17)
    assert (one.options, one.in_words) == (("--topics", "orders/0", "--offset", "17"), "orders/0 offset 17")


def test_how_many_there_are_of_which_kind() -> None:
    kinds = [{"topic": "orders", "error_name": f"E_{number}", "count": number} for number in range(1, 9)]
    assert total_of({"summary": kinds}) == 36
    assert summary_of({"summary": kinds[:2]}, 1) == (
        "3 dead letters: orders E_2 2, orders E_1 1. The newest 1 are shown."
    )
    assert "and 2 other kinds." in summary_of({"summary": kinds}, 36)
    assert summary_of({"summary": []}, 0) == "There are no dead letters like that."


def test_outcomes_come_with_what_needs_a_person_first_and_lead_to_the_message() -> None:
    left = LETTER | {"result": "refused"}
    done = LETTER | {"result": "written", "offset": 9, "error_name": "", "error_text": ""}
    rows = outcome_rows({"left": [left], "done": [done]})
    assert [(row["result"], row["address"]) for row in rows] == [
        ("■ refused again", "/partition/orders/0?offset=1234"),
        ("● written", "/partition/orders/0?offset=9"),
    ]
    assert in_words({"written": 12, "refused": 1, "kept": 0}) == "Done: 12 written, 1 refused again."
    assert in_words({}) == "There were none left to retry."
