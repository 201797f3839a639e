from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from avro_schemas.tables.layout import table_layout
from rtpipe.errors import SettingsError
from supervisor.verify.matching.rows import Extra, Findings, Message, Missing
from supervisor.verify.outcome.count_judge import judge_count, judge_offsets
from supervisor.verify.outcome.differences import Differences
from supervisor.verify.outcome.report import DifferenceKind, PartitionReport, TopicReport, VerifyReport
from supervisor.verify.outcome.row_judge import RowJudge
from supervisor.verify.outcome.view import as_json
from supervisor.verify.verify import VerifyOrder

FIELDS = [{"name": "key", "type": "string"}, {"name": "n", "type": "int"}, {"name": "m", "type": "int"}]
COLUMNS = table_layout({"type": "record", "name": "t", "fields": FIELDS}, table="t").columns


def judged(
    findings: Findings,
    *,
    dead: dict[int, int] | None = None,
    unverifiable: int = 0,
    most: int = 9,
    with_position: bool = False,
) -> Differences:
    differences = Differences("t", most)
    findings.missing_count = findings.missing_count or Counter(row.partition for row in findings.missing)
    findings.extra_count = findings.extra_count or len(findings.extra)
    findings.copies_count = sum(bool(row.copies_of) for row in findings.extra)
    RowJudge(differences, "t", COLUMNS, with_position=with_position).judge(findings, dead or {}, unverifiable)
    return differences


def kinds(differences: Differences) -> list[DifferenceKind]:
    return [each.kind for each in differences.listed]


@pytest.mark.parametrize(
    ("at", "end", "kind", "lag"),
    [
        (PartitionReport(0, 0, 10, 10), 10, None, 0),
        (PartitionReport(0, 0, 10, 12, rows_total=12), 12, None, 0),  # went on between the two looks
        (PartitionReport(0, 0, 0, None), 0, None, 0),
        (PartitionReport(0, 0, 10, None), 10, DifferenceKind.NOT_CONSUMED, 10),
        (PartitionReport(0, 4, 10, None), 10, DifferenceKind.NOT_CONSUMED, 6),
        (PartitionReport(0, 0, 10, 7), 10, DifferenceKind.NOT_CONSUMED, 3),
        (PartitionReport(0, 0, 10, 13), 12, DifferenceKind.BEYOND_END, 0),
        (PartitionReport(0, 0, 10, 10, rows_total=10, dead_total=1), 10, DifferenceKind.OVERCOUNTED, 0),
    ],
)
def test_offsets(at: PartitionReport, end: int, kind: DifferenceKind | None, lag: int) -> None:
    differences = Differences("t", 9)
    judge_offsets(differences, "t", [at], {0: end})
    assert kinds(differences) == ([kind] if kind else [])
    assert at.lag == lag


def test_a_partition_that_the_topic_does_not_have() -> None:
    differences = Differences("t", 9)
    judge_offsets(differences, "t", [PartitionReport(5, 0, 0, 3)], {0: 10})
    assert [(each.kind, each.partition) for each in differences.listed] == [(DifferenceKind.BEYOND_END, 5)]


@pytest.mark.parametrize(("rows", "text"), [(9, "1 missing"), (12, "2 too many"), (10, "")])
def test_row_counts(rows: int, text: str) -> None:
    differences = Differences("t", 9)
    judge_count(differences, "t", [PartitionReport(0, 0, 9, 9, 4), PartitionReport(1, 0, 9, 9, 6)], rows)
    assert [each.text.endswith(text) for each in differences.listed] == ([True] if text else [])


def test_a_row_that_says_its_place_is_named_by_it() -> None:
    [extra] = judged(Findings(extra=[Extra((2, 9, "alien", 8, 8))]), with_position=True).listed
    assert extra.text == "t/2 offset 9: a row that no message of t explains: key='alien', n=8, m=8"
    assert (extra.partition, extra.offset) == (2, 9)


