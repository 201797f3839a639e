"""Which rows a server refuses, found by leaving rows out; the server is a function."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtpipe.mysql.error_numbers import Action
from workers.commit.encoding.row_statements import Rows
from workers.commit.writing.row_trial import ALIKE, RowTrial
from workers.database.errors import DatabaseTrouble

TOO_LONG, CHECK, NO_TABLE, DEADLOCK, UNKNOWN, NO_COLUMN = 1406, 3819, 1146, 1213, 59_999, 1054


class Server:
    """Refuses the rows that `bad` gives an error number for, and says which row it was if `names` is true."""

    def __init__(self, bad: dict[int, int], *, names: bool = False) -> None:
        self.bad = bad
        self.names = names
        self.stored: list[int] = []
        self.statements = 0

    def execute(self, statement: bytes) -> int:
        self.statements += 1
        rows = [int(found) for found in re.findall(rb"\((\d+)\)", statement)]
        assert rows, "a statement has a row"
        for at, row in enumerate(rows, 1):
            if row in self.bad:
                raise DatabaseTrouble(self.bad[row], row=at if self.names else 0, said=f"about {row}")
        self.stored += rows
        return len(rows)


def trial_of(refused: list[int], **known: int | bool) -> RowTrial:
    def refuse(part: Rows, at: int, _: DatabaseTrouble) -> None:
        refused.append(int(part.literals[at]))

    return RowTrial("t", refuse, **known)  # type: ignore[arg-type]


def rows(count: int, prefix: str = "INSERT ") -> Rows:
    return Rows(prefix, [str(at) for at in range(count)], list(range(count)))


def settled(trial: RowTrial, server: Server, part: Rows) -> None:
    """All rows of the part, and the verdict about them."""
    trial.write(server.execute, part, range(len(part.literals)))
    trial.judge_doubtful()


def tried(server: Server, count: int, **known: int | bool) -> tuple[list[int], RowTrial]:
    """The rows that were refused, and the trial."""
    refused: list[int] = []
    trial = trial_of(refused, **known)
    settled(trial, server, rows(count))
    return refused, trial


@given(st.sets(st.integers(0, 39)), st.sampled_from([TOO_LONG, CHECK, UNKNOWN]), st.booleans())
def test_the_bad_rows_are_found_and_all_others_are_stored(bad: set[int], number: int, names: bool) -> None:
    server = Server(dict.fromkeys(bad - {39}, number), names=names)
    refused, trial = tried(server, 40)
    assert sorted(refused) == sorted(server.bad)
    assert sorted(server.stored) == [row for row in range(40) if row not in server.bad]
    assert (trial.took_any, trial.refused_any, trial.unproven) == (True, bool(server.bad), 0)


@pytest.mark.parametrize(("names", "most"), [(True, 4), (False, 16)])
def test_a_server_that_names_the_row_is_asked_less_often(names: bool, most: int) -> None:
    server = Server({57: TOO_LONG}, names=names)
    refused, _ = tried(server, 100)
    assert (refused, server.stored.count(57)) == ([57], 0)
    assert server.statements <= most


def test_the_first_row_of_a_statement_may_be_named_too() -> None:
    server = Server({0: TOO_LONG}, names=True)
    tried(server, 100)
    assert server.statements == 3


def test_a_row_that_was_named_for_another_statements_row_is_stored() -> None:
    """A trigger's own statement failed, and the server named the row of that."""
    server = Server({6: TOO_LONG})

    def execute(statement: bytes) -> int:
        try:
            return server.execute(statement)
        except DatabaseTrouble as trouble:
            trouble.row = 1
            raise

    refused: list[int] = []
    trial = trial_of(refused)
    trial.write(execute, rows(8), range(8))
    trial.judge_doubtful()
    assert (refused, sorted(server.stored)) == ([6], [0, 1, 2, 3, 4, 5, 7])


def test_the_last_row_of_a_statement_may_be_named_too() -> None:
    server = Server({99: TOO_LONG}, names=True)
    tried(server, 100)
    assert server.statements == 3


def test_a_server_that_named_a_bad_row_is_believed_the_next_time() -> None:
    server = Server(dict.fromkeys([10, 30, 50, 70], TOO_LONG), names=True)
    assert sorted(tried(server, 100)[0]) == [10, 30, 50, 70]
    assert server.statements == 1 + 3 * 4, "each: the rows before it, itself, the rest"


