from __future__ import annotations

import multiprocessing
from types import SimpleNamespace

import pytest

from rtpipe.errors import ExitCode
from workers.contract.refusal import Reason, Refusal
from workers.contract.reports import Ended, SchemaAnswer, SchemaWanted, Sealed
from workers.rows.schema_source import SchemaRefused, SchemaSource


def test_what_is_told_beside_an_answer_is_not_asked_for_but_once(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = multiprocessing.Pipe()
    parent, _alive = multiprocessing.Pipe()
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(sentinel=parent))
    unknown = SchemaAnswer(2, refusal=Refusal(Reason.UNKNOWN_SCHEMA, "no"))
    ended = SchemaAnswer(3, problem=Ended(ExitCode.SCHEMA_REFUSED, "E_EVOLUTION", "no"))
    there.send(Sealed.of(SchemaAnswer(1, "int", beside=(unknown, ended))))
    source = SchemaSource(here)
    assert source.ask(1, "value", beside=(1, 2, 3)).schema == "int"
    assert there.recv() == SchemaWanted(1, "value", beside=(1, 2, 3))
    assert source.ask(2, "value").refusal == unknown.refusal
    with pytest.raises(SchemaRefused):
        source.ask(3, "value")
    assert not there.poll()
    there.send(Sealed.of(SchemaAnswer(2, "long", beside=(ended,))))
    assert source.ask(2, "value").schema == "long"
    there.recv()
    there.send(Sealed.of(SchemaAnswer(3, "string")))
    assert source.ask(3, "value", again=True).schema == "string"
    assert there.recv() == SchemaWanted(3, "value", again=True)
    for link in (here, there, parent, _alive):
        link.close()
