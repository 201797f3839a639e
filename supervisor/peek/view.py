"""How a message and its row look, to a person and to a program."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from supervisor.dead_letters.message_text import as_json, escaped, text_of
from supervisor.peek.peeked import Beside, Peeked, RowState
from workers.rows.metadata_literals import moment_text

#: Characters of a value that are shown.
_SHOWN = 400
_STYLES = {RowState.ROW: "green", RowState.DEAD_LETTER: "red", RowState.NO_ROW: "yellow"}


def console() -> Console:
    """Stdout; where that is no terminal, wide enough for most values."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=160)


def print_message(out: Console, message: Peeked, beside: Beside, renamed: Mapping[str, str]) -> None:
    """The message, its fields, and its row beside them. `renamed`: field -> column, where the names differ."""
    out.print(Text.assemble((f"{message.key} offset {message.offset}", "bold"), f"  {_facts(message)}"))
    out.print(Text.assemble(("  key    ", "dim"), _bytes_text(message.raw_key)))
    for name, value in message.headers or ():
        out.print(Text.assemble(("  header ", "dim"), f"{escaped(name)} = {_bytes_text(value)}"))
    words = f"{beside.state}{': ' if beside.text else ''}{escaped(beside.text)}"
    out.print(Text.assemble(("  table  ", "dim"), (words, _STYLES.get(beside.state, ""))))
    if message.raw_value is None:
        out.print("  a tombstone: no value")
    elif message.problem:
        out.print(Text(f"  not decoded: {escaped(message.problem)}", style="red"))
        out.print(Text.assemble(("  value  ", "dim"), _bytes_text(message.raw_value)))
    if message.value is not None or beside.row is not None:
        out.print(_side_by_side(message.value or {}, beside.row, renamed))


def facts_of(message: Peeked, beside: Beside, renamed: Mapping[str, str]) -> dict[str, Any]:
    """A line of --json. Bytes are base64; `value` is the decoded one, `raw_value` stands for one that cannot be.

    `renamed`: field -> column, where the names differ.
    """
    moment = moment_text(message.timestamp)
    return {
        "schema_version": 1,
        "topic": message.key.topic,
        "partition": message.key.partition,
        "offset": message.offset,
        "timestamp": moment and moment.replace(" ", "T") + "Z",
        "schema_id": message.schema_id,
        "key": _base64(message.raw_key),
        "headers": [[name, _base64(value)] for name, value in message.headers or ()],
        "tombstone": message.raw_value is None,
        "value": _plain(message.value),
        "problem": message.problem or None,
        "raw_value": _base64(message.raw_value) if message.problem else None,
        "state": str(beside.state),
        "text": beside.text or None,
        "row": _plain(beside.row),
        "renamed": dict(renamed),
    }


def _facts(message: Peeked) -> str:
    moment = moment_text(message.timestamp)
    schema = "" if message.schema_id is None else f"  schema id {message.schema_id}"
    return f"{moment[:23] + ' UTC' if moment else 'no time'}{schema}"


def _side_by_side(value: Mapping[str, Any], row: Mapping[str, Any] | None, renamed: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    table.add_column("  FIELD" if row is None else "  FIELD OR COLUMN", overflow="fold", max_width=30)
    table.add_column("MESSAGE", overflow="fold")
    left = dict(row or {})
    if row is not None:
        table.add_column("ROW", overflow="fold")
    by_lower = {name.lower(): name for name in left}
    for field, one in value.items():
        column = by_lower.get(renamed.get(field, field).lower())
        cells = [] if row is None else [Text("-") if column is None else _cell(left.pop(column))]
        table.add_row(Text(f"  {escaped(field)}"), _cell(one), *cells)
    for column, one in left.items():
        table.add_row(Text(f"  {escaped(column)}"), Text("-"), _cell(one))
    return table


def _cell(value: Any) -> Text:
    return Text(_short(escaped(as_json(value))))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… (--json has all)"


def _bytes_text(value: bytes | None) -> str:
    if value is None:
        return "null"
    text = text_of(value)
    return _short(f"0x{value.hex()}" if text is None else escaped(json.dumps(text, ensure_ascii=False)))


def _plain(value: Any) -> Any:
    return None if value is None else json.loads(as_json(value))


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