def test_rows_are_named_in_words() -> None:
    findings = Findings(
        missing=[Missing(2, 7, ("lost", 1, 2)), Missing(1, 3, ("changed", 5, 6))],
        extra=[Extra(("changed", 5, 60)), Extra(("twice", 0, 0), ((0, 4), (0, 9))), Extra(("alien", 8, 8))],
        unreadable=[Message(0, 11, None, "no magic byte")],
        unreadable_count=Counter({0: 1}),
    )
    differences = judged(findings)
    assert [each.text for each in differences.listed] == [
        "t/2 offset 7: the row is missing: key='lost', n=1, m=2",
        "a row more than there are messages like it (t/0 offset 4, t/0 offset 9): key='twice', n=0, m=0",
        "a row that no message of t explains: key='alien', n=8, m=8",
        "t/1 offset 3 is altered: column m is 6 in the topic, 60 in the table",
        "t/0 offset 11 cannot be decoded: no magic byte",
    ]
    assert differences.counts == {
        DifferenceKind.MISSING: 1,
        DifferenceKind.EXTRA: 2,
        DifferenceKind.ALTERED: 1,
        DifferenceKind.UNREADABLE: 1,
    }


def test_all_count_and_the_first_are_listed() -> None:
    findings = Findings(missing=[Missing(0, n, (str(n), n, n)) for n in range(5)], missing_count=Counter({0: 1_000}))
    differences = judged(findings, most=2)
    assert len(differences.listed) == 2
    assert differences.counts == {DifferenceKind.MISSING: 1_000}
    assert judged(Findings(extra_count=7)).counts == {DifferenceKind.EXTRA: 7}


@pytest.mark.parametrize(("dead", "count"), [({0: 2}, 0), ({0: 1}, 2), ({0: 3}, 2), ({1: 2}, 2)])
def test_dead_letters_excuse_exactly_their_number(dead: dict[int, int], count: int) -> None:
    findings = Findings(
        missing=[Missing(0, 1, ("a", 1, 1))],
        unreadable=[Message(0, 2, None, "broken")],
        unreadable_count=Counter({0: 1}),
    )
    assert judged(findings, dead=dead).counts.total() == count


def test_rows_of_deleted_messages_are_no_difference_but_copies_are() -> None:
    extra = [Extra(("a", 1, 1)), Extra(("b", 2, 2)), Extra(("c", 3, 3), ((0, 9),))]
    assert judged(Findings(extra=list(extra)), unverifiable=2).counts == {DifferenceKind.EXTRA: 1}
    doubtful = judged(Findings(extra=list(extra)), unverifiable=1)
    assert doubtful.counts == {DifferenceKind.EXTRA: 2}
    assert "2 rows like this, 1 may be older" in doubtful.listed[1].text


def test_long_values_are_cut_in_the_sentence_only() -> None:
    differences = judged(Findings(missing=[Missing(0, 0, ("x" * 500, 1, 1))]))
    assert len(differences.listed[0].text) < 150
    assert differences.listed[0].expected["key"] == "x" * 500


def test_the_report_is_json_with_stable_keys() -> None:
    differences = judged(Findings(missing=[Missing(0, 0, ("k", 1, 1))]))
    topic = TopicReport(
        topic="t",
        table="t",
        group="group-t",
        partitions=(PartitionReport(0, 0, 5, 3, 2, 1),),
        rows_in_table=2,
        differences=differences.listed,
        counts=dict(differences.counts),
    )
    report = VerifyReport((topic,), values=True, seconds=0.12345)
    assert not report.ok
    told = json.loads(json.dumps(as_json(report)))
    assert {key: told[key] for key in ("schema_version", "ok", "values", "seconds")} == {
        "schema_version": 1,
        "ok": False,
        "values": True,
        "seconds": 0.123,
    }
    assert told["topics"][0]["difference_counts"] == {"missing": 1}
    assert told["topics"][0]["differences"][0]["expected"] == {"key": "k", "n": 1, "m": 1}
    assert told["topics"][0]["partitions"] == [
        {
            "partition": 0,
            "low_watermark": 0,
            "high_watermark": 5,
            "stored_offset": 3,
            "lag": 2,
            "rows_total": 2,
            "dead_total": 1,
        }
    ]


def test_an_order_needs_topics_and_an_address_and_hides_its_secrets() -> None:
    common: dict[str, Any] = {"registry": None, "database_url": "mysql+pymysql://u:secret@h/bank"}
    with pytest.raises(SettingsError, match="no topic"):
        VerifyOrder(kafka={"bootstrap.servers": "x"}, topics=(), **common)
    with pytest.raises(SettingsError, match="no Kafka address"):
        VerifyOrder(kafka={}, topics=("t",), **common)
    assert "secret" not in repr(
        VerifyOrder(kafka={"bootstrap.servers": "x", "sasl.password": "secret"}, topics=("t",), **common)
    )
