"""Buttons for the operator: pause, resume, restart, drain, limit; each says first what it is about to do."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from rtpipe.log import visible
from supervisor.control.control_socket import Reply
from supervisor.page.views.frame import Site

_VERBS = {
    "pause": "commits what was read, and stops until somebody resumes it",
    "resume": "goes on from the stored offset",
    "restart": "commits what was read, and starts anew",
    "drain": "commits what was read, and stops until the supervisor itself is started again",
}


def act_buttons(site: Site, where: str) -> None:
    """For a topic or a partition; nothing without the operator's token."""
    if not site.may_act():
        return
    for verb in _VERBS:
        button = ui.button(verb.capitalize(), on_click=partial(_act, site, verb, where))
        button.props("flat dense no-caps").classes("action")


def limit_button(site: Site, topic: str) -> None:
    """For a topic; nothing without the operator's token."""
    if site.may_act():
        button = ui.button("Limit", on_click=partial(_limit, site, topic))
        button.props("flat dense no-caps").classes("action")


async def _limit(site: Site, topic: str) -> None:
    with ui.dialog() as dialog, ui.card():
        ui.label(f"Limit {visible(topic)}?").classes("title")
        ui.label("All its partitions share the limit evenly. It holds until it is changed, also over a restart.")
        rows = ui.number("Rows a second; empty or 0: no limit", min=0, precision=0).props("dense").classes("select")
        with ui.row():
            ui.button("Limit", on_click=lambda: dialog.submit(float(rows.value or 0))).props("no-caps unelevated")
            ui.button("Cancel", on_click=dialog.close).props("no-caps flat")
    wanted = await dialog
    if wanted is None or not _may(site):
        return
    done = await site.act("limit", topic, rows_per_second=wanted)
    ui.notify((f"at most {wanted:g} rows/s" if wanted else "no limit") if _was_done(done) else _refusal(done))


async def _act(site: Site, verb: str, where: str) -> None:
    """Ask what would be done, then the person, then do it."""
    if not _may(site):
        return
    would = await site.act(verb, where, dry_run=True)
    able = would.get("done", []) if would else []
    if not able:
        ui.notify(_refusal(would), multi_line=True)
        return
    if await _is_sure(verb, able):
        done = await site.act(verb, where)
        ui.notify(f"{verb}: {', '.join(done['done'])}" if done and _was_done(done) else _refusal(done))


async def _is_sure(verb: str, able: list[str]) -> bool:
    with ui.dialog() as dialog, ui.card():
        number = f"{len(able)} partitions" if len(able) > 1 else able[0]
        ui.label(f"{verb.capitalize()} {number}?").classes("title")
        ui.label(f"It {_VERBS[verb]}. No message is lost, and no row is doubled.")
        if len(able) > 1:
            ui.label(", ".join(able)).classes("hint")
        with ui.row():
            ui.button(verb.capitalize(), on_click=lambda: dialog.submit(True)).props("no-caps unelevated")
            ui.button("Cancel", on_click=lambda: dialog.submit(False)).props("no-caps flat")
    return bool(await dialog)


def _may(site: Site) -> bool:
    """Asked at each act anew; says so if not."""
    if not site.may_act():
        ui.notify("The session has ended: sign in again.")
    return site.may_act()


def _was_done(reply: Reply | None) -> bool:
    return bool(reply and reply.get("done"))


def _refusal(reply: Reply | None) -> str:
    if reply is None:
        return "The supervisor does not answer."
    if "error" in reply:
        return str(reply["error"])
    return "; ".join(f"{who}: {why}" for who, why in reply.get("refused", {}).items()) or "There is no such partition."
