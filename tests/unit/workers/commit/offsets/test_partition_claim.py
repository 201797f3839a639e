"""What a claim compares and writes, and what it tells a person to do, on a database in memory."""

from __future__ import annotations

import dataclasses

import pytest

from rtpipe.errors import RtpipeError
from tests.support.fakes.memory_database import MemoryServer
from tests.support.samples.specs import default_spec
from workers.commit.offsets import claim_checks
from workers.commit.offsets.ledger_connection import LedgerConnection
from workers.commit.offsets.partition_claim import PartitionClaim
from workers.contract.errors import Fenced, SetupError, TopicChangedError
from workers.contract.partition_spec import PartitionKey, PartitionSpec
from workers.contract.reports import Position

SPEC = default_spec(PartitionKey("orders", 3), group="g", first_offset=40, topic_id="mine", cluster_id="cluster")


def claim(server: MemoryServer, spec: PartitionSpec = SPEC) -> Position:
    return PartitionClaim(spec, LedgerConnection(spec, server.open)).claim()


def refusal(server: MemoryServer, spec: PartitionSpec, error: type[RtpipeError]) -> RtpipeError:
    with pytest.raises(error) as found:
        claim(server, spec)
    return found.value


@pytest.mark.parametrize(("supervisor", "end"), [("s1", " of supervisor s1"), ("", "")])
def test_the_row_says_which_process_owns_it(supervisor: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_checks.socket, "gethostname", lambda: "h" * 200)  # type: ignore[attr-defined]
    monkeypatch.setattr(claim_checks.os, "getpid", lambda: 77)  # type: ignore[attr-defined]
    server = MemoryServer()
    claim(server, dataclasses.replace(SPEC, supervisor=supervisor))
    [(owner, at)] = server.rows("SELECT owner, updated_at FROM kafka_offsets")
    assert owner == f"{'h' * 128}:77{end}"
    assert at == "2026-01-31 12:00:00.000000"


def test_a_row_that_is_gone_is_for_a_person_to_restore() -> None:
    error = refusal(MemoryServer(), dataclasses.replace(SPEC, known=True), SetupError)
    assert error.hint == "restore the row before you resume"


@pytest.mark.parametrize(("field", "what"), [("topic_id", "topic"), ("cluster_id", "cluster")])
def test_another_topic_or_cluster_is_for_a_person_to_adopt(field: str, what: str) -> None:
    server = MemoryServer()
    claim(server)
    error = refusal(server, dataclasses.replace(SPEC, **{field: "other"}), TopicChangedError)  # type: ignore[arg-type]
    assert error.hint == f"nothing was written; if the new {what} is meant: rtpipe adopt orders"


def test_a_new_partition_of_another_topic_than_the_others_is_for_a_person_to_adopt() -> None:
    server = MemoryServer()
    for partition, topic_id in ((1, "b"), (2, "a")):
        claim(server, dataclasses.replace(SPEC, key=PartitionKey("orders", partition), topic_id=topic_id, known=False))
        server.sql("UPDATE kafka_offsets SET topic_id = ''")
    server.sql("UPDATE kafka_offsets SET topic_id = CASE `partition` WHEN 1 THEN 'b' ELSE 'a' END")
    error = refusal(server, SPEC, TopicChangedError)
    assert error.message.endswith("the stored offsets of the other partitions belong to a, b")
    assert error.hint == "nothing was written; if the new topic is meant: rtpipe adopt orders"


@pytest.mark.parametrize(
    "beside",
    [
        {"key": PartitionKey("payments", 0), "topic_id": "other"},
        {"group": "another group", "topic_id": "other"},
        {"key": PartitionKey("orders", 4), "topic_id": ""},
    ],
    ids=["of another topic", "of another group", "from before ids were stored"],
)
def test_offsets_that_say_nothing_of_this_topic_do_not_stop_a_new_partition(beside: dict[str, object]) -> None:
    server = MemoryServer()
    claim(server, dataclasses.replace(SPEC, **beside))  # type: ignore[arg-type]
    assert claim(server) == Position(1, 40, -1)


def test_a_partition_that_another_supervisor_took_can_be_taken_back_by_a_person() -> None:
    server = MemoryServer()
    for supervisor in ("s1", "s2"):
        claim(server, dataclasses.replace(SPEC, supervisor=supervisor))
    error = refusal(server, dataclasses.replace(SPEC, supervisor="s1", last_epoch=1), Fenced)
    assert error.hint == "rtpipe resume orders/3 takes it back"
