"""A full queue stops reading; a queue with room again lets it go on. Runs in the consumer process."""

from __future__ import annotations

from rtpipe.log import get_logger
from workers.contract.batch import Batch
from workers.contract.partition_spec import PartitionKey
from workers.intake.batch_queue import BatchQueue

log = get_logger("consumer")


class Backpressure:
    """Offers batches to the queue; between full and `low` nothing more goes in, so that it does not flutter."""

    def __init__(self, key: PartitionKey, batches: BatchQueue, low: int) -> None:
        self._key = key
        self._batches = batches
        self._low = low
        self.active = False

    def offer(self, batch: Batch) -> bool:
        """Put `batch` if there is room. Both changes are logged, once each."""
        if self.active and self._batches.depth() > self._low:
            return False
        if self._batches.offer(batch):
            self._change(active=False, text="Backpressure has been resolved. Resuming message processing...")
            return True
        self._change(active=True, text="Backpressure activated and message processing stopped...")
        return False

    def _change(self, *, active: bool, text: str) -> None:
        if active == self.active:
            return
        self.active = active
        log.warning(
            "%s topic=%s partition=%d",
            text,
            self._key.topic,
            self._key.partition,
            extra={"event": f"backpressure_{'activated' if active else 'resolved'}", "partition": str(self._key)},
        )
