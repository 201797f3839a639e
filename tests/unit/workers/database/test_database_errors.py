from __future__ import annotations

import pymysql
import pytest
from sqlalchemy.exc import OperationalError, PendingRollbackError

from rtpipe.errors import ExitCode
from rtpipe.mysql.error_lookup import words_for
from rtpipe.mysql.error_numbers import Action
from workers.database.errors import DatabaseTrouble, trouble_of


@pytest.mark.parametrize(
    ("number", "action"),
    [
        (1213, Action.REPLAY),
        (1205, Action.REPLAY),
        (2013, Action.LOST),
        (2006, Action.LOST),
        (2003, Action.WAIT),
        (1290, Action.WAIT),
        (1114, Action.WAIT),
        (1406, Action.DATA),
        (1045, Action.LOGIN),
        (1142, Action.DENIED),
        (1146, Action.SETUP),
        (1054, Action.SETUP),
        (9001, Action.WAIT),
        (1197, Action.SMALLER),
        (9999, Action.UNKNOWN),
    ],
)
def test_the_number_decides(number: int, action: Action) -> None:
    assert trouble_of(pymysql.err.OperationalError(number, "text")).action is action


@pytest.mark.parametrize(
    ("sqlstate", "action"),
    [
        ("08S01", Action.LOST),
        ("22012", Action.DATA),
        ("23000", Action.DATA),
        ("28000", Action.LOGIN),
        ("40001", Action.REPLAY),
        ("42000", Action.SETUP),
        ("45123", Action.DATA),
        ("70100", Action.LOST),
        ("HY000", Action.UNKNOWN),
        ("99999", Action.UNKNOWN),
        (None, Action.UNKNOWN),
    ],
)
def test_of_a_number_that_nobody_listed_the_class_of_its_sqlstate_decides(sqlstate: str | None, action: Action) -> None:
    assert trouble_of(pymysql.err.OperationalError(31_001, "text", sqlstate=sqlstate)).action is action


def test_a_number_is_read_without_a_sign() -> None:
    trouble = trouble_of(pymysql.err.InternalError(-25_536, "of a trigger", sqlstate="45000"))
    assert (trouble.number, trouble.action) == (40_000, Action.DATA)


def test_the_drivers_error_is_found_inside_sqlalchemys() -> None:
    wrapped = OperationalError("UPDATE", {}, pymysql.err.OperationalError(1213, "deadlock"))
    assert trouble_of(wrapped).number == 1213


@pytest.mark.parametrize(
    "broken",
    [OSError("reset"), pymysql.err.InterfaceError(), pymysql.err.InternalError("seq"), PendingRollbackError("rolled")],
)
def test_an_error_without_a_number_is_a_lost_connection(broken: Exception) -> None:
    assert trouble_of(broken).action is Action.LOST


@pytest.mark.parametrize(
    ("message", "column"),
    [
        ("Data too long for column 'payload' at row 1", "payload"),
        ("Incorrect integer value: 'column 'x' at row' for column `bank`.`t`.`amount` at row 2", "amount"),
        ("Column 'amount' cannot be null", "amount"),
        ("Duplicate entry 'secret' for key 'PRIMARY'", ""),
        ("Incorrect string value: 'hunter2", ""),
    ],
)
def test_the_column_is_named_and_the_value_is_not(message: str, column: str) -> None:
    trouble = trouble_of(pymysql.err.DataError(1406, message))
    assert trouble.column == column
    assert "hunter2" not in str(trouble)
    assert "secret" not in str(trouble)


@pytest.mark.parametrize(
    "text", ["Duplicate entry '0-15' for key 'PRIMARY'", "Duplicate entry '0-15' for key 't.PRIMARY'"]
)
def test_the_index_that_refuses_a_duplicate_is_known(text: str) -> None:
    assert trouble_of(pymysql.err.IntegrityError(1062, text)).key == "PRIMARY"
    assert "0-15" not in str(trouble_of(pymysql.err.IntegrityError(1062, text)))


def test_the_error_that_stops_a_partition_has_the_right_exit_code() -> None:
    assert DatabaseTrouble(1142).as_error("t/0").exit_code is ExitCode.ACCESS_DENIED
    assert DatabaseTrouble(1146).as_error("t/0").exit_code is ExitCode.BAD_SETUP
    assert DatabaseTrouble(9999).as_error("t/0").exit_code is ExitCode.BAD_SETUP


def test_what_comes_of_a_trigger_is_told_with_what_to_do_about_the_trigger() -> None:
    said = "The user specified as a definer ('gone'@'localhost') does not exist"
    orphaned = DatabaseTrouble(1449, said=said).as_error("t/0")
    assert "a trigger, view or routine was made by an account (its DEFINER) that does not exist" in orphaned.message
    assert said in orphaned.message
    for word in ("SHOW TRIGGERS", "SHOW CREATE TRIGGER", "DEFINER that exists", "CREATE USER"):
        assert word in orphaned.hint
    assert "SHOW TRIGGERS" in DatabaseTrouble(1442).as_error("t/0").hint
    assert "infra create --dry-run" in DatabaseTrouble(1146).as_error("t/0").hint


@pytest.mark.parametrize(
    ("number", "said", "row", "words"),
    [
        (1526, "Table has no partition for value 738602", "(738602)", "no partition for the value (MySQL 1526)"),
        (1644, "amount 500 of Bob", "7,500,'Bob'", "refused by a trigger (MySQL 1644): amount … of …"),
        (1644, "no 'quo'te'd' value", "1", "refused by a trigger (MySQL 1644): no … value"),
        (31_001, "secret: 'hunter2", "'x'", "refused by a trigger (MySQL 31001): secret:"),
        (31_001, "is HUNTER2x bad", r"'a\nhunter2'", "refused by a trigger (MySQL 31001): is …x bad"),
        (31_001, "line\nbreak\x1b[2J", "1", "refused by a trigger (MySQL 31001): line break […J"),
        (1146, "Table 'bank.audit' doesn't exist", "1", "no such table (MySQL 1146): Table 'bank.audit' doesn't exist"),
        (4025, "CONSTRAINT `c` failed", "-1", "check constraint (MySQL 4025): CONSTRAINT `c` failed"),
    ],
)  # fmt: skip
def test_the_servers_words_travel_without_the_rows(number: int, said: str, row: str, words: str) -> None:
    trouble = trouble_of(pymysql.err.OperationalError(number, said, sqlstate="45000" if number == 31_001 else "HY000"))
    trouble.hide(row)
    assert str(trouble) == words


def test_the_words_of_every_number_are_words() -> None:
    assert all(words_for(number) for number in range(10_000))
