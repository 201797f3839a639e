from __future__ import annotations

import pymysql
import pytest
from sqlalchemy.exc import OperationalError, PendingRollbackError

from avro_schemas.errors import ExitCode
from workers.database_errors import ACTIONS, Action, DatabaseTrouble, trouble_of


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
        (1045, Action.DENIED),
        (1142, Action.DENIED),
        (1146, Action.SETUP),
        (1054, Action.SETUP),
        (9999, Action.BUG),
    ],
)
def test_the_number_decides(number: int, action: Action) -> None:
    assert trouble_of(pymysql.err.OperationalError(number, "text")).action is action


def test_every_number_means_one_thing() -> None:
    assert len(ACTIONS) == len(set(ACTIONS))


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
    assert DatabaseTrouble(1045).as_error("t/0").exit_code is ExitCode.ACCESS_DENIED
    assert DatabaseTrouble(1146).as_error("t/0").exit_code is ExitCode.BAD_SETUP
    assert DatabaseTrouble(9999).as_error("t/0").exit_code is ExitCode.BUG
