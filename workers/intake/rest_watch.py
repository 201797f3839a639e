"""The wait for the first message after a rest, in a thread: meanwhile the process can hear everybody else.

librdkafka's wait hears nobody, and gives no file to wait for beside others. So a process that waits by itself must wake
again and again to look whether somebody has said something; hundreds of them would keep a core busy with nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confluent_kafka import Message


class RestWatch:
    """One wait at a time; while it lasts, nobody else may ask the client for messages, or close it."""

    def __init__(self, ring: Callable[[], None]) -> None:
        """`ring` is called from the thread at the end of each wait."""
        self._ring = ring
        self._found: Future[Sequence[Message]] | None = None

    @property
    def waits(self) -> bool:
        """There is no answer yet."""
        return self._found is not None and not self._found.done()

    def begin(self, wait: Callable[[], Sequence[Message]]) -> None:
        """Wait from now on."""
        self._found = Future()
        Thread(target=self._answer, args=(self._found, wait), name="rest-watch", daemon=True).start()

    def _answer(self, found: Future[Sequence[Message]], wait: Callable[[], Sequence[Message]]) -> None:
        try:
            found.set_result(wait())
        except Exception as exc:  # raised again where the answer is taken
            found.set_exception(exc)
        self._ring()

    def take(self) -> Sequence[Message]:
        """What has come, once; raises what the wait has raised."""
        found, self._found = self._found, None
        return found.result() if found is not None else ()
