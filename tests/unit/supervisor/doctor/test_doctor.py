"""`rtpipe doctor`: what each check makes of the answers that it gets, and that no check disturbs another."""

from __future__ import annotations

import contextlib
import json
import resource
import threading
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from avro_schemas.tables.rules import PLAIN, TableRules
from infra.provision.topics import Cluster, FoundTopic
from rtpipe.errors import ExitCode, SettingsError, UnreachableError
from rtpipe.mysql.error_numbers import READ_ONLY
from supervisor.admin.offset_work import KnownOffset
from supervisor.admin.offsets import StoredOffset
from supervisor.doctor import (
    database_checks,
    diagnosis,
    host_checks,
    kafka_checks,
    server_settings,
    table_checks,
    topic_settings,
)
from supervisor.doctor.database_checks import DatabaseChecks
from supervisor.doctor.examination import Area, Check, Examined, examine, exit_code_of
from supervisor.doctor.finding import Finding, Verdict, failure, fine, warning
from supervisor.doctor.host_checks import HostChecks
from supervisor.doctor.kafka_checks import KafkaChecks, RegistryChecks
from supervisor.doctor.view import facts_of
from supervisor.settings.settings import Settings, load
from tests.support.command_answers import CANARY, Command
from tests.support.fakes.fake_kafka import answered
from workers.contract.partition_spec import PartitionKey
from workers.database.errors import DatabaseTrouble

OK, WARN, FAIL = Verdict
GOOD = {
    "version": "8.4.3",
    "sync_binlog": "1",
    "log_bin": "ON",
    "binlog_format": "ROW",
    "innodb_flush_log_at_trx_commit": "1",
    "max_allowed_packet": str(64 << 20),
    "local_infile": "ON",
    "read_only": "OFF",
    "max_connections": "151",
    "max_user_connections": "0",
}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RTPIPE_BOOTSTRAP_SERVERS", "k:1")
    monkeypatch.setenv("RTPIPE_SCHEMA_REGISTRY_URL", f"http://u:{CANARY}@r:1")
    monkeypatch.setenv("RTPIPE_DATABASE_URL", f"mysql+pymysql://writer:{CANARY}@db:1/bank")
    return load()


# -- running checks --------------------------------------------------------------------------------------------------


def raising(error: Exception) -> Check:
    def ask() -> list[Finding]:
        raise error

    return Check("connection", ask)


def test_what_is_away_fails_its_own_checks_and_no_others() -> None:
    away = Area(
        "kafka", [raising(UnreachableError("nobody", hint="start it")), Check("topics", lambda: [fine("a", "b")])]
    )
    there = Area("database", [Check("connection", lambda: [fine("connection", "db")])])
    kafka, database = examine([away, there])
    assert [finding.verdict for finding in kafka.findings] == [FAIL, FAIL]
    assert kafka.findings[0].found == "E_UNREACHABLE: nobody"
    assert kafka.findings[0].fix == "start it"
    assert kafka.findings[1].found == "not looked at, because connection fails"
    assert database.findings == [fine("connection", "db")]
    assert exit_code_of([kafka, database]) is ExitCode.DIFFERENT
    assert exit_code_of([database]) is ExitCode.DONE


def test_checks_that_do_not_depend_on_the_first_are_all_made() -> None:
    area = Area("tables", [raising(SettingsError("no")), Check("b", lambda: [fine("b", "fits")])], needs_first=False)
    [found] = examine([area])
    assert [finding.verdict for finding in found.findings] == [FAIL, OK]


def test_a_check_that_hangs_ends_with_its_time() -> None:
    never = threading.Event()

    def hang() -> list[Finding]:
        never.wait()
        return []

    [found] = examine([Area("database", [Check("clock", hang, seconds=0.05)])])
    never.set()
    assert found.findings[0].found == "no answer within 0.05 s"


