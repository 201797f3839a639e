"""The turns of `rtpipe bench` with fakes, and what the bare database is sent over how many connections."""

from __future__ import annotations

import json
import threading
from types import SimpleNamespace
from typing import Any

import pymysql
import pytest
from sqlalchemy import make_url

from supervisor.bench import bare, user_bench
from supervisor.bench.bare import BareDatabase
from supervisor.bench.figures import Bare, Run
from supervisor.bench.table_rows import Column, TableRows
from supervisor.bench.user_bench import Findings, Order
from supervisor.bench.watch import BenchError
from supervisor.settings.settings import Settings
from tests.support.command_answers import Command
from tests.support.fakes.fake_pipeline import FakePipeline

URL = make_url("mysql+pymysql://u:p@db/bench")
RUN = Run(rows=90, cold=1.0, steady=50.0, micros={}, cores={}, busy=0.0, rows_a_commit=20.0)
VARIABLES = {
    "RTPIPE_BOOTSTRAP_SERVERS": "k:1",
    "RTPIPE_SCHEMA_REGISTRY_URL": "http://r:1",
    "RTPIPE_DATABASE_URL": "mysql+pymysql://u:p@db:1/bank",
}


class Server:
    """What all connections sent, by table: sizes of transactions. `warnings`: of each LOAD DATA."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, local_infile: str = "ON", warnings: int = 0) -> None:
        self.local_infile, self.warnings = local_infile, warnings
        self.statements: list[str] = []
        self.transactions: list[tuple[str, int]] = []
        self.connections = 0
        self.lock = threading.Lock()
        monkeypatch.setattr(bare, "bare_connection", lambda *_, **__: Connection(self))
        rows = tuple((str(number).encode(),) for number in range(30))
        monkeypatch.setattr(bare, "read_rows", lambda *_, **__: TableRows((Column("a", "int"),), rows))


class Connection:
    """One of them."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.open: list[tuple[str, int]] = []

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cursor(self) -> Connection:
        return self

    def execute(self, sql: str) -> None:
        if "local_infile" in sql and self.server.local_infile == "unknown":
            raise pymysql.err.OperationalError(1193, "unknown variable")
        self.server.statements.append(sql)

    def fetchone(self) -> tuple[str]:
        return (self.server.local_infile,)

    def load(self, statement: bytes, content: Any) -> tuple[int, int]:
        rows = b"".join(content).count(b"\n")
        self.open.append((table_in(statement), rows))
        return rows, self.server.warnings

    def query(self, statement: bytes) -> int:
        rows = statement.count(b"),(") + 1
        self.open.append((table_in(statement), rows))
        return rows

    def commit(self) -> None:
        [(table, _)] = set(self.open) if len(set(self.open)) == 1 else [self.open[0]]
        with self.server.lock:
            self.server.transactions.append((table, sum(rows for _, rows in self.open)))
        self.open = []


def table_in(statement: bytes) -> str:
    return statement.partition(b"INTO ")[2].removeprefix(b"TABLE ").split(b" ")[0].decode().strip("`")


