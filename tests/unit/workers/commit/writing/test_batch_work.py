"""What a batch sends to a server, statement by statement; the server is a list."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from avro_schemas.tables.rules import TableRules
from tests.support.fakes.transactions import FakeTransaction
from tests.support.samples.batches import batch_of
from tests.support.samples.specs import default_spec
from workers.commit.encoding.encoded_batch import EncodedBatch
from workers.commit.encoding.row_statements import LoadedRows, Rows
from workers.commit.encoding.tombstones import Tombstones
from workers.commit.writing.batch_work import BatchWork
from workers.commit.writing.loading import LoadFailed
from workers.commit.writing.work_limits import WorkLimits
from workers.contract.errors import RowExistsError
from workers.contract.partition_spec import PartitionKey
from workers.contract.refusal import Reason, Refusal
from workers.database.errors import DatabaseTrouble

INSERTS = default_spec(PartitionKey("t", 0), rules=TableRules(metadata=()))
UPSERTS = dataclasses.replace(INSERTS, rules=TableRules(mode="upsert", key=("a",), tombstones="delete"))
LIMITS = WorkLimits(max_packet=1 << 16, dead_letters=9)
TOO_LARGE = Refusal(Reason.TOO_LARGE, "too large")


class Server(list[str]):
    """The statements that it took; those that hold a key of `refuses` get that error."""

    def __init__(self, **refuses: DatabaseTrouble) -> None:
        super().__init__()
        self.refuses = refuses

    def execute(self, statement: bytes) -> int:
        text = statement.decode()
        for words, trouble in self.refuses.items():
            if f"({words})" in text:
                raise trouble
        self.append("dead letter" if "rtpipe_dead_letters" in text else text)
        return 1

    def load(self, table: str, columns: str, content: bytes) -> tuple[int, int]:
        raise AssertionError((table, columns, content))


def rows(*literals: str, by_position: bool = False) -> Rows:
    return Rows("INSERT ", list(literals), list(range(len(literals))), by_position=by_position)


def work(*literals: str, limits: WorkLimits = LIMITS, by_position: bool = False) -> BatchWork:
    """Rows that are only inserted."""
    part = rows(*literals, by_position=by_position)
    return BatchWork(EncodedBatch(INSERTS, batch_of([b"v"] * len(literals)), [part]), limits)


def test_rows_are_written_before_dead_letters_and_counted() -> None:
    server = Server(b=DatabaseTrouble(1406, column="col"))
    found = work("a", "b", "c")
    assert (found.row_writer.deleted_rows, found.row_writer.alike_after()) == (0, 0)
    assert (found.rows, found.dead) == (3, 0)
    found.run(server)
    assert server[-1] == "dead letter"
    assert sorted(server[:-1]) == ["INSERT (a)", "INSERT (c)"]
    assert (found.rows, found.dead, found.row_writer.server_refused, found.row_writer.alike_after()) == (2, 1, True, 0)
    assert found.refusals.by_index == {1: Refusal(Reason.VALUE, "too long (MySQL 1406)", "col")}


def test_another_try_leaves_out_what_the_first_one_found() -> None:
    server = Server(b=DatabaseTrouble(1406))
    found = work("a", "b", "c")
    found.run(server)
    server.clear()
    found.run(server)
    assert server == ["INSERT (a),(c)", "dead letter"]


def test_statements_have_no_more_rows_than_they_may() -> None:
    server = Server()
    work(*"abcde", limits=dataclasses.replace(LIMITS, statement_rows=2)).run(server)
    assert server == ["INSERT (a),(b)", "INSERT (c),(d)", "INSERT (e)"]


def test_a_row_that_is_there_already_stops_where_its_key_is_its_position() -> None:
    server = Server(b=DatabaseTrouble(1062, key="PRIMARY"))
    with pytest.raises(RowExistsError, match="t/0 offset 1: its row is in t already") as found:
        work("a", "b", by_position=True).run(server)
    assert found.value.hint == (
        "was the offset set back? `rtpipe offsets set t/0 OFFSET` to where the table ends. Was the topic"
        " made again? Then offsets began at 0: empty this table, or give it another (`table`), and resume"
    )


@pytest.mark.parametrize(("key", "by_position"), [("PRIMARY", False), ("other", True)])
def test_another_duplicate_is_a_dead_letter(key: str, by_position: bool) -> None:
    found = work("a", "b", by_position=by_position)
    found.run(Server(b=DatabaseTrouble(1062, key=key)))
    assert found.refusals.by_index[1].reason is Reason.VALUE


def test_a_table_for_dead_letters_that_refuses_them_is_named() -> None:
    def execute(statement: bytes) -> int:
        if b"rtpipe_dead_letters" in statement:
            raise DatabaseTrouble(1142)
        return 1

    encoded = EncodedBatch(INSERTS, batch_of([b"v"]), refused={0: TOO_LARGE})
    with pytest.raises(DatabaseTrouble) as found:
        BatchWork(encoded, LIMITS).run(FakeTransaction(execute))
    assert found.value.where == "table rtpipe_dead_letters"


def test_what_is_too_much_for_the_server_gives_up_its_row_then_the_bytes_of_its_dead_letter() -> None:
    found, trouble = work("a"), DatabaseTrouble(1197)
    said: list[bytes] = []

    def execute(statement: bytes) -> int:
        said.append(statement)
        return 1

    assert found.give_up(trouble)
    assert found.refusals.by_index == {0: Refusal(Reason.TOO_LARGE, str(trouble))}
    found.run(FakeTransaction(execute))
    assert b"_binary'v'" in said[-1]
    assert found.give_up(trouble)
    found.run(FakeTransaction(execute))
    assert b"_binary'v'" not in said[-1]
    assert not found.give_up(trouble)


def test_what_is_known_of_the_table_bounds_what_is_blamed_on_rows() -> None:
    almost = dataclasses.replace(LIMITS, alike=7)
    with pytest.raises(DatabaseTrouble) as found:
        work("a", limits=almost).run(Server(a=DatabaseTrouble(59_999)))
    assert (found.value.where, found.value.of_table) == ("table t", True)
    missing = work("a", "b", limits=dataclasses.replace(LIMITS, fresh=True))
    missing.run(Server(a=DatabaseTrouble(1054)))
    assert list(missing.refusals.by_index) == [0]
    with pytest.raises(DatabaseTrouble):
        work("a", "b").run(Server(a=DatabaseTrouble(1054)))


def test_rows_in_doubt_count_for_the_next_batch_until_one_is_taken() -> None:
    unknown = DatabaseTrouble(59_999)
    limits = dataclasses.replace(LIMITS, alike=2)
    found = work("a", limits=limits)
    found.run(Server(a=unknown))
    assert found.row_writer.alike_after() == 3
    found.row_writer.write(Server().execute)  # nothing is left to write, and what the first try found still counts
    assert found.row_writer.alike_after() == 3
    taken = work("a", "b", limits=limits)
    taken.run(Server(a=unknown))
    assert taken.row_writer.alike_after() == 0


# -- updates by key --------------------------------------------------------------------------------------------------


def keyed(
    literals: dict[int, str], keys: dict[int, str], deletes: dict[int, str], *, soft: bool = False
) -> Callable[[Server], tuple[BatchWork, Server]]:
    part = Rows("UPSERT ", list(literals.values()), list(literals), "", [keys[index] for index in literals])
    tombstones = Tombstones(deletes, "DELETE (", soft=soft)
    encoded = EncodedBatch(UPSERTS, batch_of([b"v"] * (len(literals) + len(deletes))), [part], {}, tombstones)

    def run(server: Server) -> tuple[BatchWork, Server]:
        found = BatchWork(encoded, dataclasses.replace(LIMITS, statement_rows=1))
        found.row_writer.write(server.execute)
        return found, server

    return run


def test_the_last_change_of_each_key_is_written() -> None:
    found, server = keyed({0: "a1", 1: "a2", 3: "b1"}, {0: "a", 1: "a", 3: "b"}, {2: "c", 4: "b"})(Server())
    assert server == ["UPSERT (a2)", "DELETE ((c))", "DELETE ((b))"]
    assert (found.rows, found.row_writer.deleted_rows) == (5, 2)


def test_a_deleted_row_that_stays_has_its_last_values() -> None:
    _, server = keyed({0: "a1"}, {0: "a"}, {1: "a"}, soft=True)(Server())
    assert server == ["UPSERT (a1)", "DELETE ((a))"]
    _, server = keyed({0: "a1"}, {0: "a"}, {1: "a"})(Server())
    assert server == ["DELETE ((a))"]


def test_where_the_last_row_of_a_key_is_refused_the_one_before_it_comes_first_and_then_deletes() -> None:
    found, server = keyed({0: "a1", 1: "a2"}, {0: "a", 1: "a"}, {2: "c"})(Server(a2=DatabaseTrouble(1406)))
    assert server == ["UPSERT (a1)", "DELETE ((c))"]
    assert (found.rows, found.dead) == (2, 1)


def test_a_row_is_written_once_however_many_rounds_other_keys_take() -> None:
    _, server = keyed({0: "a1", 1: "a2", 2: "b1"}, {0: "a", 1: "a", 2: "b"}, {})(Server(a2=DatabaseTrouble(1406)))
    assert server == ["UPSERT (b1)", "UPSERT (a1)"]


def test_messages_that_are_set_aside_give_way_to_the_one_before_them() -> None:
    part = Rows("UPSERT ", ["a1", "a2"], [0, 1], "", ["a", "a"])
    found = BatchWork(EncodedBatch(UPSERTS, batch_of([b"v"] * 2), [part]), LIMITS)
    found.refusals.set_aside([1])
    server = Server()
    found.row_writer.write(server.execute)
    assert (server, found.rows, found.dead) == (["UPSERT (a1)"], 1, 1)


def test_deleted_rows_are_those_of_the_last_try() -> None:
    found, server = keyed({}, {}, {0: "a", 1: "b"})(Server())
    assert found.row_writer.deleted_rows == 2
    found.row_writer.write(server.execute)
    assert found.row_writer.deleted_rows == 2


class Loads:
    """A server that answers LOAD DATA with what a test says."""

    def __init__(self, *answers: tuple[int, int] | DatabaseTrouble) -> None:
        self.answers = list(answers)
        self.said: list[str] = []

    def execute(self, statement: bytes) -> int:
        self.said.append(statement.decode())
        return 1

    def load(self, table: str, columns: str, content: bytes) -> tuple[int, int]:
        self.said.append(f"LOAD {table} {columns} {content.decode()}")
        answer = self.answers.pop(0)
        if isinstance(answer, DatabaseTrouble):
            raise answer
        return answer


def loading(*parts: LoadedRows) -> BatchWork:
    """Three messages, of which the first goes by INSERT."""
    loaded = parts or (LoadedRows("t", "(`a`)", b"b\nc\n", [1, 2]),)
    part = Rows("INSERT ", ["a"], [0])
    return BatchWork(EncodedBatch(INSERTS, batch_of([b"v"] * 3), [part], loaded=loaded), LIMITS)


def test_loaded_rows_go_in_the_same_transaction_as_others() -> None:
    found, server = loading(), Loads((2, 0))
    assert (found.loads, found.rows, found.dead) == (True, 3, 0)
    found.run(server)
    assert server.said == ["INSERT (a)", "LOAD t (`a`) b\nc\n"]
    assert (found.rows, found.dead, found.row_writer.server_refused) == (3, 0, False)
    assert not work("a").loads


@pytest.mark.parametrize("counts", [(1, 0), (2, 1), (1, 1), (3, 0), (0, 0)])
def test_a_row_or_a_warning_too_many_or_too_few_gives_up_the_transaction(counts: tuple[int, int]) -> None:
    server = Loads(counts)
    with pytest.raises(LoadFailed, match=f"table t: {counts[0]} of 2 rows, {counts[1]} warnings"):
        loading().run(server)
    assert len(server.said) == 2


def test_each_load_of_a_batch_is_counted() -> None:
    parts = LoadedRows("t", "(`a`)", b"b\n", [1]), LoadedRows("t", "(`c`)", b"c\n", [2])
    loading(*parts).run(Loads((1, 0), (1, 0)))
    with pytest.raises(LoadFailed, match="0 of 1 rows, 1 warnings"):
        loading(*parts).run(Loads((1, 0), (0, 1)))


@pytest.mark.parametrize("number", [3948, 4166, 1148, 1047, 1064, 1062, 1142, 1290, 59_999, 2068])
def test_an_error_that_may_be_about_load_data_gives_it_up(number: int) -> None:
    with pytest.raises(LoadFailed, match=rf"table t: .*MySQL {number}"):
        loading().run(Loads(DatabaseTrouble(number)))


@pytest.mark.parametrize("number", [2013, 1213, 1205, 1197, 0])
def test_after_an_error_that_is_not_its_own_it_is_not_tried_again(number: int) -> None:
    found, server = loading(), Loads(DatabaseTrouble(number), (2, 0))
    with pytest.raises(DatabaseTrouble) as trouble:
        found.run(server)
    assert (trouble.value.number, trouble.value.where) == (number, "table t")
    with pytest.raises(LoadFailed, match=r"^the transaction in which it was tried was not committed$"):
        found.run(server)
    assert server.said == ["INSERT (a)", "LOAD t (`a`) b\nc\n"]


def test_a_load_that_was_not_reached_is_tried_the_next_time() -> None:
    found, server = loading(), Loads((2, 0))
    with pytest.raises(DatabaseTrouble):
        found.run(Server(a=DatabaseTrouble(1114)))  # of the row that goes by INSERT before it
    found.run(server)
    assert server.said == ["INSERT (a)", "LOAD t (`a`) b\nc\n"]


def test_nothing_is_loaded_after_a_row_that_insert_refuses() -> None:
    with pytest.raises(LoadFailed, match=r"^a row of the batch was refused by INSERT$"):
        loading().run(Server(a=DatabaseTrouble(1406)))
    with pytest.raises(DatabaseTrouble) as found:  # a column without a default, new in the table: no dead letter
        loading().run(Server(a=DatabaseTrouble(1364)))
    assert found.value.number == 1364


def test_a_load_whose_commit_was_lost_goes_by_insert_the_next_time() -> None:
    found, server = loading(), Loads((2, 0), (2, 0))
    found.run(server)
    with pytest.raises(LoadFailed):
        found.run(server)
