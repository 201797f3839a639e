from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.contract.packed_bytes import PackedBytes

VALUES = st.lists(st.none() | st.binary(max_size=5))


@given(VALUES)
def test_it_gives_what_it_got(values: list[bytes | None]) -> None:
    packed = PackedBytes(values)
    assert list(packed) == [packed[at] for at in range(len(packed))] == values
    assert list(PackedBytes.of(packed.content)) == values


@given(VALUES, st.data())
def test_a_part(values: list[bytes | None], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(values)))
    stop = data.draw(st.integers(start, len(values)))
    assert list(PackedBytes(values).part(start, stop)) == values[start:stop]


@given(VALUES, st.integers(1, 6))
def test_the_beginning_of_each_and_some_of_them(values: list[bytes | None], size: int) -> None:
    packed = PackedBytes(values)
    assert packed.heads(size) == [None if value is None else value[:size] for value in values]
    places = [at for at, value in enumerate(values) if value is not None]
    assert packed.some(places, size) == [(values[at] or b"")[size:] for at in places]


@given(st.lists(st.sampled_from([b"ab", b"abc", b"abcd", b"a", b"", b"xb", None]), max_size=4), st.integers(1, 3))
def test_the_one_beginning_of_all(values: list[bytes | None], size: int) -> None:
    """An element that is shorter has none, also if the next one would go on as it should."""
    packed = PackedBytes(values)
    heads = {None if value is None or len(value) < size else value[:size] for value in values}
    assert packed.head_of_all(size) == (heads.pop() if len(heads) == 1 else None)
    assert packed.longest == max((len(value or b"") for value in values), default=0)


@given(st.lists(VALUES))
def test_it_grows_by_parts_that_are_missing_altogether_or_not(parts: list[list[bytes | None]]) -> None:
    packed = PackedBytes()
    for part in parts:
        packed.extend(part)
    assert list(packed) == [value for part in parts for value in part]


def test_elements_that_are_all_missing_are_only_counted() -> None:
    packed = PackedBytes([None] * 3)
    packed.extend([None] * 2)
    assert packed._nulls == range(5)
    packed.extend([b"x", None])
    assert list(PackedBytes.of(packed.content)) == [None] * 5 + [b"x", None]
