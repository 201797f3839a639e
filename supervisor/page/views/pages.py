"""All pages at their addresses, put into the server's application."""

from __future__ import annotations

from fastapi import FastAPI
from nicegui import ui

from supervisor.page.commands import Commands
from supervisor.page.feed import Feed
from supervisor.page.guard import Guard
from supervisor.page.past import Past
from supervisor.page.views.activity import activity_page
from supervisor.page.views.dead_letters import dead_letters_page
from supervisor.page.views.frame import Site
from supervisor.page.views.overview import overview
from supervisor.page.views.partition import partition_page
from supervisor.page.views.sign_in import add_sign_in
from supervisor.page.views.topic import topic_page


def add_pages(app: FastAPI, feed: Feed, guard: Guard, commands: Commands, past: Past) -> None:
    """Once in a process: NiceGUI keeps its pages for the whole of it."""
    site = Site(feed, guard, commands, past)
    add_sign_in(app, guard)
    ui.page("/")(lambda: overview(site))
    ui.page("/dead-letters")(lambda: dead_letters_page(site))
    ui.page("/activity")(lambda: activity_page(site))

    @ui.page("/topic/{topic}")
    def of_topic(topic: str) -> None:
        topic_page(site, topic)

    @ui.page("/partition/{topic}/{partition}")
    def of_partition(topic: str, partition: int, offset: int | None = None) -> None:
        partition_page(site, topic, partition, offset)

    ui.run_with(
        app, title="rtpipe", dark=None, tailwind=False, show_welcome_message=False, binding_refresh_interval=None
    )
