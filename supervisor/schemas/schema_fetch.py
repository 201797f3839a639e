"""Schemas of many ids at once, from a registry whose nodes may lag behind one another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rtpipe.errors import RtpipeError
from rtpipe.pause import PausePolicy

#: Seconds for which ids are asked for again that the registry does not have (yet), since its nodes may lag behind one
#: another; and seconds after which that is done again where it was in vain, since other bytes may look like ids.
_LAG, _VAIN_FOR = 5.0, 60.0
_PAUSES = PausePolicy(first=0.2, longest=_LAG, factor=1.5)


class SchemaFetch:
    """Of one topic; not for several threads at once."""

    def __init__(self, *, patient: bool) -> None:
        """`patient`: ids that the registry does not have are asked for again for a while."""
        self._patient = patient
        self._lags_from = 0.0  # not before this moment is an unknown id asked for again

    def fetched(self, ids: Sequence[int], ask: Callable[[int], Any]) -> dict[int, Any]:
        """What `ask` gives for each id, or the RtpipeError that it raises. It is called in several threads."""
        found = dict(zip(ids, _side_by_side(ask, ids), strict=True))
        began, tries = time.monotonic(), 0
        while (missing := [number for number in ids if _may_come(found[number])]) and self._waits(began):
            tries += 1
            time.sleep(_PAUSES.seconds(tries))
            found.update(zip(missing, _side_by_side(ask, missing), strict=True))
        if missing and self._patient and began >= self._lags_from:
            self._lags_from = time.monotonic() + _VAIN_FOR
        return found

    def _waits(self, began: float) -> bool:
        return self._patient and began >= self._lags_from and time.monotonic() - began < _LAG


def _side_by_side(ask: Callable[[int], Any], ids: Iterable[int]) -> list[Any]:
    from avro_schemas.registry.client import side_by_side  # noqa: PLC0415 - half a second, off the loop

    def asked(schema_id: int) -> Any:
        try:
            return ask(schema_id)
        except RtpipeError as error:
            return error

    return side_by_side(asked, list(ids))


def _may_come(found: Any) -> bool:
    """Whether a registry that is behind the one that took the schema would answer so."""
    from avro_schemas.registry.errors import SchemaNotFoundError, UnprocessableError  # noqa: PLC0415 - as above

    return isinstance(found, SchemaNotFoundError | UnprocessableError)
