"""What a writer demands of a connection and of the tables that it finds there; the server is a dict of answers."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pymysql
import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import OperationalError

from rtpipe.errors import RtpipeError
from rtpipe.mysql.error_numbers import Action
from workers.contract.errors import SetupError
from workers.database import session as database_session
from workers.database.errors import DatabaseTrouble, login_of, translated
from workers.database.session import DatabaseSession, open_session

STRICT = "STRICT_ALL_TABLES,NO_ZERO_DATE"


class Answer(list[Any]):
    """The rows of an answer."""

    rowcount = 3

    def one(self) -> Any:
        [row] = self
        return row

    def one_or_none(self) -> Any:
        return self[0] if self else None

    all = list[Any].copy


class FakeConnection:
    """Answers by the first words that fit; remembers what it was asked."""

    engine = SimpleNamespace(url=make_url("mysql+pymysql://writer:secret@db:3307/bank"))
    dialect = SimpleNamespace(is_mariadb=False)

    def __init__(self, **answers: Any) -> None:
        usual: dict[str, Any] = {
            "CONNECTION_ID": [(7, 1 << 20, STRICT, "host", 3306, "9.7.4")],
            "server_uuid": [("uuid",)],
            "time_zone": [("+00:00", "utf8mb4")],
            "read_only": [(0, "OFF")],
        }
        self.answers = answers | {words: answer for words, answer in usual.items() if words not in answers}
        self.asked: list[str] = []
        self.rolled_back = 0
        self.ended: list[str] = []

    def exec_driver_sql(self, sql: Any, *_: Any, **__: Any) -> Answer:
        text = sql.decode() if isinstance(sql, bytes) else sql
        self.asked.append(text)
        found: Any = next((answer for words, answer in self.answers.items() if words in text), [])
        if isinstance(found, BaseException):
            raise found
        return Answer(found)

    def execute(self, sql: Any, values: dict[str, Any]) -> Answer:
        assert set(values.values()) <= {"orders", "letters"}
        return self.exec_driver_sql(str(sql))

    def rollback(self) -> None:
        self.rolled_back += 1

    def invalidate(self) -> None:
        self.ended.append("invalidate")
        raise OSError

    def close(self) -> None:
        self.ended.append("close")


def session_on(**answers: Any) -> tuple[DatabaseSession, FakeConnection]:
    connection: Any = FakeConnection(**answers)
    return DatabaseSession(connection), connection


def test_a_session_knows_its_connection_and_its_server() -> None:
    session, connection = session_on()
    assert (session.id, session.max_packet, session.is_mariadb, session.server) == (7, 1 << 20, False, "uuid")
    assert connection.rolled_back == 1, "no snapshot is left from the questions"
    connection = FakeConnection()
    connection.dialect = SimpleNamespace(is_mariadb=True)
    session = DatabaseSession(connection)  # type: ignore[arg-type]
    assert (session.is_mariadb, session.server) == (True, "host:3306")
    assert not [sql for sql in connection.asked if "server_uuid" in sql]


@pytest.mark.parametrize(
    "answers",
    [
        {"CONNECTION_ID": [(7, 9, "NO_ZERO_DATE", "h", 1, "9.7.4")]},
        {"CONNECTION_ID": [(7, 9, STRICT + ",ANSI_QUOTES", "h", 1, "9.7.4")]},
        {"CONNECTION_ID": [(7, 9, STRICT + ",NO_BACKSLASH_ESCAPES", "h", 1, "9.7.4")]},
        {"time_zone": [("SYSTEM", "utf8mb4")]},
        {"time_zone": [("+00:00", "latin1")]},
    ],
)
def test_a_session_without_the_settings_that_statements_rest_on_is_refused(answers: dict[str, Any]) -> None:
    with pytest.raises(SetupError, match="did not take the session's settings"):
        session_on(**answers)


@pytest.mark.parametrize("values", [(1, "OFF"), (0, "ON"), ("NO_LOCK", 0), ("READ_ONLY", "OFF")])
def test_a_server_that_takes_no_writes_is_waited_for(values: tuple[Any, ...]) -> None:
    session, connection = session_on()
    session.require_writable()
    connection.answers["read_only"] = [values]
    with pytest.raises(DatabaseTrouble) as found:
        session.require_writable()
    assert found.value.number == 1290


def test_statements_and_queries_hold_their_values_and_errors_are_reduced() -> None:
    session, connection = session_on(SELECT_A=[("x", 1)])
    assert session.execute(b"INSERT 1") == 3
    assert session.query(b"SELECT_A") == [("x", 1)]
    connection.answers["INSERT"] = pymysql.err.DataError(1406, "Data too long for column 'a' at row 2")
    with pytest.raises(DatabaseTrouble) as found:
        session.execute(b"INSERT 1")
    assert (found.value.number, found.value.column, found.value.row) == (1406, "a", 2)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([], r"does not exist, or the account may not see it \(writer@db:3307/bank\)"),
        ([(0, "VIEW", None)], "orders"),
        ([(0, "BASE TABLE", "MyISAM")], "MyISAM"),
        ([(0, "BASE TABLE", "InnoDB"), (1, "BASE TABLE", "MyISAM")], "letters"),
    ],
)
def test_what_rolls_nothing_back_is_refused(row: list[Any], words: str) -> None:
    session, _ = session_on(**{"information_schema.tables": row})
    with pytest.raises(SetupError, match=words):
        session.tables.require_innodb("orders", if_there="letters")


def test_a_table_that_is_good() -> None:
    good = (0, "BASE TABLE", "InnoDB")
    session, connection = session_on(**{"information_schema.tables": [good]})
    assert not session.tables.require_innodb("orders", if_there="letters")
    both, _ = session_on(**{"information_schema.tables": [good, (1, *good[1:])]})
    assert both.tables.require_innodb("orders", if_there="letters")
    assert sum("information_schema.tables" in sql for sql in connection.asked) == 1


def test_the_mark_of_columns_is_another_one_after_each_change() -> None:
    def mark(*row: str) -> str:
        return session_on(**{"information_schema.columns": [row]})[0].tables.columns_mark("orders")

    base = ("a", "int", "", "NO")
    assert mark(*base) == mark(*base)
    changed = [("b", "int", "", "NO"), ("a", "bigint", "", "NO"), ("a", "int", "x", "NO"), ("a", "int", "", "YES")]
    assert len({mark(*row) for row in [base, *changed]}) == 5


PRIMARY = [("PRIMARY", "id", None, None, "bigint"), ("PRIMARY", "Shop", None, "utf8mb4_bin", "varchar(9)")]


@pytest.mark.parametrize("key", [("id", "shop"), ("SHOP", "ID")])
def test_the_key_of_the_settings_is_the_tables_in_any_order_and_case(key: tuple[str, ...]) -> None:
    session_on(**{"information_schema.statistics": PRIMARY})[0].tables.require_key("orders", key)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], r"has the primary key \(\), the topic's settings say \(id, shop\)"),
        (PRIMARY[:1], r"has the primary key \(id\)"),
        ([*PRIMARY, ("more", "id", None, None, "bigint")], r"another unique index \(more\)"),
        ([PRIMARY[0], ("PRIMARY", "shop", 4, "utf8mb4_bin", "text")], "only the first 4 of key column shop"),
        ([PRIMARY[0], ("PRIMARY", "shop", None, "utf8mb4_general_ci", "varchar(9)")], "utf8mb4_general_ci"),
    ],
)
def test_a_key_that_would_hit_other_rows_is_refused(rows: list[Any], words: str) -> None:
    session, _ = session_on(**{"information_schema.statistics": rows})
    with pytest.raises(SetupError, match=words):
        session.tables.require_key("orders", ("id", "shop"))


def test_a_session_is_closed_whatever_the_connection_says() -> None:
    session, connection = session_on()
    session.close()
    assert connection.ended == ["invalidate", "close"]


# -- opening ---------------------------------------------------------------------------------------------------------

URL = "mysql+pymysql://writer:secret@db:3307/bank"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeConnection], dict[str, Any]]:
    """Let the next session be opened on this connection; what the engine was made with."""

    def use(connection: FakeConnection) -> dict[str, Any]:
        made: dict[str, Any] = {}

        def engine(_url: Any, **options: Any) -> Any:
            made.update(options)
            return SimpleNamespace(connect=lambda: connection)

        monkeypatch.setattr(database_session, "mysql_engine", engine)
        return made

    return use


def refused(number: int) -> Exception:
    return OperationalError("SET", {}, pymysql.err.OperationalError(number, "no"))


def test_the_session_is_pinned_before_it_is_used(opened: Callable[[FakeConnection], dict[str, Any]]) -> None:
    connection = FakeConnection()
    made = opened(connection)
    assert open_session(URL, 8).id == 7
    assert (made["connect_args"]["read_timeout"], made["connect_args"]["connect_timeout"]) == (8, 8)
    assert "STRICT_ALL_TABLES" in made["connect_args"]["init_command"]
    pinned = next(sql for sql in connection.asked if "READ-COMMITTED" in sql)
    assert "lock_wait_timeout=4" in pinned
    assert connection.asked.index(pinned) < next(at for at, sql in enumerate(connection.asked) if "SELECT" in sql)


def test_variables_that_a_server_does_not_know_are_done_without(
    opened: Callable[[FakeConnection], dict[str, Any]],
) -> None:
    connection = FakeConnection(idle_write_transaction_timeout=refused(1193), transaction_isolation=refused(1193))
    opened(connection)
    open_session(URL, 20)
    assert any("tx_isolation='READ-COMMITTED'" in sql for sql in connection.asked)


@pytest.mark.parametrize("words", ["idle_write_transaction_timeout", "transaction_isolation", "CONNECTION_ID"])
def test_another_error_while_opening_closes_the_connection_and_says_where(
    opened: Callable[[FakeConnection], dict[str, Any]], words: str
) -> None:
    connection = FakeConnection(**{words: refused(1040)})
    opened(connection)
    with pytest.raises(DatabaseTrouble) as found:
        open_session(URL, 20)
    assert (found.value.number, found.value.where, connection.ended) == (1040, "writer@db:3307/bank", ["close"])


def test_a_login_is_told_without_its_password() -> None:
    assert login_of(make_url(URL)) == "writer@db:3307/bank"
    assert login_of(make_url("mysql+pymysql://")) == "@localhost:3306/"


def test_what_is_translated_and_what_is_not() -> None:
    with pytest.raises(DatabaseTrouble) as found, translated("orders"):
        raise OSError
    assert (found.value.number, found.value.where) == (2013, "table orders")
    with pytest.raises(RtpipeError), translated():
        raise SetupError("as it is")


@pytest.mark.parametrize("used", [False, True])
def test_a_commit_without_an_open_transaction_is_a_lost_connection_and_no_success(used: bool) -> None:
    session = DatabaseSession(FakeConnection())  # type: ignore[arg-type]
    session.connection = create_engine("sqlite://").connect()
    if used:
        session.connection.exec_driver_sql("SELECT 1")
        session.commit()
        session.connection.exec_driver_sql("SELECT 1")
        session.close()
    with pytest.raises(DatabaseTrouble) as found:
        session.commit()
    assert found.value.action is Action.LOST
