"""Old rows of the journal go in pieces, from the front; what goes wrong is told, and harmless."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pymysql
import pytest

from rtpipe.errors import RtpipeError
from supervisor.admin import connection as admin_connection
from supervisor.journal import journal_upkeep, old_rows
from supervisor.journal.journal_upkeep import JournalUpkeep
from supervisor.journal.old_rows import OldRows
from tests.support.fakes.sqlite_spelling import PARAMETER, sqlite_engine
from tests.support.waits import eventually

URL = "mysql+pymysql://u:p@db:3306/bank"


class Journal:
    """A table of ages in days, in the order of their numbers, and who speaks to it."""

    def __init__(self, *ages: float) -> None:
        self.engine = sqlite_engine()
        self.said: list[str] = []
        self.error: Exception | None = None
        self.execute("CREATE TABLE rtpipe_journal (id INTEGER PRIMARY KEY, written_at)")
        for age in ages:
            self.execute(f"INSERT INTO rtpipe_journal (written_at) VALUES ({-age * 86_400})")

    def execute(self, sql: str) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(sql)

    @property
    def left(self) -> list[int]:
        with self.engine.connect() as connection:
            return list(connection.exec_driver_sql("SELECT id FROM rtpipe_journal ORDER BY id").scalars())

    @contextlib.contextmanager
    def opened(self, url: str, silence: int, table: str, doing: str) -> Iterator[Any]:
        assert (url, silence, table, doing) == (URL, 7, "rtpipe_journal", "removing old rows of the journal")
        with self.engine.connect() as self.connection:
            yield self

    def exec_driver_sql(self, sql: str, parameters: dict[str, Any]) -> Any:
        """SQLite deletes without a limit, and knows no intervals."""
        if self.error:
            raise self.error
        self.said.append(sql.split(maxsplit=1)[0])
        sql = sql.replace("UTC_TIMESTAMP(6) - INTERVAL %(seconds)s SECOND", "-%(seconds)s")
        sql = sql.replace("ORDER BY id LIMIT 3", "") if sql.startswith("DELETE") else sql
        return self.connection.exec_driver_sql(PARAMETER.sub(r":\1", sql), parameters)

    def commit(self) -> None:
        self.said.append("COMMIT")
        self.connection.commit()

    def rollback(self) -> None:
        self.connection.rollback()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    for name in ("_PIECE", "_LAST_OLD", "_DELETE"):
        value = getattr(old_rows, name)
        monkeypatch.setattr(old_rows, name, 3 if name == "_PIECE" else value.replace("1000", "3"))
    return made


def removed(journal: Journal, monkeypatch: pytest.MonkeyPatch, days: float) -> int:
    monkeypatch.setattr(old_rows, "admin_connection", journal.opened)
    return OldRows(lambda: URL, 7, days).remove()


def test_old_rows_go_in_pieces_and_between_two_it_rests(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(9, 9, 8, 8, 8, 8, 8, 2, 1)
    assert removed(journal, monkeypatch, 7) == 7
    assert journal.left == [8, 9]
    assert journal.said == ["SELECT", "DELETE", "COMMIT"] * 3
    assert len(pauses) == 2


def test_young_rows_are_not_touched(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(2, 1)
    assert removed(journal, monkeypatch, 7) == 0
    assert (journal.left, journal.said, pauses) == ([1, 2], ["SELECT"], [])
    assert removed(Journal(), monkeypatch, 7) == 0
    assert removed(journal, monkeypatch, 1.5) == 1


def test_for_ever_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(9_999)
    assert removed(journal, monkeypatch, 0) == 0
    assert (journal.left, journal.said) == ([1], [])


@pytest.mark.parametrize(
    ("number", "words"),
    [(1146, "there is no table rtpipe_journal"), (1142, "table rtpipe_journal"), (1205, "lock wait timeout")],
)
def test_what_the_server_says_is_an_error_with_the_name_of_the_table(
    monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    journal = Journal(9)
    journal.error = pymysql.err.OperationalError(number, "no")
    closing = type("Session", (), {"connection": journal, "close": lambda _: None})
    monkeypatch.setattr(admin_connection, "open_session", lambda *_, **__: closing())
    with pytest.raises(RtpipeError, match=words):
        OldRows(lambda: URL, 7, 1).remove()


# -- every ten minutes -----------------------------------------------------------------------------------------------


def looks(upkeep: JournalUpkeep, done: list[int], times: int) -> None:
    """As the loop does, until it was done so often."""

    def looked() -> bool:
        upkeep.look(time.monotonic())
        return len(done) >= times

    eventually(looked, within=10, what=f"done {times} times")


def test_it_is_done_again_and_again_as_long_as_there_is_a_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    wanted = [True]

    def remove() -> int:
        done.append(1)
        return 0

    upkeep = JournalUpkeep(remove, lambda: wanted[0], every=0.01)
    looks(upkeep, done, 3)
    wanted[0] = False
    asked: list[int] = []

    def not_wanted() -> bool:
        asked.append(1)
        return False

    monkeypatch.setattr(upkeep, "_wanted", not_wanted)
    looks(upkeep, asked, 3)
    before = len(done)
    looks(upkeep, asked, 6)
    assert len(done) == before


def test_a_failure_is_told_and_it_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def fail() -> int:
        done.append(1)
        raise RtpipeError("table rtpipe_journal: DELETE command denied")

    looks(JournalUpkeep(fail, lambda: True, every=0.01), done, 2)
    [record, *_] = caplog.records
    assert record.message == (
        "old rows of the journal stay, and are tried again in 10 minutes: table rtpipe_journal: DELETE command denied"
    )
    assert vars(record)["event"] == "journal_not_pruned"
    assert journal_upkeep._EVERY == 600
