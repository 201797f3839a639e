"""Dead letters without a database: which are meant, how they are shown, when they may be written."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path
from typing import Any, NoReturn

import pytest

from avro_schemas.tables.own_tables.dead_letters import MAX_TEXT
from rtpipe.errors import SettingsError
from supervisor.dead_letters.export import write_directory, write_file
from supervisor.dead_letters.fetch import pieces
from supervisor.dead_letters.message_text import DeadLetterReader
from tests.support.samples.dead_letters import MOMENT, SOURCE, dead_letter
from workers.commit.dead_letters.rows import NOT_KEPT, dead_letter_text
from workers.contract.refusal import Reason, Refusal
from workers.retry.dead_letter import DeadLetterSource, batch_of


def test_a_batch_of_dead_letters() -> None:
    batch = batch_of([dead_letter(7, b"a"), dead_letter(9, None, [("h", b"x")], timestamp=5)])
    assert (batch.first, batch.next_offset, batch.offsets, list(batch.values)) == (7, 10, [7, 9], [b"a", None])
    assert (list(batch.timestamps), batch.headers) == ([-1, 5], {1: [("h", b"x")]})


def test_what_could_not_be_kept_is_not_whole() -> None:
    large = dead_letter(error_text=f"too large; its 600 bytes are {NOT_KEPT}")
    assert dead_letter().whole
    assert not large.whole
    assert dataclasses.replace(large, fetched=True).whole
    assert not dead_letter(dropped_at=MOMENT).whole


def test_what_must_be_fetched_comes_alone_and_in_order() -> None:
    dead_letters = [dead_letter(at, error_text=NOT_KEPT if at in {2, 3, 5} else "") for at in range(6)]
    found = [[one.offset for one in piece] for piece in pieces(dead_letters)]
    assert [piece for piece in found if piece] == [[0, 1], [2], [3], [4], [5]]


def test_a_dead_letter_says_to_its_end_that_its_content_is_not_kept() -> None:
    """However long the reason: the next retry takes NULL for a tombstone otherwise."""
    text = dead_letter_text(Refusal(Reason.VALUE, "x" * 5_000), size_not_kept=600)
    assert len(text) == MAX_TEXT
    assert text.endswith(f"its 600 bytes are {NOT_KEPT}")


def test_an_export_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> Any:
        yield dead_letter()
        raise SettingsError("the database is gone")

    for write in (write_file, write_directory):
        with pytest.raises(SettingsError):
            write(broken(), tmp_path / "out")
        assert list(tmp_path.iterdir()) == []
    other = dead_letter(source=DeadLetterSource(SOURCE.key, "other/group", "id"))
    assert write_directory([dead_letter(), other], tmp_path / "out") == 2
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [
        f"orders-3-7{tail}.{part}" for tail in ("-other_group-id", "") for part in ("json", "key", "value")
    ]


def test_the_schema_id_is_not_taken_from_a_short_header() -> None:
    assert DeadLetterReader(lambda number: {"type": "int"} if number == 5 else NoReturn).decoded(
        b"\0" + struct.pack(">I", 5) + b"\x02"
    ) == ({"value": 1}, "")
