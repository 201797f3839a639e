"""A writer that waits for a service says so again and again, and ends its wait early for a reason."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.samples.specs import default_spec
from workers.commit import database_outage
from workers.commit.database_outage import DatabaseOutage
from workers.contract.errors import LostParent
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Waiting


class Rig:
    """The waiter with its consumer's end in our hands; a turn takes no time, but passes on its clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, secret: Path) -> None:
        self.now = 100.0
        self.lost = False
        self.consumer, self.near = multiprocessing.Pipe()
        monkeypatch.setattr(database_outage, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(database_outage, "connection", SimpleNamespace(wait=self.wait))
        self.waited: list[tuple[list[Any], float]] = []
        self.outage = DatabaseOutage(default_spec(PartitionKey("orders", 0), database_url_file=str(secret)), self.near)

    def wait(self, sentinels: list[Any], timeout: float) -> list[Any]:
        self.waited.append((sentinels, timeout))
        self.now += timeout
        return sentinels if self.lost else []

    def heard(self) -> list[object]:
        words = []
        while self.consumer.poll():
            words.append(self.consumer.recv())
        return words


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(monkeypatch, tmp_path / "url")
    yield made
    made.consumer.close()
    made.near.close()


def test_it_says_so_every_second_to_the_consumer_and_once_to_the_log(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    rig.outage.pause("database: away", 2.5)
    assert [timeout for _, timeout in rig.waited] == [1.0, 1.0, 0.5]
    rig.outage.pause("database: away", 1.0)
    assert rig.heard() == [Waiting("database: away")] * 4
    assert caplog.messages == ["waiting: database: away"]
    rig.outage.pause("database: locked", 1.0)
    rig.outage.over()
    rig.outage.over()
    assert rig.heard() == [Waiting("database: locked"), Waiting("")]
    assert caplog.messages[1:] == [
        "waiting: database: locked",
        "the database answers again; the writer waited for: database: locked",
    ]


def test_a_consumer_that_dies_ends_the_wait(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = SimpleNamespace(sentinel=7)
    monkeypatch.setattr(database_outage, "multiprocessing", SimpleNamespace(parent_process=lambda: parent))
    rig.lost = True
    with pytest.raises(LostParent, match="the consumer process died"):
        rig.outage.pause("database: away", 60)
    assert rig.waited == [([7], 1.0)]


def test_a_password_that_changes_is_tried_at_once(rig: Rig, tmp_path: Path) -> None:
    def wait(_sentinels: list[Any], timeout: float) -> list[Any]:
        rig.now += timeout
        (tmp_path / "new").write_text("mysql+pymysql://u:new@db/bank")
        (tmp_path / "new").replace(tmp_path / "url")
        return []

    (tmp_path / "url").write_text("mysql+pymysql://u:old@db/bank")
    database_outage.connection.wait = wait  # type: ignore[attr-defined]
    rig.outage.pause("database: password refused", 60)
    assert rig.now == 101.0