def test_an_error_that_nobody_foresaw_says_its_kind_alone() -> None:
    [found] = examine([Area("database", [raising(ValueError(CANARY))])])
    assert found.findings[0].verdict is FAIL
    assert "ValueError" in found.findings[0].found
    assert CANARY not in json.dumps(facts_of([found]))


# -- the server ------------------------------------------------------------------------------------------------------


def server(changed: Mapping[str, str], *, partitions: int = 3, loads: bool = True) -> dict[str, Finding]:
    found = server_settings.judged({**GOOD, **changed}, partitions=partitions, batch_bytes=4 << 20, loads=loads)
    return {finding.name: finding for finding in found}


def test_a_server_as_it_should_be() -> None:
    assert {finding.verdict for finding in server({}).values()} == {OK}
    assert "max_user_connections" not in server({})  # 0: there is no such limit
    assert "MariaDB" in server({"version": "11.4.5-MariaDB-log"})["version"].found


@pytest.mark.parametrize(
    ("changed", "name", "verdict", "fix"),
    [
        ({"version": "5.7.44"}, "version", WARN, "8.0"),
        ({"version": "10.3.2-MariaDB"}, "version", WARN, "10.6"),
        ({"version": "unknown"}, "version", OK, ""),
        ({"read_only": "ON"}, "read_only", FAIL, "primary"),
        ({"read_only": "NO_LOCK_NO_ADMIN"}, "read_only", FAIL, "primary"),
        ({"innodb_flush_log_at_trx_commit": "2"}, "innodb_flush_log_at_trx_commit", WARN, "= 1;"),
        ({"sync_binlog": "0"}, "sync_binlog", WARN, "SET GLOBAL sync_binlog = 1;"),
        ({"binlog_format": "STATEMENT"}, "binlog_format", FAIL, "'ROW'"),
        ({"max_allowed_packet": "1048576"}, "max_allowed_packet", WARN, "67108864"),
        ({"local_infile": "OFF"}, "local_infile", WARN, "local_infile = 1"),
        ({"wsrep_on": "ON"}, "wsrep_on", WARN, "same node"),
        ({"max_connections": "6"}, "max_connections", FAIL, "= 14;"),
        ({"max_user_connections": "2"}, "max_user_connections", FAIL, "= 14;"),
    ],
)
def test_a_setting_of_the_server(changed: dict[str, str], name: str, verdict: Verdict, fix: str) -> None:
    found = server(changed)
    assert found.pop(name).verdict is verdict
    assert fix in server(changed)[name].fix
    assert {finding.verdict for finding in found.values()} == {OK}


def test_settings_that_do_not_matter() -> None:
    without_log = server({"log_bin": "OFF", "binlog_format": "STATEMENT", "sync_binlog": "0"})
    assert without_log["log_bin"].verdict is OK
    assert "binlog_format" not in without_log
    assert server({"local_infile": "OFF"}, loads=False)["local_infile"].verdict is OK


# -- topics ----------------------------------------------------------------------------------------------------------


def verdicts(values: dict[str, str], copies: int = 3, rules: TableRules = PLAIN) -> dict[str, Verdict]:
    found = topic_settings.judged("orders", values, copies, rules)
    return {finding.name.removeprefix("orders "): finding.verdict for finding in found}


def test_settings_of_topics() -> None:
    assert verdicts({}) == {"replication": OK, "cleanup.policy": OK}
    assert verdicts({"min.insync.replicas": "3"})["replication"] is WARN
    assert verdicts({}, copies=1)["replication"] is WARN
    assert verdicts({"cleanup.policy": "compact,delete"}) == {
        "replication": OK,
        "cleanup.policy": WARN,
        "tombstones": WARN,
    }
    upsert = TableRules(mode="upsert", key=("id",), tombstones="delete")
    assert verdicts({"cleanup.policy": "compact"}, rules=upsert) == {"replication": OK, "cleanup.policy": OK}


