"""What writers are answered about schema ids, by a registry and a fitter that stand in for the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from avro_schemas.registry.errors import SchemaNotFoundError, UnprocessableError
from avro_schemas.registry.subject_names import USUAL, SubjectNames
from avro_schemas.tables.evolution import EvolutionError
from avro_schemas.tables.layout import TableLayout, table_layout
from avro_schemas.tables.rules import TableRules
from rtpipe.errors import RtpipeError
from rtpipe.pause import PausePolicy
from supervisor.schemas import schema_fetch
from supervisor.schemas.table_fitter import KeyLayout
from supervisor.schemas.table_plans.plan_verdict import DiscardedError
from supervisor.schemas.table_plans.table_plan import TableTarget
from supervisor.schemas.topic_answers import TopicAnswers
from tests.support.fakes.fake_registry import FakeRegistry, schema
from tests.support.samples.specs import default_spec
from workers.contract.partition_spec import PartitionKey, PartitionSpec
from workers.contract.refusal import Reason
from workers.contract.reports import SchemaWanted
from workers.contract.schema_answers import KeySchema, SchemaAnswers, SchemaHalt, SchemaLayout, SchemaRefused

KEYED = TableRules(mode="upsert", key=("id",), tombstones="delete")


@dataclass
class FakeFitter:
    """Every schema fits but those that are refused; notes what was to fit together."""

    refused: set[int] = field(default_factory=set)
    discarded: set[int] = field(default_factory=set)
    rounds: list[list[int | None]] = field(default_factory=list)

    def fit(self, targets: Sequence[TableTarget]) -> list[TableLayout | RtpipeError]:
        self.rounds.append([one.schema_id for one in targets])
        return [self._fit(one) for one in targets]

    def _fit(self, one: TableTarget) -> TableLayout | RtpipeError:
        if one.schema_id in self.discarded:
            return DiscardedError("no")
        return EvolutionError("no") if one.schema_id in self.refused else one.layout()

    def key_layout(self, table: str, rules: TableRules) -> KeyLayout:
        return KeyLayout(schema(0), table_layout(schema(0), table=table, rules=rules))


def answers_by(registry: FakeRegistry, fitter: FakeFitter, *, patient: bool = True) -> TopicAnswers:
    return TopicAnswers("t", lambda: registry, fitter, lambda step: step(), patient=patient)  # type: ignore[arg-type, return-value]


def spec(rules: TableRules | None = None, subjects: SubjectNames = USUAL) -> PartitionSpec:
    return default_spec(PartitionKey("t", 0), rules=rules or TableRules(), subjects=subjects)


def kinds(answers: SchemaAnswers) -> list[type]:
    return [type(one) for one in answers]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_fetch, "_PAUSES", PausePolicy.steady(0.001))
    monkeypatch.setattr(schema_fetch, "_LAG", 0.05)


def test_all_ids_of_a_batch_are_one_round() -> None:
    registry, fitter = FakeRegistry({number: schema(number) for number in range(1, 41)}), FakeFitter({7})
    about = answers_by(registry, fitter)
    answer, *beside = about.answer(spec(), SchemaWanted(1, also=tuple(range(1, 41))))
    assert isinstance(answer, SchemaLayout)
    assert [one.schema_id for one in beside] == list(range(2, 41))
    assert [one.schema_id for one in beside if isinstance(one, SchemaHalt)] == [7]
    assert fitter.rounds == [list(range(1, 41))]
    assert len(registry.asked) == 80
    again = about.answer(spec(), SchemaWanted(2, also=(1, 7)))
    assert [one.schema_id for one in again] == [2, 1, 7]
    assert fitter.rounds[1:] == [[7]]  # what was a problem is looked at anew, the rest is known


def test_with_upserts_a_new_schema_changes_the_layouts_of_the_others() -> None:
    registry, fitter = FakeRegistry({number: schema(number) for number in (1, 2)}), FakeFitter()
    about = answers_by(registry, fitter)
    about.answer(spec(KEYED), SchemaWanted(1))
    assert [one.schema_id for one in about.answer(spec(KEYED), SchemaWanted(2, also=(1,)))] == [2, 1]
    assert fitter.rounds == [[1], [2, 1]]


def test_a_schema_of_another_subject_is_refused_by_name_and_asked_about_once() -> None:
    registry = FakeRegistry({1: schema(1), 2: schema(2)}, {1: ["b-value", "a-value"]})
    about = answers_by(registry, FakeFitter())
    [answer] = about.answer(spec(), SchemaWanted(1))
    assert isinstance(answer, SchemaRefused)
    assert answer.refusal.reason is Reason.FOREIGN_SCHEMA
    for word in ("schema id 1", "b-value, a-value", "t-value", "topic t", "`subject`", "any_subject"):
        assert word in answer.refusal.why
    assert kinds(about.answer(spec(), SchemaWanted(2))) == [SchemaLayout]
    about.answer(spec(), SchemaWanted(2))
    assert registry.asked.count(("subjects", 2)) == 1


@pytest.mark.parametrize(
    ("subjects", "under", "good"),
    [
        (USUAL, ["x", "t-value"], True),
        (USUAL, [":.ctx:t-value"], True),
        (USUAL, ["T-value"], False),
        (SubjectNames("{record}"), ["r"], True),
        (SubjectNames("{record}"), ["t-value"], False),
        (SubjectNames("{topic}-{record}"), ["t-r"], True),
        (SubjectNames(any_subject=True), ["anything"], True),
    ],
)
def test_which_subjects_are_the_topics(subjects: SubjectNames, under: list[str], *, good: bool) -> None:
    about = answers_by(FakeRegistry({1: schema(1)}, {1: under}), FakeFitter())
    assert kinds(about.answer(spec(None, subjects), SchemaWanted(1))) == [SchemaLayout if good else SchemaRefused]


def test_a_registry_that_lists_no_subjects_and_an_alias_are_asked_for_the_schema_itself() -> None:
    for listed in (True, False):
        registry = FakeRegistry({1: schema(1), 2: schema(2)}, {1: ["real"], 2: ["real"]}, lists_subjects=listed)
        registry.aliases.add(("t-value", 1))
        about = answers_by(registry, FakeFitter())
        assert kinds(about.answer(spec(), SchemaWanted(1, also=(2,)))) == [SchemaLayout, SchemaRefused]


def test_the_schema_of_a_key_is_of_the_keys_subject() -> None:
    about = answers_by(FakeRegistry({1: schema(1), 2: schema(2)}, {1: ["t-key"], 2: ["t-value"]}), FakeFitter())
    assert about.answer(spec(), SchemaWanted(1, "key")) == (KeySchema(1, schema(1)),)
    [refused] = about.answer(spec(), SchemaWanted(2, "key"))
    assert isinstance(refused, SchemaRefused)
    assert "`key_subject`" in refused.refusal.why


@pytest.mark.parametrize("trouble", [SchemaNotFoundError("404"), UnprocessableError("422")])
def test_a_passing_refusal_is_asked_again(trouble: RtpipeError) -> None:
    registry = FakeRegistry({1: schema(1), 2: schema(2)}, troubles={1: [trouble, trouble]})
    answers = answers_by(registry, FakeFitter()).answer(spec(), SchemaWanted(1, also=(2,)))
    assert kinds(answers) == [SchemaLayout, SchemaLayout]
    assert registry.asked.count(("schema", 1)) == 3
    assert registry.asked.count(("schema", 2)) == 1


def test_what_stays_unknown_is_refused_and_the_next_such_id_is_not_waited_for() -> None:
    registry = FakeRegistry({})
    about = answers_by(registry, FakeFitter())
    for one in about.answer(spec(), SchemaWanted(1, also=(2, 3))):
        assert isinstance(one, SchemaRefused)
        assert one.refusal.reason is Reason.UNKNOWN_SCHEMA
    assert registry.asked.count(("schema", 1)) > 1
    about.answer(spec(), SchemaWanted(4))
    assert registry.asked.count(("schema", 4)) == 1
    impatient = answers_by(registry, FakeFitter(), patient=False)
    impatient.answer(spec(), SchemaWanted(5))
    assert registry.asked.count(("schema", 5)) == 1


def test_a_tombstone_first_goes_by_what_was_met_else_by_the_table() -> None:
    registry, fitter = FakeRegistry({1: schema(1), 3: schema(3)}), FakeFitter()
    about = answers_by(registry, fitter)
    [by_key] = about.answer(spec(KEYED), SchemaWanted(0, "newest"))
    assert isinstance(by_key, SchemaLayout)
    assert by_key.schema == schema(0)
    assert fitter.rounds == []
    about.answer(spec(KEYED), SchemaWanted(3, also=(1,)))
    [newest] = about.answer(spec(KEYED), SchemaWanted(0, "newest"))
    assert newest.schema_id == 3


def test_a_tombstone_needs_the_key_alone_also_where_the_table_takes_no_rows() -> None:
    """`evolution = "discard_row"` refuses the rows; keys are read all the same."""
    registry, fitter = FakeRegistry({3: schema(3)}), FakeFitter(discarded={3})
    about = answers_by(registry, fitter)
    assert kinds(about.answer(spec(KEYED), SchemaWanted(3))) == [SchemaRefused]
    [by_key] = about.answer(spec(KEYED), SchemaWanted(0, "newest"))
    assert isinstance(by_key, SchemaLayout)
    assert [column.name for column in by_key.layout.columns] == ["id"]
