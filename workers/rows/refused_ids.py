"""Schema ids that the supervisor refused, remembered for a while so that it is not asked at each message."""

from __future__ import annotations

import time
from typing import Generic, TypeVar

from workers.contract.refusal import Refusal

#: Seconds for which the supervisor is not asked again about an id that it refused.
_REFUSED_FOR = 10.0
_REFUSED_KEPT = 1_000

Id = TypeVar("Id", int, bytes)


class RefusedIds(Generic[Id]):
    """Why ids were refused; ids are numbers, or the bytes of a message that hold one."""

    def __init__(self) -> None:
        self._refused: dict[Id, tuple[float, Refusal]] = {}

    def get(self, of: Id) -> Refusal | None:
        """Why this id was refused a short while ago; None if it was not, or is to be asked about again."""
        until, refusal = self._refused.get(of, (0.0, None))
        return refusal if time.monotonic() < until else None

    def keep(self, of: Id, refusal: Refusal) -> Refusal:
        """Remember that the id is refused; gives the refusal."""
        if len(self._refused) >= _REFUSED_KEPT:
            self._refused.clear()
        self._refused[of] = time.monotonic() + _REFUSED_FOR, refusal
        return refusal
