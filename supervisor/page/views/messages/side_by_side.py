"""A message beside its row: what `rtpipe peek` and `rtpipe dead-letters show` tell, as rows of a table."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from nicegui import ui

from rtpipe.log import visible
from supervisor.page.views.parts import Column, Rows
from supervisor.page.views.words import UNKNOWN, Mark, clock

#: Characters of a value that are shown.
_SHOWN = 400
_COLUMNS = (
    Column("name", "Field or column", left=True),
    Column("message", "Message", wrap=True),
    Column("row", "Row in the table", wrap=True),
)
_TONES = {"row": Mark("●", "row", "good"), "dead letter": Mark("■", "dead letter", "bad")}


class SideBySide:
    """Empty until there is something to show."""

    def __init__(self) -> None:
        with ui.element("div") as self._element:
            with ui.element("div").classes("crumbs"):
                self._state = ui.label().classes("mark")
                self._about = ui.label().classes("hint")
            self._text = ui.label()
            self._rows = Rows(_COLUMNS, "It has no value that could be decoded.")
        self._element.set_visibility(False)

    def hide(self) -> None:
        """Of a message before."""
        self._element.set_visibility(False)

    def show(self, facts: Mapping[str, Any]) -> None:
        """A line of `rtpipe peek --json`, or a dead letter of `show --json`."""
        mark = state_of(facts)
        self._state.set_text(mark.text)
        self._state.classes(replace=f"mark {mark.tone}")
        self._about.set_text(about(facts))
        self._text.set_text(text_of(facts))
        self._rows.show(rows_of(facts))
        self._element.set_visibility(True)


def state_of(facts: Mapping[str, Any]) -> Mark:
    """What the table has of it."""
    state = str(facts.get("state") or ("dead letter" if "error_name" in facts else "unknown"))
    return _TONES.get(state, Mark("○", state, "warn"))


def about(facts: Mapping[str, Any]) -> str:
    """Its time, schema id and key."""
    words = [f"{clock(str(facts.get('timestamp') or ''))} UTC", f"schema id {facts.get('schema_id') or UNKNOWN}"]
    return " · ".join([*words, f"key {bytes_text(facts.get('key'))}"])


def text_of(facts: Mapping[str, Any]) -> str:
    """Why it is no row, what to do, and why it could not be decoded, as far as there is such a thing."""
    said = [facts.get("text"), f"{facts['error_name']} {facts['error_text']}" if "error_name" in facts else None]
    said += [facts.get("what_to_do"), facts.get("problem")]
    return visible(" — ".join(str(one).replace("`", "") for one in said if one))


def rows_of(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields of the message in their order, each beside its column; then columns that no field fills."""
    is_letter = "decoded" in facts
    message, raw = facts.get("decoded" if is_letter else "value"), facts.get("value" if is_letter else "raw_value")
    row, renamed = dict(facts.get("row") or {}), facts.get("renamed") or {}
    if message is None and raw is not None:
        return [_row("its bytes", bytes_text(raw), "")]
    by_lower = {name.lower(): name for name in row}
    found = []
    for field, value in (message or {}).items():
        column = by_lower.get(str(renamed.get(field, field)).lower())
        found.append(_row(field, value_text(value), "" if column is None else value_text(row.pop(column))))
    return found + [_row(column, "", value_text(value)) for column, value in row.items()]


def _row(name: str, message: str, row: str) -> dict[str, Any]:
    return {"id": name, "name": visible(name), "message": message, "row": row}


def value_text(value: Any) -> str:
    """As JSON has it; a long one is cut."""
    return _cut(visible(json.dumps(value, ensure_ascii=False)))


def bytes_text(encoded: str | None) -> str:
    """Bytes in base64 as text, if they are, else as 0x...; a long one is cut."""
    if encoded is None:
        return "null"
    data = base64.b64decode(encoded)[: _SHOWN * 4]
    try:
        return _cut(visible(json.dumps(data.decode(), ensure_ascii=False)))
    except UnicodeDecodeError:
        return _cut(f"0x{data.hex()}")


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
