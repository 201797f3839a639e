"""A column's definition, told again with one thing changed: all the rest is the server's own text."""

from __future__ import annotations

import pytest

from infra.tables.column_definitions import (
    column_definitions,
    with_default_expression,
    with_null,
    with_type,
    without_collation,
    without_json_check,
)

SHOWN = r"""CREATE TABLE `t` (
  `a` int(10) unsigned NOT NULL INVISIBLE DEFAULT 5 COMMENT 'it''s \\ a, ( "x" \n y' CHECK (`a` > 0 and 'x,)' <> '('),
  `c``,(` timestamp(3) NOT NULL DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3),
  `e` mediumtext /*M!100301 COMPRESSED*/ NOT NULL,
  `i` enum('a,)','NOT NULL') NOT NULL DEFAULT 'NOT NULL',
  `p` point NOT NULL /*!80003 SRID 4326 */,
  PRIMARY KEY (`a`),
  KEY `x` (`e`(9)),
  CONSTRAINT `cc` CHECK ((`a` > 0))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='(`z` int, '
/*!50100 PARTITION BY HASH (`a`) */"""


def test_each_column_has_its_whole_text_and_nothing_else_is_a_column() -> None:
    found = column_definitions(SHOWN)
    assert list(found) == ["a", "c`,(", "e", "i", "p"]
    assert found["a"].endswith("y' CHECK (`a` > 0 and 'x,)' <> '(')")
    assert found["i"] == "enum('a,)','NOT NULL') NOT NULL DEFAULT 'NOT NULL'"


def test_null_instead_of_not_null_and_nowhere_else() -> None:
    nullable = {name: with_null(definition) for name, definition in column_definitions(SHOWN).items()}
    assert nullable["i"] == "enum('a,)','NOT NULL') NULL DEFAULT 'NOT NULL'"
    assert nullable["a"].startswith("int(10) unsigned NULL INVISIBLE DEFAULT 5 COMMENT")
    assert nullable["c`,("] == "timestamp(3) NULL DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3)"
    assert nullable["p"] == "point NULL /*!80003 SRID 4326 */"
    assert with_null("int DEFAULT NULL") == "int DEFAULT NULL"


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("int unsigned NOT NULL DEFAULT '5'", "TEXT CHARACTER SET u NOT NULL DEFAULT '5'"),
        ("varchar(9) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL", "TEXT CHARACTER SET u NOT NULL"),
        ("varchar(9) /*M!100301 COMPRESSED*/ COLLATE c NULL", "TEXT /*M!100301 COMPRESSED*/ CHARACTER SET u NULL"),
        ("enum('COLLATE','b') NOT NULL", "TEXT CHARACTER SET u NOT NULL"),
        ("varchar(9) COLLATE c DEFAULT concat('a','b')", "TEXT CHARACTER SET u DEFAULT concat('a','b')"),
    ],
)
def test_another_type_and_its_character_set(definition: str, expected: str) -> None:
    assert with_type(definition, "TEXT", "CHARACTER SET u") == expected


def test_what_the_table_has_anyway_is_not_told_as_the_columns_own() -> None:
    assert without_collation("text COLLATE utf8mb4_bin NOT NULL", "utf8mb4_bin") == "text NOT NULL"
    assert without_collation("text COLLATE utf8mb4_bin", "latin1_bin") == "text COLLATE utf8mb4_bin"
    own = "text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    assert without_collation(own, "utf8mb4_bin") == own


def test_a_default_in_brackets_and_the_check_of_json() -> None:
    assert with_default_expression("text DEFAULT 'a' COMMENT 'b'") == "text DEFAULT ('a') COMMENT 'b'"
    assert with_default_expression("text DEFAULT (uuid())") == "text DEFAULT (uuid())"
    check = "longtext NOT NULL COMMENT 'CHECK' CHECK (json_valid(`j``x`))"
    assert without_json_check(check, "j`x") == "longtext NOT NULL COMMENT 'CHECK'"
    assert without_json_check(check, "j") == check
