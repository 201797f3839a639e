"""`produce`, `verify`, `chaos` and `demo`: their options reach the feature, what it says is printed.

The features are fakes; the command runs through the front door, as the console script does.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rtpipe.errors import ExitCode
from supervisor.demo.chaos.chaos_report import ChaosReport, Fault
from tests.support.command_answers import ADDRESSES, Command, Spy
from workers.produce.order import ProduceProgress, ProduceResult

pytestmark = pytest.mark.usefixtures("addresses")


MOMENT = dt.datetime(2026, 5, 1, 10, 0, 0)  # noqa: DTZ001 - UTC without a zone, as the database has it


def test_produce(rtpipe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[Any] = []

    def send(order: Any, progress: Any) -> ProduceResult:
        orders.append(order)
        progress(ProduceProgress(5, 0, None, 0.0))
        progress(ProduceProgress(10, 0, 20, 2.0))
        return ProduceResult(20, 0, 4.0, 100, {})

    monkeypatch.setattr("workers.produce.producer.produce", send)
    answer = rtpipe("produce", "-t", "a,b", "--duration", "2m", "--rate", "5", "--seed", "7")
    assert answer.stdout == "20 messages sent in 4.0 s (5/s), 0 failed\n"
    assert (orders[0].topics, orders[0].duration, orders[0].rate, orders[0].seed) == (("a", "b"), 120.0, 5.0, 7)
    assert orders[0].subjects["a"].values == "{topic}-value"
    assert json.loads(rtpipe("produce", "-t", "a", "--count", "20", "--json").stdout)["sent"] == 20


def test_verify(rtpipe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[Any] = []
    codes: list[bool] = []

    def exit_code(*, fail_on_dead_letters: bool) -> ExitCode:
        codes.append(fail_on_dead_letters)
        return ExitCode.DIFFERENT

    def check(order: Any, progress: Any) -> Any:
        orders.append(order)
        for done in (1, 2):
            progress(SimpleNamespace(topic="a", stage="rows", done=done, total=None))
        return SimpleNamespace(exit_code=exit_code)

    printed = Spy()
    monkeypatch.setattr("supervisor.verify.verify.verify", check)
    monkeypatch.setattr("supervisor.verify.outcome.view.print_report", printed)
    monkeypatch.setattr("supervisor.verify.outcome.view.as_json", lambda _report: {"ok": False, "at": MOMENT})
    assert rtpipe("verify", "-t", "a", "--values", "--limit", "3", "--fail-on-dead-letters").returncode == 3
    assert (orders[0].topics, orders[0].values, orders[0].listed) == (("a",), True, 3)
    assert (orders[0].database_url, orders[0].tables) == (ADDRESSES["RTPIPE_DATABASE_URL"], {"a": "a"})
    assert len(printed.calls) == 1
    told = json.loads(rtpipe("verify", "-t", "a", "--json").stdout)
    assert told["ok"] is False
    assert codes == [True, False]


def test_chaos(rtpipe: Command, spy: Any) -> None:
    faults = (Fault("kill worker", "t/0", 1.0), Fault("kill worker", "t/0", 3.0))
    run = spy("supervisor.demo.chaos.chaos_run.run_chaos", ChaosReport(7, 1_000, faults, 0))
    answer = rtpipe("chaos", "--duration", "8h", "--seed", "7")
    assert answer.returncode == 0
    assert "2 faults, 1,000 rows: 0 lost, 0 doubled, 0 altered, 0 orphans" in answer.stdout
    (settings, say), named = run.only
    assert settings.bootstrap_servers == "k:1"
    assert named == {"duration": 28_800.0, "rate": 2_000, "partitions": 3, "seed": 7, "hosts": 1}
    say("a line")
    run.answer = ChaosReport(7, 1_000, faults, 1)
    answer = rtpipe("chaos", "--json", "--hosts", "3")
    assert answer.returncode == 3
    assert run.calls[-1][1]["hosts"] == 3
    assert run.calls[-1][1]["duration"] == 60.0
    assert json.loads(answer.stdout)["orphans"] == 1


def test_demo(rtpipe: Command, spy: Any, tmp_path: Path) -> None:
    run = spy("supervisor.demo.demo.demo", 0)
    assert rtpipe("demo", "--messages", "3000", "--keep", "--dir", str(tmp_path)).returncode == 0
    (directory, messages), named = run.only
    assert (directory, messages, named["keep"]) == (tmp_path, 3_000, True)
    run.answer = 3
    assert rtpipe("demo").returncode == 3
