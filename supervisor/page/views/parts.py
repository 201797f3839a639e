"""Pieces of several pages: the verdict, numbers in a row, tables, what is shown where there is nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from rtpipe.clock import duration
from supervisor.page.feed import Feed
from supervisor.page.views.words import UNKNOWN, Mark
from supervisor.status.facts.verdict import Verdict, silent, verdict

#: The column of a button, which emits the row's id as an event of this name.
ACT = "act"
#: A row of a table. A cell is text, or a mark with shape, word and tone; the first leads to the row's address.
_CELL = """
<q-tr :props="props" :class="props.row.kind">
  <q-td v-for="(col, at) in props.cols" :key="col.name" :props="props" :class="col.classes">
    <span v-if="at === 0 && props.row.fold" class="fold" aria-hidden="true">{{ props.row.fold }}</span>
    <a v-if="at === 0 && props.row.address" :href="props.row.address" @click.stop>{{ col.value }}</a>
    <button v-else-if="col.name === 'act'" type="button" class="action" @click="$parent.$emit('act', props.row.id)">{{
      col.value }}</button>
    <span v-else :class="props.row[col.name + '_tone']">{{ col.value }}</span>
  </q-td>
</q-tr>
"""
_FOLDING = _CELL.replace("<q-tr ", """<q-tr @click="$parent.$emit('fold', props.row.id)" """, 1)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; `wide`: not on a narrow screen; `wrap`: long text goes over several lines."""

    name: str
    label: str
    left: bool = False
    wide: bool = False
    wrap: bool = False

    def as_props(self) -> dict[str, Any]:
        """For Quasar."""
        classes = " ".join(name for name, is_on in (("wide", self.wide), ("wrap", self.wrap)) if is_on)
        align = "left" if self.left or self.wrap else "right"
        said = {"name": self.name, "label": self.label, "field": self.name, "align": align}
        return said | {"classes": classes, "headerClasses": classes}


class Rows:
    """A table whose rows are given anew again and again; only what is new is sent. `empty`: what stands for no rows."""

    def __init__(self, columns: Sequence[Column], empty: str, *, folding: bool = False) -> None:
        self._rows: list[dict[str, Any]] | None = None
        with ui.element("div").classes("scroll"):
            self.table = ui.table(
                rows=[], columns=[column.as_props() for column in columns], row_key="id", pagination=0
            ).classes("table")
        self.table.props("flat dense hide-pagination hide-bottom")
        self.table.add_slot("body", _FOLDING if folding else _CELL)
        self._empty = ui.label(empty).classes("empty")

    def show(self, rows: list[dict[str, Any]]) -> None:
        """Each with an `id` of its own."""
        if rows != self._rows:
            self._rows = rows
            self.table.rows = rows
            self.table.set_visibility(bool(rows))
            self._empty.set_visibility(not rows and bool(self._empty.text))


def cell(name: str, mark: Mark) -> dict[str, str]:
    """A mark in the column of this name."""
    return {name: mark.text, f"{name}_tone": mark.tone}


class VerdictBar:
    """What is wrong, since when, what to do."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        with ui.element("section").classes("verdict") as self._bar:
            self._bar.props('role="status" aria-live="polite"')
            self._what = ui.label().classes("what")
            self._why = ui.label()
            self._do = ui.label().classes("do")
            self._also = ui.label().classes("do")

    def show(self) -> None:
        """Of now."""
        self._show(verdict_of(self._feed))

    def show_trouble(self, missing: str) -> None:
        """Only that the supervisor is silent, or that it does not have what the page is about; else nothing."""
        self._show(verdict_of(self._feed) if self._feed.fresh is None else Verdict("trouble", missing))
        self._bar.set_visibility(self._feed.fresh is None or bool(missing))

    def _show(self, found: Verdict) -> None:
        self._bar.classes(remove="well notice trouble", add=found.level)
        self._what.set_text(found.what + (f" for {duration(round(found.since))}" if found.since else ""))
        also = f"Also {found.also}" if found.also else ""
        for label, text in ((self._why, found.why), (self._do, found.do), (self._also, also)):
            label.set_text(text)
            label.set_visibility(bool(text))


class Content:
    """What is there only if the supervisor has answered; it is pale once the answer is old."""

    def __init__(self, element: ui.element) -> None:
        self._element = element

    def show(self, feed: Feed, *, there: bool = True) -> bool:
        """Whether there is something to show. `there`: the answer has what the page is about."""
        shown = feed.status is not None and there
        if feed.fresh:
            self._element.classes(remove="old")
        else:
            self._element.classes(add="old")
        self._element.set_visibility(shown)
        return shown


@contextmanager
def content() -> Iterator[Content]:
    """What is made inside."""
    with ui.element("div").classes("content") as element:
        yield Content(element)


def verdict_of(feed: Feed) -> Verdict:
    """Of the last answer and all hosts that share the partitions, or that there is no answer."""
    status = feed.fresh
    if status is not None:
        return verdict(feed.everywhere.of_all(status))
    return silent(feed.silence if feed.status else None)


class Numbers:
    """Values with their labels, in a row that wraps."""

    def __init__(self, *labels: str, dense: bool = False) -> None:
        """`dense`: smaller, for many."""
        with ui.element("section").classes("numbers dense" if dense else "numbers"):
            self._values = {label: self._one(label) for label in labels}

    @staticmethod
    def _one(label: str) -> ui.label:
        with ui.element("div"):
            value = ui.label(UNKNOWN).classes("value")
            ui.label(label).classes("label")
        return value

    def show(self, **values: str) -> None:
        """By label, with _ for its blanks."""
        for name, text in values.items():
            self._values[name.replace("_", " ")].set_text(text)
