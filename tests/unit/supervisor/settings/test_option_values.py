"""Texts that a person types."""

from __future__ import annotations

import pytest

from rtpipe.errors import SettingsError
from supervisor.settings.option_values import duration_seconds, partition_key, topic_and_partition, words
from workers.contract.partition_spec import PartitionKey


def test_lists_are_split_by_commas_and_repeated() -> None:
    assert words(["a, b", "", "c,"]) == ["a", "b", "c"]


def test_topic_and_partition() -> None:
    assert topic_and_partition("orders") == ("orders", None)
    assert topic_and_partition("orders/0") == ("orders", 0)
    assert partition_key("orders/12") == PartitionKey("orders", 12)


@pytest.mark.parametrize("text", ["", "/", "orders/", "orders/x", "a b", "a/b/1", "orders/-1", "ä", "x" * 250])
def test_what_is_neither(text: str) -> None:
    with pytest.raises(SettingsError, match="is neither TOPIC nor TOPIC/PARTITION"):
        topic_and_partition(text)
    with pytest.raises(SettingsError):
        partition_key(text)


def test_a_topic_alone_is_no_partition() -> None:
    with pytest.raises(SettingsError, match="'orders' is not TOPIC/PARTITION"):
        partition_key("orders")


def test_a_number_alone_is_a_duration_only_where_it_can_be_nothing_else() -> None:
    assert duration_seconds("90") == 90
    assert duration_seconds("90", unit_needed=True) is None
    assert duration_seconds("1.5h", unit_needed=True) == 5_400
