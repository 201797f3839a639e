"""Buttons for the operator: pause, resume, restart; each says first what it is about to do."""

from __future__ import annotations

import asyncio
from functools import partial

from nicegui import ui

from supervisor.control.control_socket import Reply
from supervisor.page.views.frame import Site

_VERBS = {
    "pause": "commits what was read, and stops until somebody resumes it",
    "resume": "goes on from the stored offset",
    "restart": "commits what was read, and starts anew",
}


def act_buttons(site: Site, where: str) -> None:
    """For a topic or a partition; nothing without the operator's token."""
    if not site.may_act():
        return
    for verb in _VERBS:
        button = ui.button(verb.capitalize(), on_click=partial(_act, site, verb, where))
        button.props("flat dense no-caps").classes("action")


async def _act(site: Site, verb: str, where: str) -> None:
    """Ask what would be done, then the person, then do it."""
    if not site.may_act():
        ui.notify("The session has ended: sign in again.")
        return
    would = await asyncio.to_thread(site.feed.act, verb, where, dry_run=True)
    able = would.get("done", []) if would else []
    if not able:
        ui.notify(_refusal(would), multi_line=True)
        return
    if await _is_sure(verb, able):
        done = await asyncio.to_thread(site.feed.act, verb, where, dry_run=False)
        ui.notify(f"{verb}: {', '.join(done['done'])}" if done and done.get("done") else _refusal(done))


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


def _refusal(reply: Reply | None) -> str:
    if reply is None:
        return "The supervisor does not answer."
    if "error" in reply:
        return str(reply["error"])
    return "; ".join(f"{who}: {why}" for who, why in reply.get("refused", {}).items()) or "There is no such partition."
