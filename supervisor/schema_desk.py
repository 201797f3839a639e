"""Schemas for workers: they ask by id, a thread asks the registry, the answer is remembered for all of them.

One registry client for a whole pipeline, instead of one in every writer, which would cost each of them 6 MB and each
start 60 ms. A registry that is away is waited for; only what it says about an id is final.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from avro_schemas.errors import ExitCode, RtpipeError, UnreachableError
from workers.process_log import get_logger
from workers.reports import Ended, SchemaAnswer

if TYPE_CHECKING:
    from avro_schemas.registry_client import Registry
    from supervisor.process_handle import ProcessHandle

log = get_logger("supervisor")
_LONGEST_PAUSE = 10.0


class SchemaDesk:
    """`ask` from the loop; `answers` gives, in the loop again, who asked and what came back."""

    def __init__(self, registry_url: str) -> None:
        self._url = registry_url
        self._known: dict[int, SchemaAnswer] = {}
        self._asked: queue.SimpleQueue[tuple[ProcessHandle, int]] = queue.SimpleQueue()
        self._answered: queue.SimpleQueue[tuple[ProcessHandle, SchemaAnswer]] = queue.SimpleQueue()
        self._wake: Callable[[], None] = lambda: None

    def open(self, wake: Callable[[], None]) -> None:
        """Begin to work; `wake` is called from another thread when there are `answers`."""
        self._wake = wake
        threading.Thread(target=self._work, name="schema-desk", daemon=True).start()

    def ask(self, who: ProcessHandle, schema_id: int) -> None:
        """`who` comes back beside the answer."""
        self._asked.put((who, schema_id))

    def answers(self) -> Iterator[tuple[ProcessHandle, SchemaAnswer]]:
        """What is ready."""
        while not self._answered.empty():
            yield self._answered.get()

    def _work(self) -> None:
        from avro_schemas.registry_client import Registry  # noqa: PLC0415 - half a second, off the loop

        registry: Registry | None = None
        while True:
            who, schema_id = self._asked.get()
            try:
                registry = registry or Registry(self._url)
                answer = self._known.get(schema_id) or self._look_up(registry, schema_id)
            except Exception as exc:  # an answer, too: a writer waits for one
                log.exception("schema id %d", schema_id, extra={"event": "schema_failed"})
                ended = Ended(ExitCode.FAILED, RtpipeError.name, f"schema id {schema_id}: {type(exc).__name__}")
                answer = SchemaAnswer(schema_id, None, ended)
            if answer.schema is not None:  # an id that is missing now may be registered before it is asked for again
                self._known[schema_id] = answer
            self._answered.put((who, answer))
            self._wake()

    @staticmethod
    def _look_up(registry: Registry, schema_id: int) -> SchemaAnswer:
        pause = 0.1
        while True:
            try:
                return SchemaAnswer(schema_id, registry.schema_by_id(schema_id))
            except UnreachableError as exc:
                if pause == 0.1:  # noqa: PLR2004 - the first failure
                    log.warning("waiting: %s", exc.message, extra={"event": "waiting"})
                time.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)
            except RtpipeError as exc:
                return SchemaAnswer(schema_id, None, Ended(exc.exit_code, exc.name, exc.message))
