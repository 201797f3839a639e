"""The dead letters that are kept: chosen by topic, reason and time, looked at, and retried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from rtpipe.log import visible
from supervisor.page.views.frame import Site
from supervisor.page.views.messages.chosen import ANY, SINCE, Chosen, summary_of, total_of
from supervisor.page.views.messages.retry import RetryDialog
from supervisor.page.views.parts import ACT, Column, Rows
from supervisor.page.views.words import clock, number
from workers.contract.refusal import Reason

#: Dead letters that are shown.
_MOST = 50
#: Characters of a message.
_SHOWN = 110
_COLUMNS = (
    Column("partition", "Partition", left=True),
    Column("offset", "Offset"),
    Column("at", "Written (UTC)", left=True, wide=True),
    Column("reason", "Reason", left=True),
    Column("text", "Why", wrap=True, wide=True),
    Column("value", "Message", wrap=True),
    Column(ACT, "", left=True),
)


class LetterCard:
    """Nothing is asked until the page is open: each question is a command."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._dialog = RetryDialog(site, after=self.load)
        self._topics = {ANY: "all topics"} | _topics(site)
        with ui.element("section").classes("card"):
            ui.label("Their messages").classes("title")
            with ui.element("div").classes("filter"):
                self._topic = ui.select(self._topics, value=ANY, label="Topic")
                reasons = {reason.value: reason.value for reason in Reason}
                self._reason = ui.select({ANY: "all reasons"} | reasons, value=ANY, label="Reason")
                self._since = ui.select(SINCE, value=ANY, label="Written in")
                self._show = ui.button("Show", on_click=self.load).props("flat dense no-caps").classes("action")
                self._retry = ui.button("Retry", on_click=self._retry_all).props("flat dense no-caps")
                self._retry.classes("action").set_visibility(False)
            for select in (self._topic, self._reason, self._since):
                select.props("dense options-dense borderless").classes("select")
            self._summary = ui.label("Asking the database …").classes("hint")
            self._rows = Rows(_COLUMNS, "")
        self._rows.table.on("act", self._open)
        ui.timer(0.1, self.load, once=True)

    @property
    def chosen(self) -> Chosen:
        """As the filter stands; of other supervisors' topics there is nothing."""
        topic, ours = str(self._topic.value), (one for one in self._topics if one != ANY)
        where = tuple(ours) if topic == ANY else (topic,)
        return Chosen(where, str(self._reason.value), str(self._since.value))

    async def load(self) -> None:
        """What the database has of them now."""
        if not self._site.may_act():
            self._summary.set_text("The session has ended: sign in again.")
            return
        self._show.disable()
        answer = await self._site.commands.read(
            "dead-letters", "list", "--values", "--limit", str(_MOST), *self.chosen.options
        )
        self._show.enable()
        facts = answer.facts or {"summary": [], "dead_letters": []}
        rows = letter_rows(facts)
        self._summary.set_text(answer.trouble or summary_of(facts, len(rows)))
        self._rows.show(rows)
        total = total_of(facts)
        self._retry.set_text(f"Retry {'it' if total == 1 else f'all {number(total)}'}")
        self._retry.set_visibility(total > 0)

    async def _retry_all(self) -> None:
        """The count is asked anew: meanwhile there may be others."""
        chosen = self.chosen
        answer = await self._site.commands.read("dead-letters", "list", "--limit", "1", *chosen.options)
        if answer.facts is None:
            ui.notify(answer.trouble, multi_line=True)
        else:
            await self._dialog.ask(chosen, total_of(answer.facts))

    async def _open(self, event: GenericEventArguments) -> None:
        where, _, offset = str(event.args).rpartition(" ")
        await self._dialog.look(Chosen((where,), offset=int(offset)))


def _topics(site: Site) -> dict[str, str]:
    topics = site.feed.status.topics if site.feed.status else ()
    return {topic.topic: visible(topic.topic) for topic in topics}


def shortened(value: str | None) -> str:
    """What has room in two lines."""
    if value is None:
        return "no value"
    return value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"


def letter_rows(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of `rtpipe dead-letters list --values --json`, the newest first."""
    return [
        {
            "id": f"{one['topic']}/{one['partition']} {one['offset']}",
            "partition": visible(f"{one['topic']}/{one['partition']}"),
            "offset": number(one["offset"]),
            "at": clock(one["written_at"]),
            "reason": one["error_name"],
            "text": visible(one["error_text"]),
            "value": shortened(one["value_text"]),
            ACT: "Open",
        }
        for one in facts["dead_letters"]
    ]
