"""Slower while the database is not well: how far, for whom, and what is said."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from rtpipe.errors import UnreachableError
from supervisor.settings.fields.throttle_settings import ThrottleSettings
from supervisor.steering import database_health
from supervisor.steering.act_file import ActFile
from supervisor.steering.database_health import DatabaseHealth, HealthSeen
from supervisor.steering.health_throttle import HealthThrottle
from supervisor.steering.row_limits import LIMITS, RowLimits
from tests.support.fakes.fake_worker import FakeLauncher, supervised_worker
from workers.contract.partition_spec import PartitionKey

ONE, TWO = PartitionKey("orders", 0), PartitionKey("orders", 1)
WELL, ILL = HealthSeen(), HealthSeen(exceeded=("threads_running is 85, limit 64",))


class Patient:
    """Says what a test wants, at each look."""

    def __init__(self) -> None:
        self.throttle = HealthThrottle(lambda: WELL)
        self.throttle._question = self  # type: ignore[assignment]
        self.says: HealthSeen | Exception | None = None

    def take(self, _now: float, _ask: Any) -> Future[HealthSeen] | None:
        """As a BackgroundQuestion."""
        answered: Future[HealthSeen] = Future()
        match self.says:
            case None:
                return None
            case Exception():
                answered.set_exception(self.says)
            case _:
                answered.set_result(self.says)
        self.says = None
        return answered

    def look(self, says: HealthSeen | Exception) -> None:
        self.says = says
        self.throttle.look(0.0, lambda: {ONE: 1_000.0, TWO: 0.0})


@pytest.fixture
def patient(caplog: pytest.LogCaptureFixture) -> Patient:
    caplog.set_level("INFO")
    return Patient()


def test_halved_down_to_a_twentieth_then_raised_slowly(patient: Patient, caplog: pytest.LogCaptureFixture) -> None:
    assert patient.throttle.limit_of(ONE) == (0.0, "")
    patient.look(ILL)
    assert patient.throttle.limit_of(ONE) == (500.0, "slowed down to 50%: threads_running is 85, limit 64")
    assert patient.throttle.limit_of(TWO)[0] == 500.0, "it wrote nothing before: as the others on average"
    for _ in range(5):
        patient.look(ILL)
    assert patient.throttle.limit_of(ONE)[0] == pytest.approx(50)
    patient.look(WELL)
    assert patient.throttle.limit_of(ONE)[0] == pytest.approx(60)
    for _ in range(20):
        patient.look(WELL)
    assert patient.throttle.limit_of(ONE) == (0.0, "")
    events = [record.__dict__.get("event") for record in caplog.records]
    assert events == ["throttle_began", "throttle_ended"]


@pytest.mark.parametrize("trouble", [HealthSeen(unknown=("threads_running: away",)), ZeroDivisionError("x")])
def test_what_is_not_known_slows_nothing_down_and_is_told_once(
    patient: Patient, trouble: HealthSeen | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        patient.look(trouble)
    assert patient.throttle.limit_of(ONE) == (0.0, "")
    assert [record.__dict__.get("event") for record in caplog.records] == ["health_unknown"]


def test_the_lower_of_two_limits_holds_and_says_so(patient: Patient) -> None:
    worker: Any = supervised_worker(FakeLauncher())
    worker.begin()
    settings = {"orders": 800.0}
    limits = RowLimits([worker], settings.__getitem__, patient.throttle, ActFile(LIMITS))
    limits.apply(1.0)
    assert (worker.spec.rows_per_second, worker.why_slow) == (800, "limited to 800 rows/s by max_rows_per_second")
    patient.look(ILL)
    limits.apply(2.0)
    assert worker.spec.rows_per_second == 500
    assert worker.why_slow.startswith("slowed down to 50%")
    settings["orders"] = 100.0
    limits.apply(3.0)
    assert worker.spec.rows_per_second == 100


class FakeServer:
    """What a server says to the questions about its health."""

    def __init__(self, threads: int, replica: dict[str, Any] | None) -> None:
        self._threads, self._replica = threads, replica

    def execute(self, question: Any) -> Any:
        if "Threads_running" in str(question):
            return SimpleNamespace(one=lambda: ("Threads_running", str(self._threads)))
        return SimpleNamespace(mappings=lambda: SimpleNamespace(first=lambda: self._replica))


def test_what_servers_say(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = {
        "db": FakeServer(70, None),
        "r1": FakeServer(0, {"Seconds_Behind_Source": 31}),
        "r2": FakeServer(0, {"Seconds_Behind_Master": 30}),
        "r3": FakeServer(0, {"Seconds_Behind_Source": None}),
        "r4": FakeServer(0, None),
    }

    @contextlib.contextmanager
    def connect(url: str, *_: object, writes: bool) -> Iterator[FakeServer]:
        assert not writes, "a replica takes none"
        host = url.rpartition("@")[2].partition(":")[0]
        assert url.startswith("mysql+pymysql://u:secret@")
        if host not in servers:
            raise UnreachableError("nobody answers")
        yield servers[host]

    monkeypatch.setattr(database_health, "admin_connection", connect)
    replicas = tuple(f"{name}:3306" for name in ("r1", "r2", "r3", "r4", "r5"))
    limits = ThrottleSettings(threads_running=64, replica_lag_seconds=30, replicas=replicas)
    seen = DatabaseHealth(limits, lambda: "mysql+pymysql://u:secret@db:3306/bank", 5).ask()
    assert seen.exceeded == ("threads_running is 70, limit 64", "replica r1:3306 is 31 s behind, limit 30")
    rest = "it does not say how far it is behind; replication does not run there"
    assert seen.unknown == (f"replica r3:3306: {rest}", f"replica r4:3306: {rest}", "replica r5:3306: nobody answers")
    away = DatabaseHealth(ThrottleSettings(threads_running=1), lambda: "mysql+pymysql://u:secret@gone:1/x", 5).ask()
    assert away == HealthSeen(unknown=("threads_running: nobody answers",))


@pytest.mark.parametrize(
    "said",
    [
        {"replica_lag_seconds": 3},
        {"replicas": ["a:1"]},
        {"replica_lag_seconds": 3, "replicas": ["a"]},
        {"threads_running": 0},
        {"threads": 3},
    ],
)
def test_settings_that_do_not_fit(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ThrottleSettings.model_validate(said)
    assert not ThrottleSettings().wanted