@pytest.mark.parametrize(
    ("tables", "connections", "rows", "sent"),
    [
        (["t"], 3, 4, [("t_bare", 4), ("t_bare", 4), ("t_bare", 2)] * 3),
        (["t", "u"], 1, 0, [("t_bare", 30), ("u_bare", 30)]),
        (["t", "u"], 3, 0, [("t_bare", 15), ("t_bare", 15), ("u_bare", 30)]),
    ],
)
def test_every_row_is_sent_once_over_all_connections(
    tables: list[str], connections: int, rows: int, sent: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(monkeypatch)
    seconds = iter([1.0, 1.6])
    database = BareDatabase(URL, tables, rows=60)
    found = database.run(connections, rows, lambda: next(seconds))
    assert database.loads
    assert sorted(server.transactions) == sorted(sent)
    assert found.rate > 0
    assert found.micros == pytest.approx(0.6 / database.rows * 1e6)
    assert server.statements[-1].startswith("DROP TABLE IF EXISTS `")


@pytest.mark.parametrize(("local_infile", "upsert"), [("OFF", False), ("unknown", False), ("ON", True)])
def test_rows_go_by_insert_where_load_data_cannot_be(
    local_infile: str, upsert: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(monkeypatch, local_infile=local_infile)
    monkeypatch.setattr(bare, "_INSERT_ROWS", 4)
    database = BareDatabase(URL, ["t"], rows=30, upsert=upsert)
    database.run(2, 10)
    assert not database.loads
    assert sorted(server.transactions) == [("t_bare", 5), ("t_bare", 5), ("t_bare", 10), ("t_bare", 10)]


def test_a_limit_that_was_not_written_as_it_is_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, warnings=2)
    with pytest.raises(BenchError, match="10 were written, with 2 warnings"):
        BareDatabase(URL, ["t"], rows=30).run(3, 0)
    assert server.statements[-1] == "DROP TABLE IF EXISTS `t_bare`"


class Made:
    """In the place of what is made and removed."""

    def __init__(self, done: list[str]) -> None:
        self.done, self.name = done, "bench_x"
        self.account = SimpleNamespace(address="db:1", current_url=lambda: URL)

    def make_database(self) -> str:
        self.done.append("database")
        return "8.4.3"

    def make_topic(self, partitions: int, _schema: object) -> None:
        self.done.append(f"topic {partitions}")

    def remove(self) -> list[str]:
        self.done.append("remove")
        return []


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the command does, in its order, with everything below it in the place of services."""
    done: list[str] = []
    pipeline = FakePipeline([])
    monkeypatch.setattr(pipeline.commands, "run", lambda *words: done.append(" ".join(words)))
    monkeypatch.setattr(pipeline, "stop", lambda: done.append("stop"))
    monkeypatch.setattr(user_bench, "Throwaway", lambda _: Made(done))
    monkeypatch.setattr(user_bench, "PipelineDriver", lambda *_: pipeline)
    monkeypatch.setattr(user_bench, "log_of", lambda *_: ({0: 0, 1: 0}, 5_000))
    monkeypatch.setattr(user_bench, "services", lambda *_: {"database": [], "broker": []})

    def rtpipe(_rig: object, messages: int, _seconds: float) -> tuple[Run, list[bool]]:
        done.append(f"rtpipe {messages}")
        return RUN, [False]

    def database(_where: object, tables: list[str], *, rows: int, upsert: bool) -> Any:
        done.append(f"keep {rows} of {tables[0]}, {'upsert' if upsert else 'insert'}")

        def run(connections: int, rows: int, _cpu: object) -> Bare:
            done.append(f"bare {connections} {rows}")
            return Bare(100.0, 1.0)

        return SimpleNamespace(run=run, loads=not upsert)

    monkeypatch.setattr(user_bench, "_rtpipe", rtpipe)
    monkeypatch.setattr(user_bench, "BareDatabase", database)
    return done


def test_a_topic_is_made_filled_measured_in_turns_and_removed(done: list[str]) -> None:
    found = user_bench.user_bench(Settings(), Order(messages=2_000, rounds=2), lambda _: None)
    assert done == [
        "database",
        "topic 6",
        "produce --topics bench_x --count 2000",
        "setup --topics bench_x --yes",
        "rtpipe 2000",
        "keep 90 of bench_x, insert",
        "bare 2 20",
        "rtpipe 2000",
        "bare 2 20",
        "stop",
        "remove",
    ]
    assert (found.topic, found.messages, found.server, len(found.runs)) == ("", 2_000, "8.4.3", 2)


def test_a_topic_of_theirs_is_only_read(done: list[str], rtpipe: Command) -> None:
    own = json.dumps([{"match": "orders", "mode": "upsert", "key": ["id"]}])
    answer = rtpipe("bench", "--topic", "orders", "--rounds", "1", "--json", **VARIABLES, RTPIPE_TOPICS=own)
    assert answer.returncode == 0, answer.stderr
    facts = json.loads(answer.stdout)
    assert (facts["topic"], facts["messages"], facts["ratio"]) == ("orders", 5_000, 0.5)
    assert facts["bare_statement"] == "INSERT"
    assert not [line for line in done if line.startswith(("topic", "produce"))]
    assert "keep 90 of orders, upsert" in done


def test_what_was_made_is_removed_after_an_error(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_bench, "log_of", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        user_bench.user_bench(Settings(), Order(topic="orders"), lambda _: None)
    assert done == ["database", "stop", "remove"]


def test_findings_without_looks_have_no_backpressure() -> None:
    assert user_bench._share([]) == 0
    assert user_bench._share([True, False]) == 0.5
    assert Findings("", "8", 1, 1).limited_by == ""
