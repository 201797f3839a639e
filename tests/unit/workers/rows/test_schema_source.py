"""How a writer asks about schema ids: answers by kind, what is told beside one, and what may come instead."""

from __future__ import annotations

import dataclasses
import io
import multiprocessing
import pickle
from collections.abc import Iterator
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.dialects.mysql import JSON, MEDIUMBLOB
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql
from sqlalchemy.types import TypeEngine

from avro_schemas.avro.field_types import FieldType
from avro_schemas.columns.column_types import COLUMN_TYPES, column_type
from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.row_layout import RowLayout
from avro_schemas.tables.rules import TableRules
from rtpipe.errors import ExitCode
from workers.contract.errors import BrokenInvariant, LostParent
from workers.contract.refusal import Reason, Refusal
from workers.contract.reports import Drain, Ended, SchemaWanted, Waiting
from workers.contract.schema_answers import KeySchema, SchemaHalt, SchemaLayout, SchemaRefused, Sealed
from workers.rows.schema_source import Drained, SchemaHaltError, SchemaSource, asking

Ends = tuple[Connection, Connection, Connection]
FIELDS: list[dict[str, Any]] = [
    {"name": "id", "type": "string", "maxLength": 20},
    {"name": "flag", "type": "boolean"},
    {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "kind", "type": {"type": "enum", "name": "kind", "symbols": ["A", "B"]}},
    {"name": "chosen", "type": "string"},
    {"name": "u", "type": {"type": "string", "logicalType": "uuid"}},
    {"name": "md5", "type": {"type": "fixed", "name": "md5", "size": 16}},
    {"name": "items", "type": {"type": "array", "items": "int"}},
]
SCHEMA = {"type": "record", "name": "r", "fields": FIELDS}
RULES = TableRules(mode="upsert", key=("id",), columns={"chosen": "enum('x','it''s')"}, metadata=("_schema_id",))


def layout(rules: TableRules = RULES) -> RowLayout:
    return table_layout(SCHEMA, table="t", rules=rules).rows()


ANSWER = SchemaLayout(1, SCHEMA, layout())
UNKNOWN = SchemaRefused(2, Refusal(Reason.UNKNOWN_SCHEMA, "no"))
HALT = SchemaHalt(3, Ended(ExitCode.SCHEMA_REFUSED, "E_EVOLUTION", "no"))


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ends]:
    """The writer's end, the consumer's, and what breaks when the consumer dies."""
    here, there = multiprocessing.Pipe()
    sentinel, alive = multiprocessing.Pipe()
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(sentinel=sentinel))
    yield here, there, alive
    for one in (here, there, sentinel, alive):
        one.close()


def test_what_is_told_beside_an_answer_is_not_asked_for_but_once(link: Ends) -> None:
    here, there, _ = link
    there.send(Sealed.of((ANSWER, UNKNOWN, HALT)))
    source = SchemaSource(asking(here))
    assert source.rows(1, also=(1, 2, 3)).schema_id == 1
    assert there.recv() == SchemaWanted(1, "value", also=(1, 2, 3))
    assert source.rows(2) == UNKNOWN
    with pytest.raises(SchemaHaltError) as halted:
        source.rows(3)
    assert (halted.value.name, halted.value.exit_code) == ("E_EVOLUTION", ExitCode.SCHEMA_REFUSED)
    assert not there.poll()
    there.send(Sealed.of((ANSWER, HALT)))
    assert isinstance(source.rows(2), SchemaLayout)
    there.recv()
    there.send(Sealed.of((ANSWER,)))
    assert isinstance(source.rows(3, again=True), SchemaLayout)
    assert there.recv() == SchemaWanted(3, "value", again=True)


def test_keys_and_the_newest_schema_are_asked_for_by_their_use(link: Ends) -> None:
    here, there, _ = link
    source = SchemaSource(asking(here))
    there.send(Sealed.of((KeySchema(5, "int"),)))
    assert source.key(5) == KeySchema(5, "int")
    there.send(Sealed.of((ANSWER,)))
    assert source.newest().schema == SCHEMA
    assert [there.recv(), there.recv()] == [SchemaWanted(5, "key"), SchemaWanted(0, "newest")]


def test_an_answer_to_another_question_is_a_bug_and_a_refusal_of_all_rows_a_halt() -> None:
    with pytest.raises(BrokenInvariant, match="schema id 5"):
        SchemaSource(lambda _: (KeySchema(5, "int"),)).rows(5)
    with pytest.raises(SchemaHaltError, match="no"):
        SchemaSource(lambda _: (UNKNOWN,)).newest()
    with pytest.raises(SchemaHaltError):
        SchemaSource(lambda _: (HALT,)).key(3)


def test_a_drain_a_dead_consumer_and_anything_else_end_the_wait(
    link: Ends,
) -> None:
    here, there, alive = link
    ask = asking(here)
    there.send(Drain(1.0))
    with pytest.raises(Drained):
        ask(SchemaWanted(1))
    there.send("hello")
    with pytest.raises(BrokenInvariant, match="str is no answer"):
        ask(SchemaWanted(1))
    alive.close()
    with pytest.raises(LostParent):
        ask(SchemaWanted(1))


def test_a_long_wait_is_told_and_its_end(link: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there, _ = link
    ready = iter([False, True])
    monkeypatch.setattr("workers.rows.schema_source._is_ready", lambda _: next(ready))
    there.send(Sealed.of((ANSWER,)))
    assert [one.schema_id for one in asking(here)(SchemaWanted(7))] == [1]
    told = [there.recv() for _ in range(3)]
    assert told[0] == SchemaWanted(7)
    assert isinstance(told[1], Waiting)
    assert "schema id 7" in told[1].reason
    assert told[2] == Waiting("")


def written(column_type: TypeEngine[Any]) -> str:
    return str(column_type.compile(dialect=MySQLDialect_pymysql()))


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        assert not module.startswith("sqlalchemy"), f"{module}.{name} crosses the process border"
        return super().find_class(module, name)


def test_no_object_of_sqlalchemy_crosses_and_every_type_arrives_as_it_was() -> None:
    of = FieldType("string", precision=12, scale=2, size=20, symbols=("A", "B"))
    kinds = [dataclasses.replace(of, avro_type=kind, logical=logical) for kind, logical in COLUMN_TYPES]
    long = [dataclasses.replace(one, size=1 << 20, precision=70) for one in kinds]
    shape = ANSWER.layout.columns[0]
    types = [*(column_type(one, nanos="bigint") for one in (*kinds, *long)), MEDIUMBLOB()]
    types += [one.type for one in ANSWER.layout.columns]
    columns = tuple(dataclasses.replace(shape, type=one) for one in types)
    overflow = dataclasses.replace(shape, type=JSON(), parts=columns)
    sent = dataclasses.replace(ANSWER, layout=dataclasses.replace(ANSWER.layout, columns=(*columns, overflow)))
    [arrived] = _PlainUnpickler(io.BytesIO(Sealed.of((sent,)).content)).load()
    assert arrived.schema == SCHEMA
    assert arrived.layout.key == ("id",)
    assert len(arrived.layout.columns) == len(types) + 1
    *alone, overflowing = arrived.layout.columns
    for before, after in zip((*types, *types), (*alone, *overflowing.parts), strict=True):
        assert type(after.type) is type(before)
        assert written(after.type) == written(before)
