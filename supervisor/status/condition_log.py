"""Tells the log when partitions become late or stuck, and when they are all right again: a line for many at once."""

from __future__ import annotations

from collections.abc import Mapping

from rtpipe.log import get_logger
from supervisor.status.facts.condition import Condition
from supervisor.status.kafka_outage import some_of
from supervisor.status.partition_watch import PartitionWatch
from workers.contract.partition_spec import PartitionKey

log = get_logger("supervisor")


class ConditionLog:
    """Remembers what it has told."""

    def __init__(self) -> None:
        self._told: dict[PartitionKey, Condition] = {}

    def look(self, watches: Mapping[PartitionKey, PartitionWatch]) -> None:
        """Tell what is new. The other conditions follow from what the log has told already."""
        if late := self._new(watches, Condition.LATE):
            text = "%s: late: %s"
            log.warning(text, some_of(late), watches[late[0]].reason, extra=_about(late) | {"event": "condition_late"})
        if stuck := self._new(watches, Condition.STUCK):
            text = "%s: stuck: %s"
            extra = _about(stuck) | {"event": "condition_stuck"}
            log.warning(text, some_of(stuck), watches[stuck[0]].reason, extra=extra)
        self._told = {key: told for key, told in self._told.items() if key in watches}
        if well := [key for key in self._told if watches[key].condition is Condition.OK]:
            for key in well:
                del self._told[key]
            text = "%s: neither late nor stuck any more"
            log.info(text, some_of(well), extra=_about(well) | {"event": "condition_ok"})

    def _new(self, watches: Mapping[PartitionKey, PartitionWatch], condition: Condition) -> list[PartitionKey]:
        """Those in which it was not told yet."""
        new = [key for key, watch in watches.items() if watch.condition is condition]
        new = [key for key in new if self._told.get(key) is not condition]
        self._told |= dict.fromkeys(new, condition)
        return new


def _about(keys: list[PartitionKey]) -> dict[str, str]:
    return {"partition": str(keys[0])} if len(keys) == 1 else {}
