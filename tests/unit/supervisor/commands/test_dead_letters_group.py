"""`dead-letters`: the options reach the feature, what it says is printed, the exit code follows.

The features are fakes; the command runs through the front door, as the console script does.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from supervisor.dead_letters.admin import DeadLetterCount
from tests.support.command_answers import Command, Spy, refused
from workers.contract.partition_spec import PartitionKey
from workers.retry.dead_letter import DeadLetter, DeadLetterSource
from workers.retry.outcome import RetryOutcome, RetryResult

pytestmark = pytest.mark.usefixtures("addresses")


ORDERS = PartitionKey("orders", 0)


MOMENT = dt.datetime(2026, 5, 1, 10, 0, 0)  # noqa: DTZ001 - UTC without a zone, as the database has it


SOURCE = DeadLetterSource(ORDERS, "g", "t")


LETTER = DeadLetter(SOURCE, 17, -1, b"k", b"\x00no", None, None, "E_VALUE", "too long", "orders", MOMENT, None)


class LetterAdmin:
    """The dead letters of one topic."""

    counts_found: tuple[DeadLetterCount, ...] = (DeadLetterCount("orders", "E_VALUE", 3, MOMENT, MOMENT),)
    letters: tuple[DeadLetter, ...] = (LETTER,)
    asked: Any = None
    values_asked = False

    def __init__(self, url: str, silence: int) -> None:
        assert url.startswith("mysql+pymysql://")
        assert silence == 20

    def counts(self, chosen: Any) -> list[DeadLetterCount]:
        LetterAdmin.asked = chosen
        return list(self.counts_found)

    def newest(self, _chosen: Any, limit: int, *, values: bool) -> list[DeadLetter]:
        LetterAdmin.values_asked = values
        return list(self.letters)[:limit]

    def at(self, key: PartitionKey, offset: int) -> list[DeadLetter]:
        return [letter for letter in self.letters if (letter.source.key, letter.offset) == (key, offset)]

    def all(self, _chosen: Any) -> Iterator[DeadLetter]:
        return iter(self.letters)

    def now(self) -> dt.datetime:
        return MOMENT

    def drop_all(self, chosen: Any, until: dt.datetime) -> Counter[str]:
        assert (chosen, until) == (self.asked, MOMENT)
        return Counter(orders=3)


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> type[LetterAdmin]:
    monkeypatch.setattr("supervisor.dead_letters.admin.DeadLetterAdmin", LetterAdmin)
    monkeypatch.setattr(LetterAdmin, "counts_found", LetterAdmin.counts_found)
    return LetterAdmin


def test_dead_letters_list(rtpipe: Command, letters: type[LetterAdmin]) -> None:
    answer = rtpipe("dead-letters", "list", "-t", "orders/0", "-e", "E_VALUE")
    assert "too long" in answer.stdout
    assert "and 2 older ones" in answer.stdout
    assert (letters.asked.topics, letters.asked.errors) == ((("orders", 0),), ("E_VALUE",))
    told = json.loads(rtpipe("dead-letters", "list", "--json").stdout)
    assert (told["schema_version"], told["summary"][0]["count"], told["dead_letters"][0]["offset"]) == (1, 3, 17)
    assert "value_text" not in told["dead_letters"][0]
    assert not letters.values_asked
    told = json.loads(rtpipe("dead-letters", "list", "--values", "--json").stdout)
    assert (told["dead_letters"][0]["value_text"], letters.values_asked) == ("0x006e6f", True)
    assert "0x006e6f" in rtpipe("dead-letters", "list", "--values").stdout
    letters.counts_found = ()
    assert rtpipe("dead-letters", "list").stdout == "no dead letters\n"
    assert rtpipe("dead-letters", "list", "--dropped").stdout == "no dead letters like that\n"


def test_dead_letters_are_read_by_whichever_account_there_is(
    rtpipe: Command, letters: type[LetterAdmin], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert letters
    monkeypatch.delenv("RTPIPE_DATABASE_URL")
    infra = {"RTPIPE_INFRA_DATABASE_URL": "mysql+pymysql://i:p@db:1/bank"}
    assert rtpipe("dead-letters", "list", **infra).returncode == 0
    monkeypatch.delenv("RTPIPE_INFRA_DATABASE_URL")
    refused(rtpipe("dead-letters", "list"), 2, "E_SETTINGS", "RTPIPE_DATABASE_URL")


def test_dead_letters_show(rtpipe: Command, letters: type[LetterAdmin], monkeypatch: pytest.MonkeyPatch) -> None:
    assert letters
    monkeypatch.delenv("RTPIPE_SCHEMA_REGISTRY_URL")
    assert "E_VALUE  too long" in rtpipe("dead-letters", "show", "orders/0", "17").stdout
    told = json.loads(rtpipe("dead-letters", "show", "orders/0", "17", "--json").stdout)
    assert told["dead_letters"][0]["decoded"] is None
    assert told["dead_letters"][0]["what_to_do"]
    refused(rtpipe("dead-letters", "show", "orders/0", "18"), 2, "E_SETTINGS", "no dead letter of orders/0 offset 18")
    refused(rtpipe("dead-letters", "show", "orders", "17"), 2, "E_SETTINGS", "'orders' is not TOPIC/PARTITION")


def test_dead_letters_retry(rtpipe: Command, spy: Any) -> None:
    written = RetryOutcome(SOURCE, 16, RetryResult.WRITTEN)
    refusal = RetryOutcome(SOURCE, 17, RetryResult.REFUSED, "E_VALUE", "too long")
    run = Spy([written, refusal])
    made = spy("supervisor.dead_letters.retry.DeadLetterRetries", SimpleNamespace(run=run))
    answer = rtpipe("dead-letters", "retry", "--force", "--dry-run", "-n", "5")
    assert answer.returncode == 6
    assert "1 refused, 1 written; this was a dry run" in answer.stdout
    assert made.calls[0][1] == {"force": True, "dry_run": True}
    assert run.calls[0][0][1] == 5
    told = json.loads(rtpipe("dead-letters", "retry", "--json").stdout)
    assert (told["dry_run"], told["written"], told["refused"], told["gone"]) == (False, 1, 1, 0)
    assert [one["offset"] for one in told["left"]] == [17]
    assert [(one["offset"], one["result"]) for one in told["done"]] == [(16, "written")]
    run.answer = [written]
    assert rtpipe("dead-letters", "retry").returncode == 0
    run.answer = []
    assert rtpipe("dead-letters", "retry").stdout == "no dead letters like that\n"


def test_dead_letters_export(rtpipe: Command, letters: type[LetterAdmin], tmp_path: Path) -> None:
    assert letters
    assert json.loads(rtpipe("dead-letters", "export", "-o", "-").stdout)["offset"] == 17
    assert json.loads(rtpipe("dead-letters", "export").stdout)["offset"] == 17
    assert rtpipe("dead-letters", "export", "-o", "all.jsonl").stderr == "1 dead letters in all.jsonl\n"
    assert rtpipe("dead-letters", "export", "--format", "files", "-o", "all").returncode == 0
    assert (tmp_path / "all" / "orders-0-17.value").read_bytes() == LETTER.value
    refused(rtpipe("dead-letters", "export", "--format", "files"), 2, "E_SETTINGS", "needs a directory")
    refused(rtpipe("dead-letters", "export", "--format", "xml"), 2, "E_SETTINGS", "neither jsonl nor files")


def test_dead_letters_drop(rtpipe: Command, letters: type[LetterAdmin], typed: Any) -> None:
    answer = rtpipe("dead-letters", "drop", "-t", "orders", "--yes")
    assert "3 dropped" in answer.stdout
    refused(rtpipe("dead-letters", "drop"), 2, "E_SETTINGS", "drop needs to know which dead letters")
    answer = rtpipe("dead-letters", "drop", "-t", "orders")
    assert (answer.returncode, "nobody is there to ask" in answer.stderr) == (2, True)
    typed("y")
    assert "3 dropped" in rtpipe("dead-letters", "drop", "-t", "orders").stdout
    typed("n")
    assert rtpipe("dead-letters", "drop", "-t", "orders").returncode == 1
    letters.counts_found = ()
    assert rtpipe("dead-letters", "drop", "-t", "orders").stdout == "no dead letters like that\n"
