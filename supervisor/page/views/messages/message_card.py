"""One message of a partition, chosen by its offset, beside its row."""

from __future__ import annotations

from nicegui import ui

from supervisor.page.views.frame import Site
from supervisor.page.views.messages.side_by_side import SideBySide


class MessageCard:
    """Nothing is asked until somebody wants to see a message: each question is a command."""

    def __init__(self, site: Site, key: str, offset: int | None) -> None:
        """`offset`: that of the page's address."""
        self._site, self._key = site, key
        with ui.element("section").classes("card"):
            ui.label("A message beside its row").classes("title")
            with ui.element("div").classes("filter"):
                self._offset = ui.number("Offset; empty: the newest", value=offset, min=0, step=1, format="%d")
                self._offset.props("dense borderless").classes("select").on("keydown.enter", self._look)
                for text, step in (("Show", 0), ("Previous", -1), ("Next", 1)):
                    ui.button(text, on_click=lambda step=step: self._look(step)).props("flat dense no-caps").classes(
                        "action"
                    )
            self._said = ui.label().classes("hint").props('role="status" aria-live="polite"')
            self._beside = SideBySide()
        if offset is not None:
            ui.timer(0.1, self._look, once=True)

    async def _look(self, step: int = 0) -> None:
        if not self._site.may_act():
            self._said.set_text("The session has ended: sign in again.")
            return
        if self._offset.value is not None:
            self._offset.value = max(0, int(self._offset.value) + step)
        where = () if self._offset.value is None else ("--offset", str(int(self._offset.value)))
        self._said.set_text("Asking Kafka and the database …")
        answer = await self._site.commands.read("peek", self._key, "--count", "1", *where)
        self._said.set_text(answer.trouble)
        if answer.facts is None:
            self._beside.hide()
        else:
            self._offset.value = answer.facts["offset"]
            self._beside.show(answer.facts)
