"""A handler of the log in consumer and writer: events are told upwards, too, for whoever asks the supervisor."""

from __future__ import annotations

import logging
from collections import deque

from workers.contract.logged import Logged, logged

#: Events that wait to be told; of more, the newest.
_KEPT = 100


class EventRelay(logging.Handler):
    """Filled by any thread, emptied by the one that speaks for the process."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Logged] = deque(maxlen=_KEPT)

    @classmethod
    def attached(cls) -> EventRelay:
        """One for the log of this process, in the place of that of its parent."""
        log = logging.getLogger("rtpipe")
        for handler in [one for one in log.handlers if isinstance(one, cls)]:
            log.removeHandler(handler)
        relay = cls()
        log.addHandler(relay)
        return relay

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it until it is told."""
        if (event := logged(record)) is not None:
            self._waiting.append(event)

    def take(self) -> list[Logged]:
        """What is to be told, once."""
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return taken
