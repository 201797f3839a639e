"""What every page has: the bar on top, the look, and what brings it up to date once a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nicegui import ui
from nicegui.events import GenericEventArguments

from supervisor.control.control_socket import Reply
from supervisor.page.commands import Commands
from supervisor.page.everywhere import Placed
from supervisor.page.feed import Feed
from supervisor.page.guard import Guard
from supervisor.page.past import Past
from supervisor.page.views.words import seconds
from supervisor.status.facts.pipeline_status import own_version

_LOOK = Path(__file__).with_name("look.css").read_text()
_PLACES = {"/": "Overview", "/dead-letters": "Dead letters", "/activity": "Activity"}
#: Browsers slow down a hidden tab, but they do not stop it: it says when it is hidden, and then nothing is sent to it.
_HIDDEN = '<script>document.addEventListener("visibilitychange", () => emitEvent("shown", !document.hidden))</script>'
_LATE = 4.0
#: Seconds between two looks whether the feed has something new: shorter than its own, so that little time is lost.
_LOOK_EVERY = 0.25


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages are made from."""

    feed: Feed
    guard: Guard
    commands: Commands
    past: Past

    def may_act(self) -> bool:
        """Whether the browser of this page has signed in as the operator; asked at each act anew."""
        request = ui.context.client.request
        return request is not None and self.guard.is_operator(request)

    async def act(self, verb: str, where: str, *, dry_run: bool = False, **more: float) -> Reply | None:
        """Ask for something to be done to a topic or partition; takes up to seconds, and as long as another host needs.

        What another host has is asked of it as a person would: by the command.
        """
        status = self.feed.status
        placed = self.feed.everywhere.placed(status) if status else Placed((), {})
        wanted = [p.key for p in placed.partitions if where in {p.topic, p.key}]
        if not placed.hosts.keys() & set(wanted) or more:
            return await asyncio.to_thread(self.feed.act, verb, where, client=self.client, dry_run=dry_run, **more)
        if dry_run:
            return {"done": wanted}
        said = await self.commands.write(verb, where, "--yes", client=self.client)
        return dict(said.facts) if said.facts is not None else {"error": said.trouble}

    @property
    def client(self) -> str:
        """The address of the browser, for the log of acts."""
        return ui.context.client.ip


class Frame:
    """One page in one browser. `updates` are called for each answer of the supervisor, while the page is seen."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._seen = True
        self._shown: tuple[int, int] | None = None  # what the page was made from
        self.updates: list[Callable[[], None]] = []

    def bring_up_to_date(self) -> None:
        """All that the page shows."""
        if not self._seen:
            return
        feed = self._site.feed
        feed.look()
        now = (feed.answers, int(feed.silence))
        if now != self._shown:
            self._shown = now
            for update in self.updates:
                update()

    def shown(self, event: GenericEventArguments) -> None:
        """The tab was hidden, or is seen again."""
        self._seen = bool(event.args)
        self.bring_up_to_date()


@contextmanager
def frame(site: Site, here: str, title: str) -> Iterator[Frame]:
    """A page at the address `here`; what is made inside is its content."""
    ui.page_title(f"{title} · rtpipe")
    ui.add_css(_LOOK)
    ui.add_head_html(_HIDDEN)
    page = Frame(site)
    ui.on("shown", page.shown)
    _bar(site, page, here)
    with ui.element("main").classes("page"):
        yield page
    page.bring_up_to_date()
    ui.timer(_LOOK_EVERY, page.bring_up_to_date, immediate=False)


def _bar(site: Site, page: Frame, here: str) -> None:
    with ui.element("nav").classes("bar"):
        ui.link("rtpipe", "/").classes("name")
        for address, name in _PLACES.items():
            ui.link(name, address).classes("here" if address == here else "")
        with ui.element("div").classes("rest"):
            live = ui.label().classes("mark")
            ui.label(own_version()).classes("wide")
            if site.may_act():
                ui.link("Sign out", "/sign-out")
            elif site.guard.has_token:
                ui.link("Sign in", "/sign-in")
            else:
                ui.label("read only")

    def update() -> None:
        fresh = site.feed.silence < _LATE
        live.set_text("● live" if fresh else f"■ silent for {seconds(round(site.feed.silence))}")
        live.classes(replace="mark good" if fresh else "mark bad")

    page.updates.append(update)
