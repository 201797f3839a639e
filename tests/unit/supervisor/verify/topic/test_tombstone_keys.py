"""`verify` knows of tombstones that deleted nothing, although it reads keys as the writer does."""

from __future__ import annotations

from typing import Any

from supervisor.kafka.topic_reader import TopicMessage
from supervisor.verify.outcome.differences import Differences
from supervisor.verify.outcome.report import DifferenceKind
from supervisor.verify.topic.tombstone_keys import TombstoneKeys
from tests.support.samples.message_keys import keys_of, record


class Decoder:
    """Keys of text."""

    def __init__(self, *, deletes: bool = True) -> None:
        self.keys = keys_of(record(("id", "string")), {}) if deletes else None

    def message_key(self, key: bytes | None) -> tuple[Any, ...] | None:
        try:
            return self.keys.columns(key) if self.keys else None
        except ValueError:
            return None


Message = tuple[bytes | None, str | None]  # key, and the key column of its row; none: a tombstone


def found(*messages: Message, decoder: Decoder | None = None) -> list[tuple[int | None, str]]:
    """Offsets and texts of the tombstones that are named."""
    decoder = decoder or Decoder()
    keys = TombstoneKeys(decoder)  # type: ignore[arg-type]  # what it needs of one
    for offset, (key, row) in enumerate(messages):
        row_key = decoder.message_key(key) if row is None else (f"'{row}'",)
        keys.see(TopicMessage(0, offset, None if row is None else b"value", key), row_key or ())
    differences = Differences("t", 20)
    keys.judge(differences, "t")
    assert differences.counts[DifferenceKind.KEY] == len(differences.listed)
    return [(one.offset, one.text) for one in differences.listed]


def test_a_tombstone_with_the_key_of_its_row_is_fine() -> None:
    assert not found((b"a", "a"), (b"a", None), (b"never there", None))


def test_a_tombstone_with_the_bytes_of_a_message_whose_row_has_another_key_is_named() -> None:
    [(offset, text)] = found((b"s3cret", "a"), (b"b", "b"), (b"b", None), (b"s3cret", None))
    assert offset == 3
    assert "offset 0" in text
    assert "s3cret" not in text


def test_a_tombstone_that_looks_like_another_serializers_is_named_unless_rows_have_such_keys() -> None:
    [(offset, text)] = found((b'{"id":"a"}', None))
    assert (offset, "JSON text" in text) == (0, True)
    assert not found((b'{"id":"a"}', '{"id":"a"}'), (b'{"id":"b"}', None))


def test_a_key_that_was_mended_meanwhile_is_fine() -> None:
    assert not found((b"a", "other"), (b"a", "a"), (b"a", None))


def test_where_tombstones_delete_no_row_there_is_nothing_to_say() -> None:
    assert not found((b"other", "a"), (b"other", None), decoder=Decoder(deletes=False))
