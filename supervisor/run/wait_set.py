"""The files that the supervisor's loop waits for: registered with the system once, not again at each turn.

With hundreds of partitions, making such a list costs more than all else that the loop does.
"""

from __future__ import annotations

import selectors
from collections.abc import Hashable, Mapping
from typing import Protocol


class HasFileno(Protocol):
    """Something to wait for."""

    def fileno(self) -> int:
        """Its file descriptor."""


class WaitSet:
    """Knows each file by a key: the number of a closed file is used again for another one."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._registered: dict[Hashable, int] = {}  # the file numbers: a closed object does not know its own any more

    def watch(self, wanted: Mapping[Hashable, int | HasFileno]) -> None:
        """Wait for these from now on, and for no others.

        What is not wanted any more may be closed by now; those that replace it are registered after it is gone.
        """
        for key in self._registered.keys() - wanted.keys():
            self._selector.unregister(self._registered.pop(key))
        for key in wanted.keys() - self._registered.keys():
            item = wanted[key]
            number = item if isinstance(item, int) else item.fileno()
            self._selector.register(number, selectors.EVENT_READ, key)
            self._registered[key] = number

    def wait(self, seconds: float) -> list[Hashable]:
        """The keys of what is ready, as soon as something is; none after so many seconds."""
        return [found.data for found, _ in self._selector.select(seconds)]

    def close(self) -> None:
        """Free the system's list."""
        self._selector.close()
