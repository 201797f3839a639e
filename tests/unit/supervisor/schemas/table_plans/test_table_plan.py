"""The one planner: found table, schemas and rules -> plan; and how it is shown."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from avro_schemas.columns.found_table import FoundColumn, FoundTable
from infra.tables.ddl import ServerFacts
from supervisor.schemas.table_plans.table_plan import PlanOptions, TablePlan, TableTarget, plan_existing, plan_new
from supervisor.schemas.table_plans.table_plan_view import facts_of, lines_of, print_plan, renamed
from tests.support.samples.table_targets import OPTIONAL, record, target_of

MYSQL = ServerFacts("bank", is_mariadb=False, json_depth=100, demands_primary_key=False)
STRICT = ServerFacts("bank", is_mariadb=False, json_depth=100, demands_primary_key=True)
V1 = record(id="int", old=OPTIONAL)
V2: dict[str, Any] = {
    "type": "record",
    "name": "r",
    "fields": [
        {"name": "id", "type": "int"},
        {"name": "new", "type": OPTIONAL, "default": None, "aliases": ["old"]},
    ],
}
TEXT = ("utf8mb4", "utf8mb4_bin")


def found(**columns: str) -> FoundTable:
    """A table as the server describes it; NOT NULL behind a type."""
    made = {}
    for name, words in columns.items():
        kind, _, strict = words.partition(" NOT ")
        charset, collation = TEXT if "text" in kind or "char" in kind else (None, None)
        made[name] = FoundColumn(kind, not strict, charset, collation, definition=words)
    return FoundTable(made)


def plan(target: TableTarget, table: FoundTable, **options: bool) -> TablePlan:
    return plan_existing(target, table, "bank", PlanOptions(**options))


def shown(of: TablePlan) -> str:
    out = io.StringIO()
    print_plan(of, Console(file=out, width=200, highlight=False))
    return out.getvalue()


HAS_V1 = found(id="int NOT NULL", old="mediumtext")


def test_a_new_table_is_created_and_keyed_where_the_server_demands_it() -> None:
    for server, keyed in ((MYSQL, False), (STRICT, True)):
        made = plan_new(target_of(V1), server)
        assert made.differs
        assert made.keyed is keyed
        assert made.statements == [made.create]
        assert made.create.startswith("CREATE TABLE IF NOT EXISTS `bank`.`t`")
        assert ("_kafka_offset" in made.create) is keyed
        assert ("demands a primary key" in shown(made)) is keyed
        assert [*made.alterations, *made.own_alterations, *made.kept, *made.questions] == []
    keyed_by_people = plan_new(target_of(V1, mode="upsert", key=("id",)), STRICT)
    assert not keyed_by_people.keyed
    assert facts_of(keyed_by_people)["primary_key"] == ["id"]
    assert facts_of(keyed_by_people)["state"] == "to create"
    assert lines_of(keyed_by_people)[0] == "to create"


def test_a_table_that_fits_needs_nothing() -> None:
    fits = plan(target_of(V1), HAS_V1)
    assert not fits.differs
    assert not fits.questions
    assert (facts_of(fits)["state"], lines_of(fits)) == ("fits", ["fits"])
    assert fits.rows.columns == fits.columns


def test_a_new_column_is_rtpipes_own_change() -> None:
    made = plan(target_of(record(id="int", more=OPTIONAL), V1), HAS_V1)
    [alteration] = made.own_alterations
    assert list(made.alterations) == [alteration]
    assert alteration.sql.startswith("ALTER TABLE `bank`.`t` ADD COLUMN `more` MEDIUMTEXT")
    assert list(made.kept) == ["old"]
    told = shown(made)
    assert "+ more mediumtext" in told
    assert "- old  kept; `rtpipe table apply --drop` removes it" in told
    assert facts_of(made)["kept"] == ["old"]
    assert (facts_of(made)["state"], made.cause.schema_id) == ("differs", 1)


def test_columns_of_other_versions_are_dropped_on_a_persons_word_alone() -> None:
    made = plan(target_of(record(id="int"), V1), HAS_V1, drop=True)
    assert [str(change) for change in made.changes] == ["drop column old (no field of this schema)"]
    assert made.questions == ["drops a column"]
    assert not made.kept
    assert "- old  instant, with all that is in it" in shown(made)
    not_null = plan(
        target_of(record(id="int"), record(id="int", old="string")),
        found(id="int NOT NULL", old="mediumtext NOT NULL"),
        drop=True,
    )
    assert [type(change).__name__ for change in not_null.changes] == ["DropColumn"], "it need not take NULL before"
    by_record = plan(target_of(record(id="int"), V1, by_record=True), HAS_V1, drop=True)
    assert not by_record.changes, "the columns of another record"


def test_a_field_of_another_name_keeps_its_column_or_renames_it() -> None:
    assert "--accept-rename renames old instead" in shown(plan(target_of(V2, V1), HAS_V1))
    made = plan(target_of(V2, V1), HAS_V1, accept_rename=True)
    assert made.statements == ["ALTER TABLE `bank`.`t` RENAME COLUMN `old` TO `new`, ALGORITHM=INSTANT"]
    assert "~ old -> new" in shown(made)
    assert made.found is not None
    assert list(made.found.columns) == ["id", "new"]


def test_a_copy_is_asked_for() -> None:
    made = plan(target_of(record(id="long", old=OPTIONAL), V1), HAS_V1)
    assert made.questions == ["copies the table"]
    assert "~ id int -> bigint  copies 0 rows, blocks writers" in shown(made)
    assert facts_of(made)["changes"][0]["cost"] == "copy"


def test_what_people_made_is_changed_on_their_word_alone() -> None:
    own = FoundColumn("varchar(9)", False, "utf8mb4", "utf8mb4_bin", definition="varchar(9) NOT NULL")
    theirs = FoundTable({**HAS_V1.columns, "own": own}, collation="latin1_bin")
    made = plan(target_of(record(id="int", own=OPTIONAL), record(id="int", own="string")), theirs)
    assert made.questions == ["changes columns that a person made: own"]
    assert not made.own_alterations
    assert made.alterations
    assert "only `rtpipe table apply` changes it" in shown(made)
    assert "~ own NOT NULL -> NULL" in shown(made)
    assert lines_of(made)[0] == "1 change"


def test_what_no_change_mends_is_refused() -> None:
    made = plan(target_of(record(id="int", old="int"), V1), found(id="int NOT NULL", old="mediumtext"))
    assert made.refused
    assert facts_of(made)["state"] == lines_of(made)[0] == "refused"
    assert "refused: nothing that rtpipe would decide alone" in shown(made)


def test_limits_notes_and_warnings_are_shown() -> None:
    made = plan(target_of(record(id="int", x="float")), found(id="smallint NOT NULL", x="float NOT NULL"))
    assert lines_of(made)[0] == "fits, but for some values in 1 column"
    assert "note: column id smallint: refuses" in shown(made)
    assert facts_of(made)["notes"]
    strange = plan(target_of(V1, exclude=("gone",)), HAS_V1)
    assert "warning: exclude names field 'gone'" in shown(strange)
    named = plan(target_of(V1, rename={"old": "other"}), found(id="int NOT NULL", other="mediumtext"))
    assert renamed(named) == {"old": "other"}
    assert "field old -> column other" in shown(named)
    assert json.loads(json.dumps(facts_of(named)))["renamed"] == {"old": "other"}


def test_a_strangers_table_is_taken_on_a_persons_word_alone() -> None:
    table = found(name="mediumtext", other="mediumtext")
    with pytest.raises(Exception, match="has no column of this schema"):
        plan(target_of(V1), table)
    assert len(plan(target_of(V1), table, accept_unrelated=True).changes) == 2