def stored(offset: int, begins: int | None, ends: int | None) -> KnownOffset:
    return KnownOffset(StoredOffset(PartitionKey("orders", 0), "g", offset, 1, 0, "", ""), begins, ends)


@pytest.mark.parametrize(
    ("offset", "begins", "ends", "verdict"),
    [
        (99, 100, 200, FAIL),
        (100, 100, 200, WARN),
        (109, 100, 200, WARN),
        (110, 100, 200, OK),
        (200, 200, 200, OK),
        (0, 0, 200, OK),  # nothing was ever deleted
        (5, None, None, OK),  # no leader: nobody knows
    ],
)
def test_retention_beside_what_was_read(offset: int, begins: int | None, ends: int | None, verdict: Verdict) -> None:
    found = topic_settings.retention("orders", {"retention.ms": "3600000"}, [stored(offset, begins, ends)])
    assert found.verdict is verdict
    assert found.found.startswith("1 hours")


def test_how_long_messages_are_kept() -> None:
    both = {"retention.ms": "7200000", "retention.bytes": "1000"}
    assert topic_settings.retention("a", both, []).found == "2 hours or 1,000 bytes a partition"
    assert topic_settings.retention("a", {}, []).found == "without end"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Kafka with one topic; its settings, or the error in their place."""
    values: dict[str, Any] = {"orders": {"cleanup.policy": SimpleNamespace(value="delete")}}
    admin = SimpleNamespace(
        describe_configs=lambda asked, **_: {one: answered(values[one.name]) for one in asked},
        describe=lambda: Cluster(1, {"orders": FoundTopic(6, 3)}),
    )
    monkeypatch.setattr(kafka_checks, "AdminClient", lambda _: admin)
    monkeypatch.setattr(kafka_checks, "TopicAdmin", lambda _: admin)
    monkeypatch.setattr(kafka_checks, "OffsetWork", lambda _: SimpleNamespace(known=lambda _: [stored(5, 9, 10)]))
    return values


def test_what_kafka_has(settings: Settings, cluster: dict[str, Any]) -> None:
    checks = KafkaChecks(settings, ["orders", "lost"])
    assert checks.partitions == 0
    [found] = examine([checks.area()])
    assert {finding.name: finding.verdict for finding in found.findings} == {
        "connection": OK,
        "orders topic": OK,
        "orders replication": OK,
        "orders cleanup.policy": OK,
        "lost topic": FAIL,
        "orders retention": FAIL,
    }
    assert checks.partitions == 6
    [none] = examine([KafkaChecks(settings, ["lost"]).area()])
    assert [finding.verdict for finding in none.findings] == [OK, FAIL]


def test_settings_of_topics_that_may_not_be_read(settings: Settings, cluster: dict[str, Any]) -> None:
    cluster["orders"] = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    [found] = examine([KafkaChecks(settings, ["orders"]).area()])
    assert "DESCRIBE_CONFIGS" in found.findings[1].fix


def test_what_the_registry_has(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"orders-value": 4, "lost-value": 0}
    registry = SimpleNamespace(url="http://r:1", check=lambda: None, newest_version=numbers.__getitem__)
    monkeypatch.setattr(kafka_checks, "open_registry", lambda _: registry)
    [found] = examine([RegistryChecks(settings, ["orders", "lost"]).area()])
    assert [finding.verdict for finding in found.findings] == [OK, OK, WARN]
    monkeypatch.setenv("RTPIPE_DEFAULTS", '{"subject": "{record}"}')
    assert RegistryChecks(load(), ["orders"]).subjects()[0].verdict is OK


# -- the database ----------------------------------------------------------------------------------------------------


class FakeServer:
    """Sessions whose every connection answers from a table of beginnings of statements."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "SHOW GLOBAL VARIABLES": list(GOOD.items()),
            "SELECT UNIX_TIMESTAMP": [(0.0,)],
            "SELECT CURRENT_USER": [("writer@10.%",)],
            "SELECT COLUMN_NAME": [("id",)],
        }

    def close(self) -> None:
        pass

    @contextlib.contextmanager
    def connected(self, account: Any, *, doing: str) -> Iterator[FakeServer]:
        yield self

    def exec_driver_sql(self, sql: str, *_: Any) -> Any:
        rows = next(rows for start, rows in self.answers.items() if sql.strip().startswith(start))
        first = rows[0][0] if rows else None
        answer = SimpleNamespace(scalar=lambda: first, scalar_one=lambda: first)
        return rows if sql.startswith("SHOW") else answer


