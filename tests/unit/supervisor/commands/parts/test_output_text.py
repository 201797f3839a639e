"""Output where the encoding of a stream lacks a character, and what --json prints."""

from __future__ import annotations

import io
import json
import sys

import pytest

from supervisor.commands.parts.output_text import accept_every_character, print_json


def test_every_character_is_written_in_ascii_where_nothing_else_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="\n") for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    accept_every_character()
    print("10 € → ü")
    print("10 € → ü …", file=sys.stderr)
    for stream in streams.values():
        stream.flush()
    written = [stream.buffer.getvalue().decode() for stream in streams.values()]
    assert json.loads(f'"{written[0].strip()}"') == "10 € → ü"
    assert written[1] == "10 \\u20ac -> \\u00fc ...\n"


def test_a_stream_that_a_program_put_there_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    accept_every_character()
    print("€")
    assert isinstance(sys.stdout, io.StringIO)
    assert sys.stdout.getvalue() == "€\n"


def test_json_names_its_version_unless_the_facts_have_one_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": "\x7f"})
    said = capsys.readouterr().out
    assert json.loads(said) == {"schema_version": 1, "a": "\x7f"}
    assert "\x7f" not in said
    print_json({"schema_version": 2})
    assert json.loads(capsys.readouterr().out) == {"schema_version": 2}
