"""The member's process: which protocol it takes, when it joins again, and when another has its place."""

from __future__ import annotations

import dataclasses
import io
import os
import sys
import time
from typing import Any

import pytest

from rtpipe.errors import SettingsError
from supervisor.companions import companion_process
from supervisor.membership import member_process
from supervisor.membership.group_member import Fate
from supervisor.membership.member_process import MemberProcess
from supervisor.membership.member_words import MemberStart, Said, Told, Word
from supervisor.membership.orders import Orders
from tests.support.samples.member_start import START
from workers.contract.partition_spec import PartitionKey

LONG_AGO = -1_000_000.0


class Scene:
    """`fates`: how each membership ends; the last one by the supervisor's own end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *fates: Fate, silent_at: float = LONG_AGO) -> None:
        self.fates = [*fates, Fate.ASKED]
        self.protocols: list[str] = []
        self.said: list[Said] = []
        self.trouble = ""
        self.silent_at = silent_at
        self.orders = Orders(["orders"])
        monkeypatch.setattr(self.orders, "look", lambda _seconds=0.0: None)
        monkeypatch.setattr(member_process, "GroupMember", lambda *_: self)
        monkeypatch.setattr(member_process, "brokers_session", lambda _: (6.0, self.trouble))

    def run(self, protocol: str) -> tuple[Fate, str]:
        """As a GroupMember."""
        self.protocols.append(protocol)
        fate = self.fates.pop(0)
        self.orders.ended = fate is Fate.ASKED
        return fate, f"why {fate.name}" if fate is not Fate.ASKED else ""

    def play(self, **changes: Any) -> None:
        MemberProcess(dataclasses.replace(START, **changes), self.orders, self.said.append).run()

    def told(self, word: Word) -> list[str]:
        return [said.text for said in self.said if said.word is word]


def test_the_newer_protocol_is_tried_first_with_the_session_of_the_brokers(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, Fate.UNSUPPORTED)
    scene.play()
    assert scene.protocols == ["consumer", "classic"]
    joins = [(said.text, said.seconds) for said in scene.said if said.word is Word.JOINING]
    assert joins == [("consumer", 6.0), ("classic", 12.0)]
    assert not scene.told(Word.TROUBLE)


def test_a_protocol_that_was_chosen_is_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, Fate.UNSUPPORTED)
    scene.play(protocol="consumer")
    assert scene.protocols == ["consumer"] * 2
    assert scene.told(Word.TROUBLE) == ["why UNSUPPORTED"]
    scene = Scene(monkeypatch)
    scene.play(protocol="classic")
    assert scene.protocols == ["classic"]


def test_an_instance_id_that_is_not_free_yet_is_waited_for_and_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, Fate.UNRELEASED, Fate.UNRELEASED)
    scene.play()
    [trouble] = scene.told(Word.TROUBLE)
    assert "host-1" in trouble
    assert scene.protocols == ["consumer"] * 3


def test_another_one_with_our_instance_id_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, Fate.FENCED)
    scene.play(protocol="classic")
    assert scene.told(Word.REPLACED) == ["why FENCED"]
    assert scene.protocols == ["classic"]


def test_our_own_former_self_that_was_cut_off_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch, Fate.FENCED, silent_at=time.monotonic())
    scene.play(protocol="classic")
    assert not scene.told(Word.REPLACED)
    assert scene.protocols == ["classic"] * 2


def test_a_session_that_the_brokers_do_not_grant_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.trouble = "it stays 45 s"
    scene.play()
    assert scene.told(Word.TROUBLE) == ["it stays 45 s"]


def test_without_a_topic_it_joins_nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.orders.topics = ()

    def look(_seconds: float) -> None:
        if not scene.orders.topics:
            assert not scene.said
            scene.orders.topics = ("orders",)

    monkeypatch.setattr(scene.orders, "look", look)
    scene.play()
    assert [said.word for said in scene.said] == [Word.JOINING]


def test_orders_come_in_parts_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    key = PartitionKey("orders", 3)
    line = Told((key,)).line()
    with os.fdopen(reader, "rb") as heard:
        monkeypatch.setattr(sys, "stdin", heard)
        orders = Orders(["orders"])
        orders.look()
        os.write(writer, line[:5])
        orders.look()
        assert not orders.given_up
        os.write(writer, line[5:])
        orders.look()
        assert (orders.given_up, orders.topics, orders.ended) == ({key}, ("orders",), False)
        os.write(writer, Told(topics=("bank", "orders")).line() + Told(topics=()).line())
        orders.look()
        assert (orders.given_up, orders.topics) == ({key}, ())
        os.close(writer)
        orders.look()
        orders.look()
    assert orders.ended


@pytest.mark.parametrize("trouble", [None, SettingsError("no such property")])
def test_it_begins_with_what_it_is_told(monkeypatch: pytest.MonkeyPatch, trouble: Exception | None) -> None:
    ran: list[MemberStart] = []

    class FakeProcess:
        def __init__(self, start: MemberStart, *_: object) -> None:
            ran.append(start)

        def run(self) -> None:
            if trouble is not None:
                raise trouble

    out = io.StringIO()
    monkeypatch.setattr(companion_process, "begin", lambda: None)
    monkeypatch.setattr(member_process, "MemberProcess", FakeProcess)
    monkeypatch.setattr(member_process, "log_to_stderr", lambda *_: None)
    monkeypatch.setattr(sys, "stdout", out)
    for line in (b"", START.line()):
        monkeypatch.setattr(companion_process, "first_line", lambda line=line: line)
        member_process.main()
    assert ran == [START]
    said = [Said.from_line(line) for line in out.getvalue().splitlines()]
    assert [one.text for one in said] == ([] if trouble is None else ["no such property"])
