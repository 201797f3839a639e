"""Changes of a table as SQL: what a MODIFY does not tell again, the server forgets."""

from __future__ import annotations

from sqlalchemy.dialects.mysql import BIGINT, LONGTEXT, MEDIUMTEXT, VARCHAR

from avro_schemas.columns.found_table import FoundColumn, FoundTable
from avro_schemas.columns.verdict import Cost
from avro_schemas.tables.changes import AddColumn, Change, DropColumn, MakeNullable, Rename, Widen
from infra.tables.alter_table import alterations

TABLE = FoundTable(
    {
        "n": FoundColumn("int", False, definition="int(11) NOT NULL DEFAULT 5 COMMENT 'it''s, NOT NULL'"),
        "name": FoundColumn(
            *("varchar(20)", False, "ascii", "ascii_bin"),
            definition="varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL",
        ),
        "own": FoundColumn(
            *("varchar(20)", False, "utf8mb4", "utf8mb4_bin"), definition="varchar(20) COLLATE utf8mb4_bin NOT NULL"
        ),
        "at": FoundColumn("timestamp", False, definition="timestamp NOT NULL ON UPDATE CURRENT_TIMESTAMP"),
        "j": FoundColumn(
            *("json", False, "utf8mb4", "utf8mb4_bin"),
            definition="longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL CHECK (json_valid(`j`))",
        ),
    }
)


def sql(*changes: Change) -> list[str]:
    return [one.sql.removeprefix("ALTER TABLE `b``k`.`t` ") for one in alterations("b`k", "t", TABLE, changes)]


def test_one_statement_for_each_cost_the_cheapest_first() -> None:
    wide = Widen("n", "", Cost.COPY, "int", BIGINT())
    assert sql(wide, MakeNullable("n", "", Cost.IN_PLACE), AddColumn("x", "", Cost.INSTANT, BIGINT(), 7)) == [
        "ADD COLUMN `x` BIGINT NULL DEFAULT 7, ALGORITHM=INSTANT",
        "MODIFY COLUMN `n` int(11) NULL DEFAULT 5 COMMENT 'it''s, NOT NULL', ALGORITHM=INPLACE, LOCK=NONE",
        "MODIFY COLUMN `n` BIGINT NULL DEFAULT 5 COMMENT 'it''s, NOT NULL'",
    ]


def test_a_column_is_modified_once_in_a_statement() -> None:
    wide = Widen("name", "", Cost.IN_PLACE, "varchar(20)", VARCHAR(30, charset="ascii", collation="ascii_bin"))
    assert sql(wide, MakeNullable("name", "", Cost.IN_PLACE)) == [
        "MODIFY COLUMN `name` VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NULL, ALGORITHM=INPLACE, LOCK=NONE"
    ]


def test_charset_and_whatever_else_the_column_has_is_kept() -> None:
    [name] = sql(MakeNullable("name", "", Cost.IN_PLACE))
    assert name.startswith("MODIFY COLUMN `name` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NULL,")
    [at] = sql(MakeNullable("at", "", Cost.IN_PLACE))
    assert at.startswith("MODIFY COLUMN `at` timestamp NULL ON UPDATE CURRENT_TIMESTAMP,")
    [parts] = sql(MakeNullable("j", "", Cost.IN_PLACE))
    assert parts.startswith("MODIFY COLUMN `j` json NULL CHECK (json_valid(`j`)),")
    [own] = sql(MakeNullable("own", "", Cost.IN_PLACE))
    assert own.startswith("MODIFY COLUMN `own` varchar(20) NULL,")


def test_text_has_its_character_set_whatever_the_table_has() -> None:
    [added] = sql(AddColumn("x", "", Cost.INSTANT, MEDIUMTEXT()))
    assert added.startswith("ADD COLUMN `x` MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,")
    [wider] = sql(Widen("name", "", Cost.COPY, "varchar(20)", MEDIUMTEXT()))
    assert wider == "MODIFY COLUMN `name` MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"
    [text] = sql(Widen("j", "", Cost.COPY, "json", LONGTEXT()))
    assert text == "MODIFY COLUMN `j` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"


def test_text_in_defaults_and_comments_is_quoted() -> None:
    added = AddColumn("o'x`", "", Cost.INSTANT, VARCHAR(9), "it's\\", "a 'comment'")
    assert sql(added) == [
        (
            "ADD COLUMN `o'x``` VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL DEFAULT 'it''s\\\\'"
            " COMMENT 'a ''comment''', ALGORITHM=INSTANT"
        )
    ]


def test_names_and_drops_and_what_else_is_tried() -> None:
    assert sql(Rename("n", "", Cost.INSTANT, "m"), DropColumn("j", "", Cost.INSTANT)) == [
        "RENAME COLUMN `n` TO `m`, DROP COLUMN `j`, ALGORITHM=INSTANT"
    ]
    [added] = alterations("b", "t", TABLE, [AddColumn("x", "", Cost.INSTANT, MEDIUMTEXT())])
    assert [way.rpartition(" NULL, ")[2] for way in added.ways] == ["ALGORITHM=INSTANT", "ALGORITHM=INPLACE, LOCK=NONE"]
    [copied] = alterations("b", "t", TABLE, [Widen("n", "", Cost.COPY, "int", BIGINT())])
    assert copied.ways == (copied.begin,)
