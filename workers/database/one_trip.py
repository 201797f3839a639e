"""A whole transaction in one round trip: offset, rows and COMMIT as one text of several statements.

A server runs none after one that fails, so COMMIT is reached only if all before it was done. That an UPDATE which
matches no row fails, too, is made sure by a statement after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pymysql

from rtpipe.mysql.error_numbers import Action
from rtpipe.mysql.local_load import LoadingConnection
from workers.database.errors import translated, trouble_of

#: Fails unless the statement before it found one row. EXP(999) is out of range; a DO of it is no error to MariaDB.
_MATCHED_ONE = b"SET @rtpipe = EXP(IF(ROW_COUNT() = 1, 0, 999))"
#: Sets the variable to 1, if none is run after one that fails.
_STOPS = b"SET @rtpipe = 1; SET @rtpipe = EXP(999); SET @rtpipe = 2"


class OneTrip:
    """Over the driver's own connection, which is asked for each time: it may be lost."""

    def __init__(self, driver: Callable[[], LoadingConnection]) -> None:
        self._driver = driver

    def is_safe(self) -> bool:
        """Whether the server, and what stands between, take such texts and end them at an error. Tried, not believed.

        Raises DatabaseTrouble.
        """
        with translated():
            driver = self._driver()
            try:
                list(driver.results(_STOPS))
            except pymysql.err.Error as error:
                if trouble_of(error).action is Action.LOST:
                    raise
            else:
                return False
            with driver.cursor() as cursor:
                cursor.execute("SELECT @rtpipe")
                found = cursor.fetchone()
            driver.rollback()
        return found is not None and str(found[0]) == "1"

    def commit(self, update: bytes, *others: bytes, done: Callable[[int], None] = lambda _left: None) -> bool:
        """Whether the statements are committed: if not, one was refused, or `update` found no row, and nothing is left
        of them. `done` is called after each, which may have waited for locks, with the number of those to come.

        Raises DatabaseTrouble, with `at_commit` if what became of the COMMIT is not known.
        """
        statements: Sequence[bytes] = (update, _MATCHED_ONE, *others, b"COMMIT")
        left = len(statements)
        with translated():
            driver = self._driver()
            try:
                for _ in driver.results(b";".join(statements)):
                    left -= 1
                    done(left)
            except (pymysql.err.Error, OSError) as error:
                trouble = trouble_of(error)
                trouble.at_commit = trouble.action is Action.LOST or left == 1
                if trouble.at_commit:
                    raise trouble from error
            if not left:
                return True
            driver.rollback()
            return False
