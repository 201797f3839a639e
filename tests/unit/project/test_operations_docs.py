"""docs/operations.md has every event of the log, every field of the status, every column of rtpipe's own tables."""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Iterator

import jsonschema  # type: ignore[import-untyped]
import pytest

from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS
from avro_schemas.tables.own_tables.journal import JOURNAL
from avro_schemas.tables.own_tables.offsets import OFFSETS
from supervisor.status.facts.json_schema import json_schema
from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.pipeline_status import SCHEMA_VERSION, PipelineStatus
from supervisor.status.facts.topic_status import TopicStatus
from tests.support.event_table import event_rows
from tests.support.pages import DOCS, modules


def test_operations_md_explains_every_event_of_the_log_and_no_other() -> None:
    told = [name for names, *_ in event_rows() for name in re.findall(r"`(\w+)`", names)]
    assert sorted(told) == sorted({event for path in modules() for event in events_of(ast.parse(path.read_text()))})


def events_of(module: ast.Module) -> Iterator[str]:
    """What a module's dicts have at `"event":`. If that is a function's argument: what its calls give for it."""
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef):
            continue
        for value in values_of_event(function):
            if not isinstance(value, ast.Name):
                yield from texts_of(value)
                continue
            place = [word.arg for word in function.args.args if word.arg != "self"].index(value.id)
            for call in ast.walk(module):
                if isinstance(call, ast.Call) and function.name in {
                    getattr(call.func, "attr", ""),
                    getattr(call.func, "id", ""),
                }:
                    yield from texts_of(call.args[place])


def values_of_event(function: ast.FunctionDef) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "event":
                    yield value


def texts_of(node: ast.expr) -> set[str]:
    """Every text that the expression may be."""
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp():
            return texts_of(node.body) | texts_of(node.orelse)
        case ast.FormattedValue():
            return texts_of(node.value)
        case ast.JoinedStr():
            return {"".join(parts) for parts in itertools.product(*map(texts_of, node.values))}
    raise AssertionError(f"cannot tell which texts this may be: {ast.unparse(node)}")


def test_operations_md_has_every_field_of_the_status_and_every_column_of_the_tables_that_rtpipe_keeps() -> None:
    text = (DOCS / "operations.md").read_text()
    fields = set(PartitionStatus.__dataclass_fields__) | {"lag", "limiting_phase"}
    assert fields == cells_of(text, "field")
    assert set(OFFSETS.columns.keys()) == cells_of(text, "column")
    assert set(DEAD_LETTERS.columns.keys()) == cells_of(text, "column of `rtpipe_dead_letters`")
    assert set(JOURNAL.columns.keys()) == cells_of(text, "column of `rtpipe_journal`")


TOPIC = TopicStatus("orders", "o", late_after=60, stuck_after=120)


def test_the_json_schema_of_the_status_is_that_of_the_code_and_holds_a_status() -> None:
    written = json.loads((DOCS / "status.schema.json").read_text())
    assert written == json_schema()
    partition = PartitionStatus.from_json({"topic": "orders", "partition": 0, "state": "running"})
    status = PipelineStatus(1, 1.0, draining=False, partitions=(partition,), topics=(TOPIC,))
    said = {"schema_version": SCHEMA_VERSION, "supervisors": [json.loads(json.dumps(status.to_json()))]}
    jsonschema.validate(said, written)
    said["supervisors"][0]["partitions"][0]["lag_seconds"] = "none"  # type: ignore[index]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(said, written)


def cells_of(text: str, title: str) -> set[str]:
    """What stands in backquotes in the first column of the table whose first title is this."""
    table = text.partition(f"\n| {title} | meaning |\n")[2].partition("\n\n")[0]
    return {word for line in table.splitlines()[1:] for word in re.findall(r"`(\w+)`", line.split("|")[1])}
