"""How tests wait: for a condition with a deadline, never for a fixed time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")


def eventually(check: Callable[[], Answer], *, within: float = 30.0, what: str = "") -> Answer:
    """Ask `check` until it answers with something true, return that; fail and say what stayed false after `within` s.

    An AssertionError or OSError of `check` counts as "not yet"; the last answer or error is part of the failure.
    """
    deadline = time.monotonic() + within
    pause = 0.002
    while True:
        last: object
        try:
            answer = check()
        except (AssertionError, OSError) as error:
            last = error
        else:
            if answer:
                return answer
            last = answer
        if time.monotonic() >= deadline:
            name = what or getattr(check, "__qualname__", repr(check))
            message = f"still not after {within:g} s: {name}; last answer: {last!r}"
            raise AssertionError(message) from (last if isinstance(last, Exception) else None)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
