"""Questions of many writers: a thread for each topic finds the answer, the loop delivers it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from avro_schemas.registry.errors import SchemaNotFoundError
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import ExitCode, RtpipeError, SettingsError, UnreachableError
from rtpipe.pause import PausePolicy
from supervisor.schemas import schema_requests
from supervisor.schemas.schema_requests import SchemaRequests
from supervisor.schemas.table_fitter import TableFitter
from tests.support.fakes.fake_registry import FakeRegistry
from tests.support.samples.specs import default_spec
from tests.support.samples.table_targets import record, two_accounts
from tests.support.servers.scripted_connection import scripted
from workers.contract.partition_spec import PartitionKey, PartitionSpec
from workers.contract.reports import SchemaWanted
from workers.contract.schema_answers import SchemaAnswers, SchemaHalt, SchemaLayout

SCHEMA = record(id="int")


class Registries:
    """Opens one registry after the other; an error in their place is raised once."""

    def __init__(self, *registries: FakeRegistry | RtpipeError) -> None:
        self.left = list(registries)
        self.opened = 0

    def __call__(self) -> Any:
        self.opened += 1
        one = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(one, RtpipeError):
            raise one
        return one


@pytest.fixture(autouse=True)
def _server(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch).table("t", id="int NOT NULL")
    monkeypatch.setattr(schema_requests, "_PAUSES", PausePolicy.steady(0.0))


def spec(topic: str, partition: int = 0) -> PartitionSpec:
    return default_spec(PartitionKey(topic, partition), table="t")


def asker(*registries: FakeRegistry | RtpipeError, patient: bool = True) -> tuple[SchemaRequests, Registries]:
    opens = Registries(*registries)
    return SchemaRequests(opens, TableFitter(two_accounts()), patient=patient), opens


class Loop:
    """The supervisor's loop: woken, it delivers."""

    def __init__(self, requests: SchemaRequests) -> None:
        self.requests = requests
        self.answers: list[tuple[str, SchemaAnswers]] = []
        self._awake = threading.Event()
        requests.open(self._awake.set)

    def ask(self, topic: str, partition: int, schema_id: int) -> None:
        name = f"{topic}/{partition}"
        self.requests.ask(
            spec(topic, partition), SchemaWanted(schema_id), lambda found: self.answers.append((name, found))
        )

    def until(self, count: int) -> list[tuple[str, SchemaAnswers]]:
        while len(self.answers) < count:
            assert self._awake.wait(30)
            self._awake.clear()
            self.requests.deliver()
        return self.answers


def test_each_answer_goes_back_to_the_one_who_asked() -> None:
    requests, opens = asker(FakeRegistry({1: SCHEMA, 2: SCHEMA}, {1: ["a-value"], 2: ["b-value"]}))
    loop = Loop(requests)
    loop.ask("a", 0, 1)
    loop.ask("a", 1, 1)
    loop.ask("b", 0, 2)
    found = dict(loop.until(3))
    assert {name: answers[0].schema_id for name, answers in found.items()} == {"a/0": 1, "a/1": 1, "b/0": 2}
    assert all(isinstance(answers[0], SchemaLayout) for answers in found.values())
    assert opens.opened == 1, "one client for all topics"


def test_what_nobody_expects_is_an_answer_too_and_the_thread_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    registry = FakeRegistry({1: SCHEMA}, {1: ["a-value"]})
    registry.troubles[1] = [ZeroDivisionError("secret")]  # type: ignore[list-item]
    loop = Loop(asker(registry)[0])
    loop.ask("a", 0, 1)
    [(_, [halt])] = loop.until(1)
    assert isinstance(halt, SchemaHalt)
    assert (halt.end.code, halt.end.text) == (ExitCode.FAILED, "schema id 1: ZeroDivisionError")
    assert "schema_failed" in {getattr(one, "event", "") for one in caplog.records}
    loop.ask("a", 0, 1)
    assert isinstance(loop.until(2)[1][1][0], SchemaLayout)


def test_an_account_that_is_refused_gets_another_client_by_the_next_time() -> None:
    registry = FakeRegistry({1: SCHEMA}, {1: ["a-value"]}, troubles={1: [AccessDeniedError("no")]})
    requests, opens = asker(registry)
    assert isinstance(requests.answer(spec("a"), SchemaWanted(1))[0], SchemaHalt)
    assert isinstance(requests.answer(spec("a"), SchemaWanted(1))[0], SchemaLayout)
    assert opens.opened == 2
    assert registry.asked.count(("close", None)) == 1


def ended(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The ends of outages that were told."""
    told = [one.getMessage() for one in caplog.records if getattr(one, "event", "") == "outage_ended"]
    assert all(one.startswith("registry and database answer again; the supervisor waited for: ") for one in told)
    return [one.partition("waited for: ")[2] for one in told]


def test_an_answer_without_a_wait_ends_none_and_a_refusal_ends_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    registry = FakeRegistry({1: SCHEMA}, {1: ["a-value"]})
    requests, _ = asker(registry)
    requests.answer(spec("a"), SchemaWanted(1))
    assert ended(caplog) == []
    registry.troubles[2] = [AccessDeniedError("no"), UnreachableError("away")]
    assert isinstance(requests.answer(spec("a"), SchemaWanted(2))[0], SchemaHalt)
    assert ended(caplog) == ["away"]


def test_a_registry_that_is_away_is_waited_for_and_each_reason_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    away = [UnreachableError("busy", hint="wait"), UnreachableError("away"), UnreachableError("away")]
    registry = FakeRegistry({1: SCHEMA}, {1: ["a-value"]}, troubles={1: list(away)})
    requests, _ = asker(registry)
    assert isinstance(requests.answer(spec("a"), SchemaWanted(1))[0], SchemaLayout)
    told = [one.getMessage() for one in caplog.records if getattr(one, "event", "") == "outage_began"]
    assert told == ["waiting: away", "waiting: busy (wait)"]
    assert ended(caplog) == ["busy"]
    impatient, _ = asker(FakeRegistry({1: SCHEMA}, troubles={1: list(away)}), patient=False)
    [halt] = impatient.answer(spec("a"), SchemaWanted(1))
    assert isinstance(halt, SchemaHalt)
    assert halt.end.name == "E_UNREACHABLE"


def test_a_client_that_cannot_be_made_is_the_first_askers_to_hear_of() -> None:
    requests, _ = asker(SettingsError("no certificate"))
    loop = Loop(requests)
    loop.ask("a", 0, 1)
    [(_, [halt])] = loop.until(1)
    assert isinstance(halt, SchemaHalt)
    assert "no certificate" in halt.end.text


def test_limits_are_told_for_all_topics() -> None:
    registry = FakeRegistry({1: SCHEMA}, newest_of={"a-value": 1})
    requests, _ = asker(registry)
    requests.tell_limits([spec("a")])
    for thread in threading.enumerate():
        if thread.name == "column limits":
            thread.join(30)
    assert ("newest", "a-value") in registry.asked


def test_an_id_that_stays_unknown_is_asked_for_once_by_the_impatient() -> None:
    registry = FakeRegistry({})
    requests, _ = asker(registry, patient=False)
    requests.answer(spec("a"), SchemaWanted(9))
    assert registry.asked.count(("schema", 9)) == 1
    assert SchemaNotFoundError.name
