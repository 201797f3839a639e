"""Tables of every type, as wide as planned, with any name, and changed: what is made does not differ from the plan."""

import contextlib
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Table
from sqlalchemy.dialects.mysql import BIGINT, MEDIUMTEXT

from avro_schemas.columns.verdict import Cost
from avro_schemas.tables.changes import Change, MakeNullable, Widen
from avro_schemas.tables.differences import differences
from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.own_tables.offsets import OFFSETS
from infra.tables.alter_table import alterations
from infra.tables.database import Account, Sessions, run
from infra.tables.ddl import create_table_sql
from infra.tables.table_look import found_table
from rtpipe.mysql.quoting import quoted, quoted_text

TYPES: list[Any] = [
    *["null", "boolean", "int", "long", "float", "double", "string", "bytes"],
    {"type": "string", "maxLength": 64},
    {"type": "string", "maxLength": 16000},
    {"type": "bytes", "maxLength": 64},
    *({"type": "fixed", "name": f"F{size}", "size": size} for size in (1, 255, 256, 70000)),
    *(
        {"type": "bytes", "logicalType": "decimal", "precision": p, "scale": s}
        for p, s in ((9, 2), (65, 30), (66, 0), (65, 31))
    ),
    {"type": "fixed", "name": "D", "size": 8, "logicalType": "decimal", "precision": 18, "scale": 3},
    {"type": "bytes", "logicalType": "decimal", "precision": 70000},
    *({"type": "int", "logicalType": word} for word in ("date", "time-millis")),
    *(
        {"type": "long", "logicalType": word}
        for word in (
            *["time-micros", "timestamp-millis", "timestamp-micros"],
            *["local-timestamp-millis", "local-timestamp-micros"],
        )
    ),
    {"type": "string", "logicalType": "uuid"},
    {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"},
]


def record(types: list[Any], **more: Any) -> dict[str, Any]:
    names: set[str] = set()
    fields = []
    for number, avro_type in enumerate(types):
        name = avro_type.get("name") if isinstance(avro_type, dict) else None
        again = name in names
        names |= {name} if name else set()
        fields.append({"name": f"f{number}", "type": name if again else avro_type, **more})
    return {"type": "record", "name": "r", "fields": fields, **more}


@pytest.fixture
def scratch(admin: Account, sessions: Sessions) -> Iterator[str]:
    """An empty database on either server."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    with sessions.connected(admin, doing="testing") as connection:
        run(connection, f"CREATE DATABASE {name}")
        yield name
        run(connection, f"DROP DATABASE {name}")


def differences_of(connection: Connection, database: str, table: Table) -> list[str]:
    found = found_table(connection, database, str(table.name))
    assert found is not None
    return differences(table, found)


@pytest.mark.parametrize("doc", ["plain", "it's \\ 100% %s `x` \n \u00fc \U0001f600 \x00", "x" * 3000])
def test_every_type_at_once_is_a_table_that_does_not_differ(
    doc: str, admin: Account, sessions: Sessions, scratch: str
) -> None:
    nullable = [["null", one] for one in TYPES if one != "null" and not (isinstance(one, dict) and "name" in one)]
    layout = table_layout(record(TYPES + nullable, doc=doc), table="t")
    with sessions.connected(admin, doing="testing") as connection:
        for table in (layout.table, OFFSETS):
            assert found_table(connection, scratch, str(table.name)) is None
            run(connection, create_table_sql(table, scratch))
            assert differences_of(connection, scratch, table) == []


@pytest.mark.parametrize(
    "avro_type",
    [
        *["string", ["null", "string"], ["null", "long"]],
        *({"type": "string", "maxLength": length} for length in (9, 62, 64)),
        *({"type": "bytes", "logicalType": "decimal", "precision": digits} for digits in (65, 200)),
        {"type": "fixed", "name": "F", "size": 255},
    ],
)
def test_the_widest_table_that_is_planned_can_be_made(
    avro_type: Any, admin: Account, sessions: Sessions, scratch: str
) -> None:
    fits, too_many = 1, 1100
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        with contextlib.suppress(Exception):
            layout = table_layout(record([avro_type] * middle), table="t")
            fits = middle
            continue
        too_many = middle
    layout = table_layout(record([avro_type] * fits), table="t")
    with sessions.connected(admin, doing="testing") as connection:
        run(connection, create_table_sql(layout.table, scratch))
        assert differences_of(connection, scratch, layout.table) == []


@pytest.mark.parametrize("name", ["a`b", "select", "%s", "x" * 64, "a.b-c", "a'b\"c\\d", "\u0430"])
def test_quoted_names_and_texts_arrive_as_they_are(name: str, admin: Account, sessions: Sessions, scratch: str) -> None:
    with sessions.connected(admin, doing="testing") as connection:
        run(connection, f"CREATE TABLE {quoted(scratch, name)} ({quoted(name)} INT)")
        columns = connection.exec_driver_sql(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
            (scratch, name),
        )
        assert columns.scalar_one() == name
        read = connection.execution_options(no_parameters=True).exec_driver_sql(f"SELECT {quoted_text(name)}")
        assert read.scalar_one() == name


#: A column each, with attributes that a MODIFY forgets unless it tells them again; what one server alone knows is its.
ATTRIBUTES = {
    "both": [
        "a int unsigned NOT NULL DEFAULT 5 COMMENT 'it''s \\\\ a, ( \\n'",
        "b varchar(10) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT 'NOT NULL' COMMENT 'NOT NULL'",
        "`c``,(` timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)",
        "d json NOT NULL",
        "e int zerofill NOT NULL",
        "f int NOT NULL DEFAULT (1 + 2)",
        "g varchar(20) NOT NULL DEFAULT (concat('a', 'b'))",
        "h enum('a,)','NOT NULL') NOT NULL DEFAULT 'NOT NULL'",
        "i mediumtext NOT NULL",
        "j varchar(9) COLLATE utf8mb4_general_ci NOT NULL DEFAULT 'x'",
        "k int NOT NULL CHECK (k <> 7)",
        "CHECK (a > 0)",
    ],
    "mariadb": ["x int NOT NULL INVISIBLE DEFAULT 1 CHECK (x <> 3)", "y mediumtext COMPRESSED NOT NULL"],
    "mysql": [
        "x int NOT NULL DEFAULT 1 INVISIBLE",
        "y mediumtext NOT NULL COLUMN_FORMAT DYNAMIC STORAGE MEMORY",
        "z point NOT NULL SRID 4326",
    ],
}


def test_a_change_of_a_column_keeps_its_other_attributes(admin: Account, sessions: Sessions, scratch: str) -> None:
    with sessions.connected(admin, doing="testing") as connection:
        server = "mariadb" if getattr(connection.dialect, "is_mariadb", False) else "mysql"
        columns = ",\n".join(ATTRIBUTES["both"] + ATTRIBUTES[server])
        run(connection, f"CREATE TABLE {scratch}.t ({columns}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")

        def shown() -> list[str]:
            return str(run(connection, f"SHOW CREATE TABLE {scratch}.t").scalars(1).one()).splitlines()

        def change(*changes: Change) -> None:
            found = found_table(connection, scratch, "t")
            assert found is not None
            for one in alterations(scratch, "t", found, changes):
                run(connection, one.sql)  # the first way, which copies nothing where it must not

        before, found = shown(), found_table(connection, scratch, "t")
        assert found is not None
        change(*(MakeNullable(name, "", Cost.IN_PLACE) for name in found.columns))
        assert [bare(line) for line in shown()] == [bare(line) for line in before]
        assert not any("NOT NULL" in re.sub("'[^']*'", "", line) for line in shown()[:-1])
        before = shown()
        change(*(Widen(name, "", Cost.COPY, "", kind) for name, kind in (("k", BIGINT()), ("j", MEDIUMTEXT()))))
        changed = [(old, new) for old, new in zip(before, shown(), strict=True) if old != new]
        assert [bare(new.replace("bigint(20)", "int(11)").replace("bigint", "int")) for _, new in changed[-1:]] == [
            bare(old) for old, _ in changed[-1:]
        ]
        assert "mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci DEFAULT" in changed[0][1]
        assert len(changed) == 2


def bare(line: str) -> str:
    """A line of SHOW CREATE TABLE without what it says of NULL, the default NULL included."""
    return re.sub(" (NOT NULL|DEFAULT NULL|NULL)(?=[ ,]|$)", "", line)
