"""A retry: looked at and counted first, then done, then what became of each, and of one also its row beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

from nicegui import ui

from rtpipe.log import visible
from supervisor.page.views.frame import Site
from supervisor.page.views.messages.chosen import Chosen
from supervisor.page.views.messages.side_by_side import SideBySide
from supervisor.page.views.parts import Column, Rows, cell
from supervisor.page.views.words import Mark, number

#: Outcomes that are shown.
_MOST = 200
_RESULTS = {
    "written": Mark("●", "written", "good"),
    "gone": Mark("○", "gone: somebody else was first", "calm"),
    "refused": Mark("■", "refused again", "bad"),
    "kept": Mark("▲", "kept as it was", "warn"),
}
_COLUMNS = (
    Column("place", "Message", left=True),
    Column("result", "Outcome", left=True),
    Column("text", "Why", wrap=True),
)
_WHAT = (
    "What becomes a row is a dead letter no more. What is refused again stays, with its new reason. No row is doubled."
)


class RetryDialog:
    """Over the page; `after` is called when something was retried."""

    def __init__(self, site: Site, after: Callable[[], Awaitable[None]]) -> None:
        self._site, self._after = site, after
        self._chosen, self._count = Chosen(()), 0
        with ui.dialog() as self._dialog, ui.card().classes("wide-dialog"):
            self._title = ui.label().classes("title")
            self._said = ui.label().props('role="status" aria-live="polite"')
            self._outcomes = Rows(_COLUMNS, "")
            self._beside = SideBySide()
            with ui.element("div").classes("crumbs"):
                self._do = ui.button("Retry", on_click=self._retry).props("no-caps unelevated dense")
                ui.button("Close", on_click=self._dialog.close).props("no-caps flat dense")

    async def ask(self, chosen: Chosen, count: int) -> None:
        """Whether these are to be retried."""
        letters = f"{number(count)} dead letters" if count != 1 else "1 dead letter"
        self._open(chosen, count, f"Retry {letters} {chosen.in_words}?", _WHAT)

    async def look(self, chosen: Chosen) -> None:
        """One dead letter with its message; it may be retried from there."""
        self._open(chosen, 1, f"Dead letter {chosen.in_words}", "Asking the database …")
        self._do.disable()  # until it is seen what would be retried
        answer = await self._site.commands.read("dead-letters", "show", chosen.where[0], str(chosen.offset))
        self._say(answer.trouble)
        if answer.facts:
            self._do.enable()
            self._beside.show(answer.facts["dead_letters"][0])

    def _open(self, chosen: Chosen, count: int, title: str, text: str) -> None:
        self._chosen, self._count = chosen, count
        self._title.set_text(title)
        self._say(text)
        self._outcomes.show([])
        self._beside.hide()
        self._do.set_visibility(count > 0)
        self._do.enable()
        self._dialog.open()

    def _say(self, text: str) -> None:
        self._said.set_text(text)
        self._said.set_visibility(bool(text))

    async def _retry(self) -> None:
        if not self._site.may_act():
            self._say("The session has ended: sign in again.")
            return
        self._do.disable()
        self._say("Being retried. You may close this: it goes on, and the page Activity says what became of them.")
        words = ("dead-letters", "retry", "--limit", str(self._count), *self._chosen.options)
        answer = await self._site.commands.write(*words, client=self._site.client)
        self._do.set_visibility(False)
        self._say(answer.trouble or in_words(answer.facts or {}))
        if answer.facts is not None:
            self._outcomes.show(outcome_rows(answer.facts))
            await self._show_row()
            await self._after()

    async def _show_row(self) -> None:
        """Of one message, by its place in Kafka."""
        if self._chosen.offset is None:
            return
        answer = await self._site.commands.read(
            "peek", self._chosen.where[0], "--offset", str(self._chosen.offset), "--count", "1"
        )
        if answer.facts is not None:
            self._beside.show(answer.facts)


def in_words(facts: Mapping[str, Any]) -> str:
    """How many became what."""
    said = [f"{number(facts[name])} {mark.word}" for name, mark in _RESULTS.items() if facts.get(name)]
    return f"Done: {', '.join(said)}." if said else "There were none left to retry."


def outcome_rows(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of `rtpipe dead-letters retry --json`: first what needs a person. A place leads to the message beside its row."""
    return [
        {
            "id": f"{one['topic']}/{one['partition']} {one['offset']}",
            "place": visible(f"{one['topic']}/{one['partition']} {one['offset']}"),
            "address": message_address(one["topic"], one["partition"], one["offset"]),
            **cell("result", _RESULTS.get(one["result"], Mark("?", one["result"], "warn"))),
            "text": visible(f"{one['error_name']} {one['error_text']}".strip()),
        }
        for one in [*facts["left"], *facts["done"]][:_MOST]
    ]


def message_address(topic: str, partition: int, offset: int) -> str:
    """Where the page shows a message."""
    return f"/partition/{quote(topic)}/{partition}?offset={offset}"
