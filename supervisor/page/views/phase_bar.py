"""Where a writer's time goes, as a bar of four phases, with the one that limits named."""

from __future__ import annotations

from nicegui import ui

from supervisor.page.views.words import UNKNOWN
from supervisor.status.facts.partition_status import PartitionStatus
from workers.contract.batch_figures import PHASES

_WORDS = {
    "waiting": "waiting for messages",
    "encoding": "decoding and building rows",
    "writing": "writing to the database",
    "commit": "commit",
}


class PhaseBar:
    """Shares of the last ten seconds."""

    def __init__(self) -> None:
        with ui.element("div").classes("phases").props('aria-hidden="true"'):
            self._parts = {name: ui.element("div").style(f"background: var(--{name})") for name in PHASES}
        with ui.element("div").classes("legend"):
            self._labels = {name: self._entry(name) for name in PHASES}
        self._limit = ui.label().classes("hint")

    @staticmethod
    def _entry(name: str) -> ui.label:
        with ui.element("div"):
            ui.element("span").classes("swatch").style(f"background: var(--{name})")
            return ui.label().style("display: inline")

    def show(self, p: PartitionStatus) -> None:
        """Of now."""
        for name in PHASES:
            share = getattr(p.phases, name) if p.phases else None
            self._parts[name].style(f"flex: {share or 0:.3f} 1 0")
            self._labels[name].set_text(f"{_WORDS[name]} {UNKNOWN if share is None else f'{share:.0%}'}")
        self._limit.set_text(limit_in_words(p))


def limit_in_words(p: PartitionStatus) -> str:
    """What would have to be faster."""
    if p.phases is None:
        return "Nothing was committed in the last ten seconds."
    if p.limiting_phase == "waiting":
        return "It waits for messages most of the time: it could do more than it gets."
    return f"Limited by {_WORDS[p.limiting_phase]}."
