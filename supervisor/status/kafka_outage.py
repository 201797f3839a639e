"""One line of the log for each outage of Kafka, and one when it is over, however many partitions wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from rtpipe.log import get_logger
from supervisor.lifecycle.log_end import FRESH
from workers.contract.partition_spec import PartitionKey

log = get_logger("supervisor")
#: Seconds for another broker to become the leader: a broker that is gone for less is no outage.
_FAILOVER = 20.0
_LISTED = 5


class KafkaOutage:
    """`look` gets, again and again, all partitions for which Kafka does not answer; each change is logged once."""

    def __init__(self) -> None:
        self._logged: frozenset[PartitionKey] = frozenset()
        self._next: frozenset[PartitionKey] = frozenset()
        self._next_since = self._began = 0.0
        self._told = ""

    def look(
        self,
        now: float,
        silent: Mapping[PartitionKey, str],
        *,
        away: bool,
        new: Collection[PartitionKey],
        refused: str = "",
    ) -> None:
        """`silent`: partition -> why; `away`: no broker answers at all; `new`: partitions without any answer yet;
        `refused`: why, if it is a password or a certificate, which is told also if it shows later in an outage.
        """
        if refused not in {"", self._told}:
            if self._logged:
                log.warning("still waiting: %s", refused, extra={"event": "outage_began"})
            self._told = refused
        keys = frozenset(silent)
        if keys != self._next:
            self._next, self._next_since = keys, now
        at_once = not keys or (away and not self._logged) or not (keys - self._logged).isdisjoint(new)
        if keys == self._logged or (now - self._next_since < _FAILOVER and not at_once):
            return
        if not self._logged:
            self._began = now - FRESH
        if keys:
            log.warning("waiting: %s", _words(silent), extra={"event": "outage_began"})
        else:
            seconds = now - self._began
            self._told = ""
            extra = {"event": "outage_ended", "seconds": round(seconds, 1)}
            log.info("Kafka answers again for all partitions, after %.0f s", seconds, extra=extra)
        self._logged = keys


def _words(silent: Mapping[PartitionKey, str]) -> str:
    """Each reason with its partitions."""
    groups = defaultdict(list)
    for key in sorted(silent):
        groups[silent[key]].append(str(key))
    return "; ".join(f"{why}: {some_of(names)}" for why, names in groups.items())


def some_of(names: Sequence[object]) -> str:
    """The first few, and how many more there are."""
    more = len(names) - _LISTED
    return ", ".join(map(str, names[:_LISTED])) + (f" and {more} more" if more > 0 else "")
