"""`rtpipe reload` and SIGHUP: the settings are read again. Workers of topics that changed restart, topics that `serve`
names no more are given up, and new ones are looked for; all others go on.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

from rtpipe.errors import SettingsError
from rtpipe.log import get_logger
from supervisor.control.control_socket import Reply, Request
from supervisor.lifecycle import requests
from supervisor.lifecycle.requests import Verb
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.partition_plan import check_tables, retuned
from supervisor.settings.live_settings import BY_RESTART, LiveSettings, SettingsRead
from supervisor.settings.topic_choice import TopicChoice, choice_of

log = get_logger("supervisor")
_SIGNAL = "SIGHUP"
_FIXED = "serve: not looked at, since --topics was given, or this run ends by itself"


def hangup_reloads() -> bool:
    """Whether SIGHUP means a reload: at a terminal it says that the terminal is gone, and ends the run."""
    return not os.isatty(0)


class Topics(Protocol):
    """Which topics the run serves."""

    @property
    def choice(self) -> TopicChoice:
        """What is to be served."""

    @property
    def follows_settings(self) -> bool:
        """Whether that is what the setting `serve` says."""

    def unwanted_by(self, choice: TopicChoice) -> list[str]:
        """Topics that are served and are not among `choice`."""

    def change(self, choice: TopicChoice) -> None:
        """Serve these from now on."""


class Reload:
    """`workers` is the supervisor's own list, which changes."""

    def __init__(
        self,
        workers: Sequence[SupervisedWorker],
        settings: LiveSettings | None,
        drain_seconds: float,
        topics: Topics,
    ) -> None:
        """`drain_seconds`: for one worker. None: there are no settings to read."""
        self._workers = workers
        self._settings = settings
        self._drain_seconds = drain_seconds
        self._topics = topics

    def answer(self, request: Request, *, draining: bool) -> Reply:
        """The reply: `changes`, `not_live`, `notes` in words; `restarted` partitions; `error` if settings are wrong."""
        if draining:
            return {"error": "the supervisor ends"}
        dry_run = bool(request.body.get("dry_run"))
        return self._reload(f"{request.peer.user} (pid {request.peer.pid})", dry_run=dry_run)

    def on_signal(self) -> None:
        """SIGHUP: what is wrong is in the log."""
        reply = self._reload(_SIGNAL, dry_run=False)
        if "error" in reply:
            log.warning("the settings were not read: %s", reply["error"], extra={"event": "settings_refused"})

    def _reload(self, who: str, *, dry_run: bool) -> Reply:
        if self._settings is None:
            return {"error": "this run has no settings to read again"}
        try:
            read = self._settings.read_again(dict.fromkeys(worker.spec.key.topic for worker in self._workers))
            choice = self._chosen(read)
        except SettingsError as exc:
            return {"error": exc.message}
        changes, restarted = [*self._difference(choice), *map(str, read.live)], list[str]()
        notes = [_FIXED] if read.whole.serve and not self._topics.follows_settings else []
        if not dry_run:
            self._settings.take(read)
            self._topics.change(choice)
            restarted = [str(worker) for worker in self._workers if self._restarts(worker, read, who)]
            text = "settings read again by %s: %s"
            extra = {"event": "settings_reloaded", "changes": len(changes)}
            log.info(text, who, "; ".join(changes) or "nothing changed that may change now", extra=extra)
            for waits in read.not_live:
                log.warning("%s: changes when the supervisor starts again", waits, extra={"event": "setting_not_live"})
        return {"changes": changes, "not_live": list(read.not_live), "notes": notes, "restarted": restarted}

    def _chosen(self, read: SettingsRead) -> TopicChoice:
        """What is to be served. Raises SettingsError for nothing, and for topics that would share a table."""
        if not self._topics.follows_settings:
            return self._topics.choice
        choice = choice_of(None, read.whole.serve)
        check_tables(read.topic, choice.names)
        return choice

    def _difference(self, choice: TopicChoice) -> list[str]:
        before = self._topics.choice
        known = {*before.names, *before.patterns}
        added = [f"{name}: served from now on" for name in choice.names if name not in known]
        added += [f"{one}: topics that fit are served from now on" for one in choice.patterns if one not in known]
        return [*added, *(f"{topic}: drained and given up" for topic in self._topics.unwanted_by(choice))]

    def _restarts(self, worker: SupervisedWorker, read: SettingsRead, who: str) -> bool:
        """Give it what changed for its topic. Whether it must restart for that."""
        topic = worker.spec.key.topic
        if not any(change.topic == topic and change.name in BY_RESTART for change in read.live):
            return False
        worker.spec = retuned(worker.spec, read.topics[topic])
        able = worker.generation is not None and not requests.why_not(Verb.RESTART, worker.standing)
        if able:
            requests.act(Verb.RESTART, worker, self._drain_seconds, f"settings changed, by {who}")
        return able