@pytest.mark.parametrize("named", [1, 65])
def test_a_server_that_named_a_good_row_or_none_of_ours_is_not_believed_again(named: int) -> None:
    server = Server({60: TOO_LONG})

    def execute(statement: bytes) -> int:
        try:
            return server.execute(statement)
        except DatabaseTrouble as trouble:
            trouble.row = named
            raise

    refused: list[int] = []
    trial = trial_of(refused)
    trial.write(execute, rows(64), range(64))
    trial.judge_doubtful()
    assert (refused, len(server.stored)) == ([60], 63)
    assert server.statements < 20


def test_fewer_rows_than_enough_to_blame_the_table_are_refused_where_none_was_before_them() -> None:
    refused, trial = tried(Server(dict.fromkeys(range(ALIKE - 1), UNKNOWN)), ALIKE - 1)
    assert (len(refused), trial.unproven) == (ALIKE - 1, ALIKE - 1)


@pytest.mark.parametrize("number", [DEADLOCK, 2013, 1290, 1197, 1045])
def test_what_is_decided_elsewhere_is_raised_at_once(number: int) -> None:
    server = Server({0: number})
    with pytest.raises(DatabaseTrouble) as found:
        tried(server, 8)
    assert (found.value.number, found.value.where, server.statements) == (number, "table t", 1)


def test_an_unknown_column_is_the_tables_unless_the_table_was_just_asked() -> None:
    with pytest.raises(DatabaseTrouble):
        tried(Server({0: NO_COLUMN}), 8)
    assert tried(Server({0: NO_COLUMN}), 8, fresh=True)[0] == [0]


def test_an_error_of_setup_that_goes_away_without_a_row_is_that_rows() -> None:
    assert tried(Server({3: NO_TABLE}), 8)[0] == [3]


def test_an_error_of_setup_of_every_row_is_raised() -> None:
    with pytest.raises(DatabaseTrouble) as found:
        tried(Server(dict.fromkeys(range(4), NO_TABLE)), 4)
    assert (found.value.number, found.value.action) == (NO_TABLE, Action.SETUP)


@pytest.mark.parametrize(("count", "alike"), [(ALIKE - 1, 0), (1, ALIKE - 2)])
def test_a_few_rows_that_nobody_knows_to_be_bad_are_refused_and_counted(count: int, alike: int) -> None:
    refused, trial = tried(Server(dict.fromkeys(range(count), UNKNOWN)), count, alike=alike)
    assert (sorted(refused), trial.unproven) == (list(range(count)), count)
    assert not trial.took_any


@pytest.mark.parametrize(
    ("count", "alike"), [(ALIKE, 0), (1, ALIKE - 1), (3, ALIKE - 3), (300, 0), (1_000, 0), (4_000, 0)]
)
def test_an_unknown_error_of_every_row_alike_is_the_tables_and_is_waited_for(count: int, alike: int) -> None:
    server = Server(dict.fromkeys(range(count), UNKNOWN))
    refused: list[int] = []
    trial = trial_of(refused, alike=alike)
    with pytest.raises(DatabaseTrouble) as found:
        settled(trial, server, rows(count))
    assert (found.value.action, found.value.of_table, refused) == (Action.WAIT, True, [])
    assert server.statements < 60


@pytest.mark.parametrize(("bad", "count"), [(50, 100), (ALIKE, ALIKE + 2), (ALIKE + 1, ALIKE + 4)])
def test_rows_from_all_over_the_statement_are_tried_before_the_table_is_blamed(bad: int, count: int) -> None:
    """The first rows are bad, and those after them are good."""
    server = Server(dict.fromkeys(range(bad), UNKNOWN))
    refused, _ = tried(server, count)
    assert sorted(refused) == list(range(bad))
    assert sorted(server.stored) == list(range(bad, count))


def test_the_statement_of_another_schema_id_proves_nothing_for_this_one() -> None:
    server = Server(dict.fromkeys(range(ALIKE), UNKNOWN))
    refused: list[int] = []
    trial = trial_of(refused)
    trial.write(lambda _: 1, rows(3, "INSERT others "), range(3))
    with pytest.raises(DatabaseTrouble):
        settled(trial, server, rows(ALIKE))
    assert refused == []


def test_what_the_server_said_is_told_without_what_stands_in_the_row() -> None:
    said: list[str] = []

    def execute(_: bytes) -> int:
        raise DatabaseTrouble(3819, said="Check constraint 'c' says 12345 to secret42.")

    def refuse(_part: Rows, _at: int, trouble: DatabaseTrouble) -> None:
        said.append(str(trouble))

    trial = RowTrial("t", refuse)
    part = Rows("INSERT ", ["'secret42'"], [0])
    trial.write(execute, part, [0])
    trial.judge_doubtful()
    assert len(said) == 1
    assert "secret42" not in said[0]
