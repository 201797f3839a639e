"""A question that is repeated in a thread, because its answer may take long and the loop must not wait."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Generic, TypeVar

_T = TypeVar("_T")
#: Seconds between two checks for the answer.
_LOOK = 0.5


class BackgroundQuestion(Generic[_T]):
    """Asks every `every` seconds; the next question starts only after the answer to the last one."""

    def __init__(self, name: str, every: float) -> None:
        self._name = name
        self._every = every
        self._asked: Future[_T] | None = None
        self._due = self._next_check = 0.0
        self.wake: Callable[[], None] = lambda: None  #: called from the thread when there is an answer

    @property
    def next_look(self) -> float:
        """When `take` may have something to do again, in monotonic seconds."""
        return 0.0 if self._asked and self._asked.done() else self._next_check

    def take(self, now: float, ask: Callable[[], _T]) -> Future[_T] | None:
        """The answer of the last question, once, if it is there; calls `ask` for the next one when that is due."""
        if now < self.next_look:
            return None
        answered = None
        if self._asked and self._asked.done():
            answered, self._asked = self._asked, None
        if self._asked is None and now >= self._due:
            self._asked, self._due = Future(), now + self._every
            Thread(target=self._answer, args=(self._asked, ask), name=self._name, daemon=True).start()
        self._next_check = now + min(_LOOK, self._every) if self._asked else self._due
        return answered

    def hurry(self) -> None:
        """Ask again as soon as the last question is answered: there is something new to ask for."""
        self._due = self._next_check = 0.0

    def _answer(self, asked: Future[_T], ask: Callable[[], _T]) -> None:
        try:
            asked.set_result(ask())
        except Exception as exc:  # raised again where the answer is read
            asked.set_exception(exc)
        self.wake()
