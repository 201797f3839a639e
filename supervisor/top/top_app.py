"""The terminal application: a table that is live, a filter, and a screen for the log or the facts of one partition."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Input, Static

from supervisor.top.lines import COLUMNS, cells, facts, wanted
from supervisor.top.supervisors import Look

#: Seconds between two looks.
_EVERY = 1.0
_STYLES = {"held": "bold red", "stuck": "bold red", "late": "yellow", "unknown": "yellow", "paused": "yellow"}


class Asked(Protocol):
    """Who answers; Supervisors is the real one. Asked in threads."""

    def look(self) -> Look:
        """All partitions."""

    def do(self, verb: str, partition: str) -> str:
        """Act on one; what came of it."""

    def log_of(self, partition: str) -> list[str]:
        """Its newest events."""


class Sure(ModalScreen[bool]):
    """One question, answered by y or by anything else."""

    CSS = "Sure { align: center middle; } Sure Static { width: auto; padding: 1 3; border: round $warning; }"

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question."""
        yield Static(f"{self._question}  y / n", markup=False)

    def on_key(self, event: object) -> None:
        """Any key is an answer."""
        self.dismiss(getattr(event, "key", "") == "y")


class Lines(ModalScreen[None]):
    """Lines that come anew every second; Escape closes."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", "back")]
    CSS = "Lines { align: center middle; } Lines VerticalScroll { width: 96%; height: 90%; border: round $accent; }"

    def __init__(self, title: str, lines: Callable[[], Iterable[str]]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        """A frame that can be scrolled."""
        with VerticalScroll() as frame:
            frame.border_title = self._title
            yield Static(markup=False)

    def on_mount(self) -> None:
        """Begin to look."""
        self.set_interval(_EVERY, self._ask)
        self._ask()

    def _ask(self) -> None:
        self.run_worker(self._show, thread=True, exclusive=True)

    def _show(self) -> None:
        text = "\n".join(self._lines())
        self.app.call_from_thread(lambda: self.query_one(Static).update(text))


class TopApp(App[None]):
    """`rtpipe top`."""

    TITLE = "rtpipe"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #verdict { padding: 0 1; height: auto; max-height: 3; background: $panel; }
    #filter { display: none; }
    DataTable { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("s", "sort", "sort"),
        Binding("p", "act('pause')", "pause"),
        Binding("r", "act('resume')", "resume"),
        Binding("R", "act('restart')", "restart", key_display="R"),
        Binding("l", "log", "log"),
        Binding("e,enter", "facts", "errors", key_display="e"),
        Binding("q", "quit", "quit"),
    ]

    def __init__(self, supervisors: Asked) -> None:
        super().__init__()
        self._supervisors = supervisors
        self._look = Look("", ())
        self._words = ""
        self._sort: int | None = None
        self._said = ""  #: what came of the last act

    def compose(self) -> ComposeResult:
        """Verdict, table, filter, keys."""
        yield Static("asking …", id="verdict", markup=False)
        yield DataTable(cursor_type="row", zebra_stripes=True)
        yield Input(placeholder="words of topic, state or condition; Enter closes", id="filter")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look."""
        self._table.add_columns("PARTITION", "STATE", *(column.title for column in COLUMNS))
        self._table.focus()
        self.set_interval(_EVERY, self._ask)
        self._ask()

    @property
    def _table(self) -> DataTable[Text]:
        table: DataTable[Text] = self.query_one(DataTable)
        return table

    def _ask(self) -> None:
        self.run_worker(self._take, thread=True, group="look", exclusive=True)

    def _take(self) -> None:
        look = self._supervisors.look()
        self.call_from_thread(self._show, look)

    def _show(self, look: Look) -> None:
        """The table anew, with the cursor on the partition on which it was."""
        self._look = look
        chosen, table = self._chosen, self._table
        table.clear()
        shown = wanted(look.partitions, self._words, self._sort)
        for p in shown:
            style = _STYLES.get(p.condition, "")
            where, state, *rest = cells(p)
            numbers = [Text(cell, justify="right") for cell in rest]
            table.add_row(Text(where), Text(state, style=style), *numbers, key=p.key)
        if (keys := [p.key for p in shown]) and chosen in keys:
            table.move_cursor(row=keys.index(chosen))
        by = "worst first" if self._sort is None else f"by {COLUMNS[self._sort].title}"
        words = f", of {len(look.partitions)} with {self._words!r}" if self._words else ""
        self.query_one("#verdict", Static).update(
            f"{look.verdict}\n{len(shown)} partitions {by}{words}  {self._said}".rstrip()
        )

    @property
    def _chosen(self) -> str | None:
        table = self._table
        if not table.row_count:
            return None
        return table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value

    def action_filter(self) -> None:
        """Type words; each keystroke narrows."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """The filter holds at once."""
        self._words = event.value
        self._show(self._look)

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Back to the table."""
        self.query_one("#filter", Input).display = bool(self._words)
        self._table.focus()

    def action_sort(self) -> None:
        """By the next column, then worst first again."""
        self._sort = 0 if self._sort is None else self._sort + 1 if self._sort + 1 < len(COLUMNS) else None
        self._show(self._look)

    def action_act(self, verb: str) -> None:
        """Ask, then do it to the partition under the cursor."""
        if (partition := self._chosen) is None:
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self.run_worker(lambda: self._do(verb, partition), thread=True)

        self.push_screen(Sure(f"{verb} {partition}?"), answered)

    def _do(self, verb: str, partition: str) -> None:
        self._said = self._supervisors.do(verb, partition)
        self._take()

    def action_log(self) -> None:
        """The newest events of the partition under the cursor."""
        if (partition := self._chosen) is not None:
            self.push_screen(Lines(f"{partition}: events", lambda: self._supervisors.log_of(partition)))

    def action_facts(self) -> None:
        """Why it is as it is, and how it died."""
        if (partition := self._chosen) is not None:
            self.push_screen(Lines(partition, lambda: self._facts_of(partition)))

    def _facts_of(self, partition: str) -> list[str]:
        return [line for p in self._look.partitions if p.key == partition for line in facts(p)]
