"""`rtpipe reload` and SIGHUP: the settings are read again; workers of topics that changed restart, others go on."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rtpipe.errors import SettingsError
from rtpipe.log import get_logger
from supervisor.control.control_socket import Reply, Request
from supervisor.lifecycle import requests
from supervisor.lifecycle.requests import Verb
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.partition_plan import retuned
from supervisor.settings.live_settings import BY_RESTART, LiveSettings, SettingsRead

log = get_logger("supervisor")
_SIGNAL = "SIGHUP"


def hangup_reloads() -> bool:
    """Whether SIGHUP means a reload: at a terminal it says that the terminal is gone, and ends the run."""
    return not os.isatty(0)


class Reload:
    """`workers` is the supervisor's own list, which changes."""

    def __init__(
        self, workers: Sequence[SupervisedWorker], settings: LiveSettings | None, drain_seconds: float
    ) -> None:
        """`drain_seconds`: for one worker. None: there are no settings to read."""
        self._workers = workers
        self._settings = settings
        self._drain_seconds = drain_seconds

    def answer(self, request: Request, *, draining: bool) -> Reply:
        """The reply: `changes` and `not_live` in words, `restarted` partitions; `error` if settings are wrong."""
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
        except SettingsError as exc:
            return {"error": exc.message}
        changes, restarted = [str(change) for change in read.live], list[str]()
        if not dry_run:
            self._settings.take(read)
            restarted = [str(worker) for worker in self._workers if self._restarts(worker, read, who)]
            text = "settings read again by %s: %s"
            extra = {"event": "settings_reloaded", "changes": len(changes)}
            log.info(text, who, "; ".join(changes) or "nothing changed that may change now", extra=extra)
            for waits in read.not_live:
                log.warning("%s: changes when the supervisor starts again", waits, extra={"event": "setting_not_live"})
        return {"changes": changes, "not_live": list(read.not_live), "restarted": restarted}

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