@pytest.fixture
def fake_server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    found = FakeServer()
    monkeypatch.setattr(database_checks, "Sessions", lambda: found)
    monkeypatch.setattr(database_checks, "open_session", lambda *_: found)
    monkeypatch.setattr(f"{database_checks.__name__}.time.time", lambda: 0.5)
    monkeypatch.setattr(f"{database_checks.__name__}.who.missing_privileges", lambda *_: [])
    monkeypatch.setattr(f"{database_checks.__name__}.who.login", lambda *_: "'writer'@'%'")
    monkeypatch.setattr(f"{database_checks.__name__}.who.infra_holds_all", lambda *_: True)
    return found


def of_database(settings: Settings) -> dict[str, Finding]:
    [found] = examine([DatabaseChecks(settings, ["orders"], 3, loads=True).area()])
    assert CANARY not in json.dumps(facts_of([found]))
    return {finding.name: finding for finding in found.findings}


def test_a_database_as_it_should_be(
    settings: Settings, fake_server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert of_database(settings)["account for tables"].verdict is WARN  # one account for everything
    monkeypatch.setenv("RTPIPE_INFRA_DATABASE_URL", "mysql+pymysql://infra:p@db:1/bank")
    found = of_database(load())
    assert {finding.verdict for finding in found.values()} == {OK}
    assert {"privileges on orders", "privileges on kafka_offsets", "clock", "version"} <= found.keys()


def test_what_a_database_lacks(settings: Settings, fake_server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{database_checks.__name__}.who.missing_privileges", lambda *given: [given[-1][-1]])
    monkeypatch.setattr(f"{database_checks.__name__}.who.infra_holds_all", lambda *_: False)
    fake_server.answers["SELECT UNIX_TIMESTAMP"] = [(-100.0,)]
    found = of_database(settings)
    assert found["privileges on orders"].fix == "GRANT INSERT ON `bank`.`orders` TO 'writer'@'10.%';"
    assert found["account for tables"].fix.startswith("GRANT CREATE, ALTER")
    assert found["clock"].found == "100.5 s behind ours"
    fake_server.answers["SELECT COLUMN_NAME"] = []
    assert of_database(settings)["privileges on orders"].fix == "rtpipe setup --topics orders"


def test_a_database_that_refuses_us(
    settings: Settings, fake_server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(number: int) -> None:
        def open_session(*_: Any) -> Any:
            raise DatabaseTrouble(number).at("writer@db:1/bank")

        monkeypatch.setattr(database_checks, "open_session", open_session)

    refuse(1045)
    found = of_database(settings)
    assert {finding.verdict for finding in found.values()} == {FAIL}
    assert "writer@db:1/bank" in found["connection"].found
    refuse(READ_ONLY)  # which the check of read_only tells
    assert of_database(settings)["connection"].verdict is OK


# -- tables and this machine -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "verdict", "said"),
    [
        ({}, OK, "fits schema id 7"),
        ({"refused": ["column a"]}, FAIL, "cannot take"),
        ({"create": "CREATE TABLE"}, FAIL, "there is no table"),
        ({"changes": [1]}, WARN, "needs 1 change for"),
        ({"changes": [1, 2], "questions": ["copies the table"]}, WARN, "needs 2 changes"),
        ({"losses": ["column a cuts"]}, WARN, "column a cuts"),
    ],
)
def test_a_table_beside_its_schema(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, plan: dict[str, Any], verdict: Verdict, said: str
) -> None:
    target = SimpleNamespace(topic="orders", table="orders", schema_id=7)
    nothing: dict[str, Any] = {"refused": [], "create": "", "changes": [], "questions": [], "losses": []}
    monkeypatch.setattr(table_checks, "targets", lambda *_: [target])
    monkeypatch.setattr(table_checks, "plan_tables", lambda *_: [SimpleNamespace(target=target, **(nothing | plan))])
    [found] = examine([table_checks.table_area(settings, ["orders"])])
    assert found.findings[0].verdict is verdict
    assert said in found.findings[0].found


def test_this_machine(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(partitions: int = 3) -> dict[str, Verdict]:
        [area] = examine([HostChecks(settings, partitions).area()])
        return {finding.name: finding.verdict for finding in area.findings}

    def no_stranger(_: str) -> str:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(f"{host_checks.__name__}.metadata.version", no_stranger)
    monkeypatch.setattr(f"{host_checks.__name__}.resource.getrlimit", lambda _: (1_000, 1_000))
    monkeypatch.setattr(f"{host_checks.__name__}.psutil.virtual_memory", lambda: SimpleNamespace(available=1 << 30))
    monkeypatch.setattr(f"{host_checks.__name__}.shutil.disk_usage", lambda _: SimpleNamespace(free=1 << 30))
    assert set(found().values()) == {OK}
    many = found(100)
    assert (many["open files"], many["processes"], many["memory"]) == (FAIL, FAIL, WARN)
    monkeypatch.setattr(f"{host_checks.__name__}.shutil.disk_usage", lambda _: SimpleNamespace(free=1))
    monkeypatch.setattr(f"{host_checks.__name__}.metadata.version", lambda _: "4.3.0")
    assert (found()["disk"], found()["packages"]) == (FAIL, FAIL)
    assert host_checks.limit("open files", resource.RLIM_INFINITY, 9, "").found == "no limit"


# -- the command -----------------------------------------------------------------------------------------------------

EXAMINED = [
    Examined(
        "database",
        [fine("version", "8.4"), warning("sync_binlog", "0", "why", "SET [x] = 1"), failure("clock", "a", "b", "c")],
    )
]


def test_the_command(rtpipe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def diagnose(_: Settings, topics: Any) -> list[Examined]:
        asked.append(topics)
        return EXAMINED

    monkeypatch.setattr(diagnosis, "diagnose", diagnose)
    answer = rtpipe("doctor", "-t", "a,b")
    assert answer.returncode == ExitCode.DIFFERENT
    assert asked == [["a", "b"]]
    assert [line.rstrip() for line in answer.stdout.splitlines()] == [
        "database",
        "  OK   version  8.4",
        "  WARN sync_binlog  0",
        "       why",
        "       fix: SET [x] = 1",
        "  FAIL clock  a",
        "       b",
        "       fix: c",
        "1 OK, 1 WARN, 1 FAIL",
    ]
    told = json.loads(rtpipe("doctor", "--json").stdout)
    assert told["counts"] == {"OK": 1, "WARN": 1, "FAIL": 1}
    assert told["checks"][1] == {
        "area": "database",
        "name": "sync_binlog",
        "verdict": "WARN",
        "found": "0",
        "meaning": "why",
        "fix": "SET [x] = 1",
    }
    EXAMINED[0] = Examined("database", [warning("a", "b", "c", "d")])
    assert rtpipe("doctor").returncode == 0


def test_with_no_address_at_all(rtpipe: Command) -> None:
    told = json.loads(rtpipe("doctor", "-t", "orders", "--json").stdout)["checks"]
    missing = [one["found"] for one in told if one["name"] == "connection"]
    assert len(missing) == 3
    assert all("no value for RTPIPE_" in one for one in missing)
    assert {one["area"] for one in told} == {"settings", "kafka", "registry", "database", "tables", "machine"}
