"""The database and the topic of a measurement: made, and removed whatever happens."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from infra.tables import database
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import SettingsError
from supervisor.bench import throwaway, user_bench, user_stack
from supervisor.bench.throwaway import PREFIX, Throwaway
from supervisor.settings.fields.topic_settings import TopicBlock, TopicSettings
from supervisor.settings.settings import Settings
from workers.contract.partition_spec import PartitionKey

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


SETTINGS = Settings(
    bootstrap_servers="127.0.0.1:9092",
    schema_registry_url="http://r:1",
    database_url="mysql+pymysql://writer:pw@db/bank",
    admin_database_url="mysql+pymysql://root:canary@db/",
)


class Sql:
    """SQLAlchemy's connection: remembers statements, and refuses one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, refuses: str = "nothing") -> None:
        self.run: list[str] = []
        self.refuses = refuses
        monkeypatch.setattr(throwaway, "run", self.statement)
        monkeypatch.setattr(database.Sessions, "connected", self.connected)

    @contextlib.contextmanager
    def connected(self, _account: object, *, doing: str) -> Iterator[Sql]:
        yield self

    def statement(self, _connection: object, sql: str) -> Any:
        self.run.append(sql)
        if sql.startswith(self.refuses):
            raise AccessDeniedError("refused access: 1044", hint="")
        return SimpleNamespace(scalar=lambda: "8.4.3")


def test_the_database_is_made_tried_and_dropped_by_the_account_that_may_most(monkeypatch: pytest.MonkeyPatch) -> None:
    sql = Sql(monkeypatch)
    made = Throwaway(SETTINGS)
    assert made.account.user == "root"
    assert made.make_database() == "8.4.3"
    assert sql.run[1].startswith(f"CREATE DATABASE `{made.name}`")
    assert sql.run[-1] == f"DROP TABLE `{made.name}`.probe"
    assert made.remove() == []
    assert sql.run[-1] == f"DROP DATABASE IF EXISTS `{made.name}`"
    assert made.remove() == []
    assert Throwaway(SETTINGS).name != made.name


@pytest.mark.parametrize("refuses", ["CREATE DATABASE", "INSERT"])
def test_a_privilege_that_is_missing_is_told_with_the_sql_that_gives_it(
    refuses: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = Sql(monkeypatch, refuses=refuses)
    made = Throwaway(SETTINGS.model_copy(update={"admin_database_url": SETTINGS.infra_database_url}))
    with pytest.raises(AccessDeniedError) as refusal:
        made.make_database()
    assert r"GRANT ALL ON `bench\_rtpipe\_%`.* TO 'writer'@'%'" in refusal.value.hint
    assert made.remove() == []
    assert sql.run[-1].startswith("DROP DATABASE")


def test_what_cannot_be_removed_is_named_and_the_rest_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    sql = Sql(monkeypatch)
    done: list[str] = []
    made = Throwaway(SETTINGS)
    made.make_database()

    class Admin:
        def __init__(self, _kafka: object) -> None:
            self.brokers = 1

        def describe(self) -> Admin:
            return self

        def create(self, names: Sequence[str], *, partitions: int, copies: int) -> None:
            done.append(f"create {partitions} {copies}")

    registry = SimpleNamespace(
        register=lambda *_: done.append("register"), delete=lambda _: done.append("delete"), close=lambda: None
    )
    monkeypatch.setattr(throwaway, "TopicAdmin", Admin)
    monkeypatch.setattr(throwaway, "Registry", lambda *_: registry)
    monkeypatch.setattr(throwaway, "AdminClient", lambda _: 1 / 0)
    made.make_topic(6, {})
    assert made.remove() == [f"topic {made.name} could not be removed: division by zero"]
    assert done == ["create 6 1", "register", "delete"]
    assert sql.run[-1].startswith("DROP DATABASE")


class Made:
    """In the place of what is made."""

    def __init__(self, left: list[str]) -> None:
        self.left = left

    def remove(self) -> list[str]:
        signal.raise_signal(signal.SIGINT)  # a second Ctrl-C
        return self.left


def test_a_signal_that_is_ignored_ends_nothing() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with user_bench._removed(Made([]), print):  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGHUP)
    assert signal.signal(signal.SIGHUP, former) is signal.SIG_IGN


@pytest.fixture
def handled() -> Iterator[None]:
    """No signal is ignored, as a shell's jobs ignore SIGINT, and nohup's SIGHUP."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handled")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_everything_is_removed(number: signal.Signals) -> None:
    former = [signal.getsignal(one) for one in SIGNALS]
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt), user_bench._removed(Made(["topic x"]), said.append):  # type: ignore[arg-type]
        signal.raise_signal(number)
    assert said == ["left behind: topic x"]
    assert [signal.getsignal(one) for one in SIGNALS] == former


def test_rtpipe_is_told_of_no_other_database_than_the_one_that_is_dropped() -> None:
    where = Throwaway(SETTINGS).account.current_url().set(database=f"{PREFIX}1")
    settings = SETTINGS.model_copy(
        update={
            "defaults": TopicSettings(mode="upsert", key=("id",), batch_rows=77),
            "topics": (TopicBlock(match="orders", table="sold", group="mine"),),
        }
    )
    sample = user_stack.environment(settings, where, "")
    assert {name: url for name, url in sample.items() if "DATABASE" in name} == {
        "RTPIPE_DATABASE_URL": f"mysql+pymysql://root:canary@db/{PREFIX}1"
    }
    assert '"batch_rows": 77' in sample["RTPIPE_DEFAULTS"]
    assert "upsert" not in sample["RTPIPE_DEFAULTS"]
    own = user_stack.environment(settings, where, "orders")["RTPIPE_DEFAULTS"]
    assert TopicSettings.model_validate_json(own) == TopicSettings(mode="upsert", key=("id",), batch_rows=77)


def test_a_topic_without_messages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    key = PartitionKey("t", 0)

    class View:
        def __init__(self, _kafka: object) -> None:
            self.end = ends.pop()

        def topics(self, _names: object) -> Any:
            return [SimpleNamespace(partitions=(key,))]

        def log_begins(self, _keys: object) -> Any:
            return SimpleNamespace(known={key: 3})

        def log_ends(self, _keys: object) -> Any:
            return SimpleNamespace(known={key: self.end})

    ends = [3, 10]
    monkeypatch.setattr(user_stack, "ClusterView", View)
    assert user_stack.log_of(SETTINGS, "t") == ({0: 3}, 7)
    with pytest.raises(SettingsError, match="no messages"):
        user_stack.log_of(SETTINGS, "t")
