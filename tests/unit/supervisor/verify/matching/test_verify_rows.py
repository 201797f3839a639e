from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.verify.matching import rows as verify_rows
from supervisor.verify.matching.rows import Findings, Message, compare_rows

if TYPE_CHECKING:
    from supervisor.verify.forms.values import Row

ROWS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", None])), max_size=30)


def compare(messages: list[Row | None], rows: list[Row]) -> Findings:
    """Messages go to partitions 0 and 1 in turn; their offsets count from 0 in each."""
    sent = [Message(n % 2, n // 2, row, "" if row else "broken") for n, row in enumerate(messages)]
    return compare_rows(lambda: iter([sent[:7], sent[7:]]), lambda: iter([rows[:4], rows[4:]]))


@given(ROWS, ROWS)
def test_missing_and_extra_are_the_differences_of_the_multisets(messages: list[Row], rows: list[Row]) -> None:
    findings = compare([*messages], rows)
    assert Counter(row.row for row in findings.missing) == Counter(messages) - Counter(rows)
    assert Counter(row.row for row in findings.extra) == Counter(rows) - Counter(messages)
    assert findings.missing_count.total() == len(findings.missing)
    assert findings.extra_count == len(findings.extra)
    assert (findings.messages, findings.rows) == (len(messages), len(rows))
    for extra in findings.extra:
        assert all(messages[2 * offset + partition] == extra.row for partition, offset in extra.copies_of)
        assert bool(extra.copies_of) == (extra.row in messages)
    assert findings.copies_count == sum(bool(extra.copies_of) for extra in findings.extra)


@given(ROWS, ROWS)
def test_groups_of_buckets_find_the_same(messages: list[Row], rows: list[Row]) -> None:
    whole = compare([*messages], rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify_rows, "GROUP_ROWS", 3)
        parts = compare([*messages], rows)
    assert sorted(parts.missing, key=repr) == sorted(whole.missing, key=repr)
    assert sorted(parts.extra, key=repr) == sorted(whole.extra, key=repr)
    assert parts.missing_count == whole.missing_count


def test_equal_sides_are_read_once() -> None:
    reads = Counter[str]()

    def messages() -> list[list[Message]]:
        reads["messages"] += 1
        return [[Message(0, n, (n,)) for n in range(1000)]]

    def rows() -> list[list[Row]]:
        reads["rows"] += 1
        return [[(n,) for n in reversed(range(1000))]]

    findings = compare_rows(messages, rows)
    assert (findings.messages, findings.rows, findings.missing, findings.extra) == (1000, 1000, [], [])
    assert reads == {"messages": 1, "rows": 1}


def test_places_are_named() -> None:
    findings = compare([(1,), (2,), (3,), (3,)], [(1,), (1,), (3,)])
    assert [(row.partition, row.offset, row.row, row.twins) for row in findings.missing] == [
        (1, 0, (2,), False),
        (1, 1, (3,), True),
    ]
    assert [(row.row, row.copies_of) for row in findings.extra] == [((1,), ((0, 0),))]


def test_what_cannot_be_decoded_has_no_row() -> None:
    findings = compare([None, (1,), None, None], [(1,)])
    assert findings.unreadable_count == {0: 2, 1: 1}
    assert [message.offset for message in findings.unreadable] == [0, 1, 1]
    assert findings.messages == 1
    assert not findings.missing


def test_all_are_counted_and_some_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_rows, "KEPT_ROWS", 5)
    findings = compare([(n,) for n in range(100)], [(-n,) for n in range(1, 51)])
    assert (len(findings.missing), findings.missing_count.total()) == (5, 100)
    assert (len(findings.extra), findings.extra_count) == (5, 50)


def test_large_values_are_kept_within_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_rows, "KEPT_BYTES", 10_000)
    findings = compare([("x" * 4_000 + str(n),) for n in range(100)], [])
    assert len(findings.missing) == 3
    assert findings.missing_count.total() == 100
