from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from supervisor.verify.matching.pairs import COMMON, pair_altered
from supervisor.verify.matching.rows import Extra, Missing

if TYPE_CHECKING:
    from supervisor.verify.forms.values import Row


def lost(*rows: Row) -> list[Missing]:
    return [Missing(0, offset, row) for offset, row in enumerate(rows)]


def found(*rows: Row) -> list[Extra]:
    return [Extra(row) for row in rows]


def test_a_row_with_one_altered_value_is_paired() -> None:
    altered, missing, extra = pair_altered(lost(("k", 1, 2, 3)), found(("z", 7, 8, 9), ("k", 1, 5, 3)))
    assert [(pair.missing.offset, pair.extra.row, pair.columns) for pair in altered] == [(0, ("k", 1, 5, 3), (2,))]
    assert missing == []
    assert extra == found(("z", 7, 8, 9))


def test_an_altered_key_is_paired_by_the_rest() -> None:
    altered, _, _ = pair_altered(lost(("k", 1, 2, 3)), found(("other", 1, 2, 3)))
    assert [pair.columns for pair in altered] == [(0,)]


def test_a_key_alone_is_enough_and_less_than_half_is_not() -> None:
    assert len(pair_altered(lost(("k", 1, 2, 3)), found(("k", 7, 8, 9)))[0]) == 1
    assert pair_altered(lost(("k", 1, 2, 3)), found(("z", 7, 8, 3)))[0] == []
    assert len(pair_altered(lost(("k", 1, 2, 3)), found(("z", 7, 2, 3)))[0]) == 1


def test_the_most_alike_pair_first() -> None:
    rows = lost(("k", 1, 2, 3), ("k", 1, 2, 4))
    altered, _, _ = pair_altered(rows, found(("k", 1, 9, 4), ("k", 1, 9, 3)))
    assert [(pair.missing.offset, pair.extra.row[3]) for pair in altered] == [(0, 3), (1, 4)]


def test_a_copy_of_a_message_is_no_altered_row() -> None:
    copy = Extra(("k", 1, 2, 4), copies_of=((0, 9),))
    assert pair_altered(lost(("k", 1, 2, 3)), [copy]) == ([], lost(("k", 1, 2, 3)), [copy])


def test_with_places_only_these_count() -> None:
    altered, missing, extra = pair_altered(
        lost((0, 0, "k", 1), (0, 1, "q", 2)), found((0, 5, "k", 1), (0, 1, "other", 9)), leading=2
    )
    assert [pair.columns for pair in altered] == [(2, 3)]
    assert [row.offset for row in missing] == [0]
    assert extra == found((0, 5, "k", 1))


def test_a_value_that_all_share_pairs_nobody() -> None:
    many = [(f"key-{n}", 0, 0, n) for n in range(COMMON + 1)]
    altered, missing, _ = pair_altered(lost(("lost", 0, 0, -1)), found(*many))
    assert altered == []
    assert len(missing) == 1


@given(
    st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=12),
    st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=12),
)
def test_every_row_comes_out_once(one: list[Row], other: list[Row]) -> None:
    altered, missing, extra = pair_altered(lost(*one), found(*other))
    assert sorted([pair.missing.row for pair in altered] + [row.row for row in missing]) == sorted(one)
    assert sorted([pair.extra.row for pair in altered] + [row.row for row in extra]) == sorted(other)
    for pair in altered:
        assert pair.columns == tuple(n for n in range(3) if pair.missing.row[n] != pair.extra.row[n])
