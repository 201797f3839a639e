"""One run of `rtpipe dead-letters retry`: which dead letters are tried, and which a schema holds back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from rtpipe.errors import ExitCode, SchemaError, UnreachableError
from supervisor.dead_letters import retry as module
from supervisor.dead_letters.message_text import QuietRegistry
from supervisor.dead_letters.retry import DeadLetterRetries
from supervisor.dead_letters.selection import selection
from supervisor.settings.settings import Settings
from workers.contract.partition_spec import PartitionKey
from workers.contract.refusal import Reason
from workers.contract.reports import Ended, SchemaWanted
from workers.contract.schema_answers import KeySchema, SchemaHalt, SchemaRefused
from workers.retry.dead_letter import DeadLetter, DeadLetterSource
from workers.retry.outcome import RetryOutcome, RetryResult
from workers.rows.schema_source import SchemaHaltError

NOW = dt.datetime(2026, 5, 1)  # noqa: DTZ001 - DATETIME columns hold UTC without a zone
GROUP = "group-orders"


def dead_letter(offset: int, partition: int = 0, group: str = GROUP) -> DeadLetter:
    source = DeadLetterSource(PartitionKey("orders", partition), group, "id")
    return DeadLetter(source, offset, -1, b"k", b"v", None, 1, "E_VALUE", "why", "orders", NOW, None)


class Rig:
    """Dead letters by source; `tried` is what DeadLetterRetry got, each piece with its spec."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *dead_letters: DeadLetter) -> None:
        self.dead_letters = dead_letters
        self.tried: list[list[int]] = []
        self.specs: list[Any] = []
        self.closed = 0
        self.answers: tuple[Any, ...] = ()
        monkeypatch.setattr(module, "DeadLetterAdmin", lambda *_: self)
        monkeypatch.setattr(module, "DeadLetterRetry", self.retry)
        monkeypatch.setattr(module, "SchemaRequests", lambda *_, **__: SimpleNamespace(answer=lambda *_: self.answers))
        monkeypatch.setattr(module, "TableFitter", lambda _: None)
        monkeypatch.setattr(module, "accounts", lambda _: None)

    def now(self) -> dt.datetime:
        return NOW

    def sources(self, _chosen: Any) -> list[DeadLetterSource]:
        return sorted({each.source for each in self.dead_letters})

    def chunks(self, source: DeadLetterSource, _chosen: Any, until: dt.datetime, limit: int | None) -> Iterator[Any]:
        assert until == NOW
        found = [each for each in self.dead_letters if each.source == source]
        if limit is None or limit > 0:
            yield found[:limit]

    def retry(self, source: DeadLetterSource, spec: Any, _encoder: Any, **_: Any) -> Any:
        self.specs.append(spec)

        def write(dead_letters: list[DeadLetter]) -> list[RetryOutcome]:
            self.tried.append([each.offset for each in dead_letters])
            return [RetryOutcome(source, each.offset, RetryResult.WRITTEN) for each in dead_letters]

        return SimpleNamespace(write=write, close=self.close)

    def close(self) -> None:
        self.closed += 1

    def retries(self, *, dry_run: bool = False) -> DeadLetterRetries:
        return DeadLetterRetries(Settings(), force=False, dry_run=dry_run)

    def run(self, limit: int | None = None, *, dry_run: bool = False) -> list[tuple[int, RetryResult]]:
        found = self.retries(dry_run=dry_run).run(selection(), limit)
        return [(outcome.offset, outcome.result) for outcome in found]


def test_every_source_is_tried_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch, dead_letter(1), dead_letter(2), dead_letter(3, partition=1))
    assert [offset for offset, _ in rig.run()] == [1, 2, 3]
    assert ([piece for piece in rig.tried if piece], rig.closed) == ([[1, 2], [3]], 2)
    assert [spec.key.partition for spec in rig.specs] == [0, 1]


def test_the_limit_counts_over_all_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch, dead_letter(1), dead_letter(2), dead_letter(3, partition=1), dead_letter(4, partition=2))
    assert [offset for offset, _ in rig.run(3)] == [1, 2, 3]


def test_those_of_another_consumer_group_are_kept_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch, dead_letter(1, group="other"))
    [outcome] = rig.retries().run(selection(), None)
    assert (outcome.result, outcome.error_name) == (RetryResult.KEPT, "E_VALUE")
    assert f"consumer group other, the settings say {GROUP}" in outcome.text
    assert rig.tried == []


def test_a_dry_run_alters_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch, dead_letter(1))
    rig.run(dry_run=True)
    rig.run()
    assert [spec.rules.evolution for spec in rig.specs] == ["freeze", "evolve"]


class TestSchemaAnswers:
    def answer(self, monkeypatch: pytest.MonkeyPatch, *answers: Any) -> tuple[Any, ...]:
        rig = Rig(monkeypatch, dead_letter(1))
        rig.run()
        rig.answers = answers
        return rig.retries()._answers(rig.specs[0], SchemaWanted(7))

    def test_what_is_no_halt_goes_through(self, monkeypatch: pytest.MonkeyPatch) -> None:
        key = KeySchema(7, {"type": "string"})
        assert self.answer(monkeypatch, key) == (key,)

    def test_a_halt_of_one_schema_refuses_its_dead_letters_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        [answer] = self.answer(monkeypatch, SchemaHalt(7, Ended(ExitCode.BAD_SETUP, "E_SETUP", "no such column")))
        assert isinstance(answer, SchemaRefused)
        assert answer.refusal.reason is Reason.UNFIT_TABLE
        assert "E_SETUP no such column" in str(answer.refusal)

    def test_any_other_halt_ends_the_command(self, monkeypatch: pytest.MonkeyPatch) -> None:
        halt = SchemaHalt(7, Ended(ExitCode.UNREACHABLE, "E_UNREACHABLE", "the registry is away"))
        with pytest.raises(SchemaHaltError, match="the registry is away"):
            self.answer(monkeypatch, halt)


class TestQuietRegistry:
    def test_it_is_opened_once_and_asked_for_each_id(self) -> None:
        opened: list[int] = []
        registry = SimpleNamespace(schema_by_id=lambda number: {"id": number})
        ask = QuietRegistry(lambda: opened.append(1) or registry)  # type: ignore[func-returns-value, arg-type, return-value]
        assert [ask(1), ask(2), len(opened)] == [{"id": 1}, {"id": 2}, 1]

    def test_one_that_is_away_is_reported_once_and_not_asked_again(self, capsys: pytest.CaptureFixture[str]) -> None:
        asked: list[int] = []

        def schema_by_id(number: int) -> Any:
            asked.append(number)
            raise UnreachableError("the registry is away")

        ask = QuietRegistry(lambda: SimpleNamespace(schema_by_id=schema_by_id))  # type: ignore[arg-type, return-value]
        for _ in range(2):
            with pytest.raises(UnreachableError):
                ask(1)
        assert (asked, capsys.readouterr().err) == ([1], "not decoded: the registry is away\n")

    def test_an_unknown_id_is_not_taken_for_silence(self) -> None:
        def schema_by_id(_: int) -> Any:
            raise SchemaError("no such id")

        ask = QuietRegistry(lambda: SimpleNamespace(schema_by_id=schema_by_id))  # type: ignore[arg-type, return-value]
        for _ in range(2):
            with pytest.raises(SchemaError, match="no such id"):
                ask(1)
