"""How rows are put into statements, and how the trial of rows, dead letters and caution bound them; pure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.commit.caution import Caution
from workers.commit.dead_letters.budget import DeadLetterBudget
from workers.commit.encoding.row_statements import CAREFUL_ROWS, STATEMENT_ROWS, Rows
from workers.commit.writing.batch_refusals import BatchRefusals, TooManyRefused
from workers.contract.refusal import Reason, Refusal

NO = Refusal(Reason.VALUE, "no")


def rows_of(*literals: str, suffix: str = "") -> Rows:
    return Rows("INSERT INTO t VALUES ", list(literals), list(range(10, 10 + len(literals))), suffix)


def test_a_statement_of_some_rows() -> None:
    assert rows_of("1", "'ü'", "3", suffix=" END").statement([0, 2]) == b"INSERT INTO t VALUES (1),(3) END"
    assert rows_of("1", "'ü'").statement([1]) == "INSERT INTO t VALUES ('ü')".encode()


def test_rows_with_keys_go_in_the_order_of_these_and_others_as_they_came() -> None:
    part = rows_of("3", "1", "2")
    assert part.by_key([0, 1, 2]) == [0, 1, 2]
    assert replace(part, keys=["'c'", "'a'", "'b'"]).by_key([0, 1, 2]) == [1, 2, 0]


@given(
    st.lists(st.text(st.sampled_from("aü漢😀"), max_size=40), max_size=30),
    st.integers(1, 10),
    st.integers(100, 400),
    st.sampled_from(["", " ON DUPLICATE KEY UPDATE"]),
)
def test_statements_hold_all_rows_in_their_order_and_are_short_enough(
    literals: list[str], most_rows: int, max_packet: int, suffix: str
) -> None:
    part = rows_of(*literals, suffix=suffix)
    pieces = list(part.fitting(range(len(literals)), most_rows, max_packet))
    assert [at for piece in pieces for at in piece] == list(range(len(literals)))
    for piece in pieces:
        assert 1 <= len(piece) <= most_rows
        assert len(piece) == 1 or len(part.statement(piece)) <= max_packet // 2


def test_statements_are_no_shorter_than_they_must_be() -> None:
    part = rows_of(*"1" * 10)
    size = len(part.statement(range(10)))
    assert list(part.fitting(range(10), 10, 2 * size)) == [range(10)]
    assert [len(piece) for piece in part.fitting(range(10), 10, 2 * size - 2)] == [5, 5]
    assert [len(piece) for piece in part.fitting(range(10), 4, 2 * size)] == [4, 4, 2]
    assert list(part.fitting([], 4, 100)) == []


@pytest.mark.parametrize("text", ["a", "ü", "漢", "😀"], ids=["1 byte", "2 bytes", "3 bytes", "4 bytes"])
def test_a_row_is_too_large_from_the_first_byte_on_that_no_statement_holds(text: str) -> None:
    part = rows_of("1", text * 9, suffix=" END")
    fits = len(part.statement([1])) + 1
    assert part.too_large(fits) == {}
    assert part.too_large(fits - 1) == {11: 9 * len(text.encode())}
    assert rows_of().too_large(1) == {}


def test_refusals_up_to_the_last_one_that_may_be_a_dead_letter() -> None:
    refusals = BatchRefusals({3: NO}, most=2)
    refusals.add(1, NO)
    with pytest.raises(TooManyRefused) as many:
        refusals.add(2, NO)
    assert (many.value.index, many.value.refusal, sorted(refusals.by_index)) == (2, NO, [1, 3])


def test_refusals_that_are_too_many_from_the_beginning_name_the_first_one_too_many() -> None:
    with pytest.raises(TooManyRefused) as many:
        BatchRefusals({7: NO, 1: NO, 5: Refusal(Reason.KEY, "the fifth")}, most=1)
    assert (many.value.index, str(many.value), many.value.refusal.why) == (5, "the fifth", "the fifth")
    assert len(BatchRefusals({7: NO}, most=1)) == 1


def test_messages_that_are_set_aside_are_left_out_and_counted_once() -> None:
    refusals = BatchRefusals({0: NO, 1: NO}, most=9)
    assert set(refusals.left_out) == {0, 1}
    refusals.set_aside([1, 2])
    assert set(refusals.left_out) == {0, 1, 2}
    assert (len(refusals), list(refusals.by_index)) == (3, [0])


def test_dead_letters_of_the_last_minute() -> None:
    budget = DeadLetterBudget(10)
    budget.add(4, now=100.0)
    budget.add(0, now=101.0)
    budget.add(3, now=130.0)
    assert [budget.left(130.0), budget.left(160.0), budget.left(160.1), budget.left(190.1)] == [3, 3, 7, 10]
    budget.add(50, now=200.0)
    assert budget.left(200.0) == 0
    assert DeadLetterBudget(0).left(0.0) > 10**9


def test_caution_comes_at_once_and_goes_after_fifty_quiet_batches() -> None:
    caution = Caution()
    assert (caution.statement_rows, caution.alike) == (STATEMENT_ROWS, 0)
    caution.committed(server_refused=True, alike=3)
    assert (caution.statement_rows, caution.alike) == (CAREFUL_ROWS, 3)
    for _ in range(49):
        caution.committed(server_refused=False, alike=0)
    assert (caution.statement_rows, caution.alike) == (CAREFUL_ROWS, 0)
    caution.committed(server_refused=False, alike=0)
    assert caution.statement_rows == STATEMENT_ROWS


def test_transactions_grow_again_once_the_server_is_quiet() -> None:
    caution = Caution()
    most = caution.most_messages
    caution.committed(server_refused=False, alike=0)
    assert caution.most_messages == most
    caution.too_much(9)
    assert caution.most_messages == 5
    caution.too_much(8)
    assert (caution.most_messages, caution.statement_rows) == (4, CAREFUL_ROWS)
    for _ in range(49):
        caution.committed(server_refused=False, alike=0)
    assert caution.most_messages == 4
    caution.committed(server_refused=False, alike=0)
    assert caution.most_messages == 8
    caution.committed(server_refused=True, alike=0)
    assert caution.most_messages == 8


def test_load_data_pauses_after_a_failure_and_twice_as_long_after_the_next() -> None:
    caution = Caution()
    assert caution.loads

    def inserts() -> int:
        count = 0
        while not caution.loads:
            caution.committed(server_refused=False, alike=0)
            count += 1
        return count

    assert caution.load_failed() == inserts() == 8
    assert caution.load_failed() == inserts() == 16
    caution.committed(server_refused=False, alike=0, loaded=True)
    assert caution.load_failed() == inserts() == 8
    assert max(caution.load_failed() for _ in range(20)) == 4_096
