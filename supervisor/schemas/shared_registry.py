"""One registry client for all threads of a pipeline, instead of one for each topic."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rtpipe.secret_files import FileWatch

if TYPE_CHECKING:
    from avro_schemas.registry.client import Registry


class SharedRegistry:
    """Opened by the first who needs it. One that is dropped is closed as soon as no thread can still use it."""

    def __init__(self, open_registry: Callable[[], Registry], files: Iterable[str] = ()) -> None:
        """`files` hold certificates and secrets: once one has changed, another client is opened."""
        self._open = open_registry
        self._files = FileWatch(files)
        self._lock = threading.Lock()
        self._users = 0
        self._registry: Registry | None = None
        self._dropped: list[Registry] = []

    def current(self) -> Registry:
        """The client. Raises as its opening does. Keep it no longer than `in_use` lasts."""
        with self._lock:
            if self._files.changed() and self._registry is not None:
                self._dropped.append(self._registry)
                self._registry = None
            if self._registry is None:
                self._registry = self._open()
                self._files.seen()
            return self._registry

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """What `current` gives meanwhile stays open until the end of this, also if it is dropped."""
        with self._lock:
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
            self._close_dropped()

    def drop(self) -> None:
        """The next `current` opens another one."""
        with self._lock:
            if self._registry is not None:
                self._dropped.append(self._registry)
                self._registry = None
        self._close_dropped()

    def _close_dropped(self) -> None:
        with self._lock:
            if self._users:
                return
            unused, self._dropped = self._dropped, []
        for registry in unused:
            registry.close()
