"""Until when the partitions of this host are its own for sure; pure."""

from __future__ import annotations

from collections.abc import Iterable

from workers.contract.partition_spec import PartitionKey


class SessionClock:
    """The group gives a silent member's partitions to others after its session timeout, counted from the last contact.

    What a dead member process had is ours until then, too: it is told again by the next process, or it is another's.
    """

    def __init__(self, seconds: float, now: float) -> None:
        """`seconds`: of a session, until the member says how many they are. `now`: monotonic seconds."""
        self.seconds = seconds
        self.contact = now  #: when the group's coordinator answered last
        self.assigned: set[PartitionKey] = set()  #: as the living member process says
        self._unconfirmed: set[PartitionKey] = set()  #: as a dead one said
        self._until = 0.0  #: when the unconfirmed ones are lost

    @property
    def ours(self) -> set[PartitionKey]:
        """All that this host may serve."""
        return self.assigned | self._unconfirmed

    def assign(self, keys: Iterable[PartitionKey]) -> None:
        """The group says that these are ours."""
        self.assigned |= set(keys)
        self._unconfirmed -= self.assigned

    def drop(self, keys: Iterable[PartitionKey]) -> None:
        """The group says that they are not."""
        self.assigned -= set(keys)
        self._unconfirmed -= set(keys)

    def restart(self) -> None:
        """The member process is another one: what the last one said counts until its session is over."""
        self._unconfirmed |= self.assigned
        self.assigned = set()
        self._until = self.contact + self.seconds

    def is_over(self, now: float) -> bool:
        """Whether others may have what is assigned, since the group has not heard of us for so long."""
        return now - self.contact > self.seconds

    def forgotten(self, now: float) -> set[PartitionKey]:
        """Those of a dead member process that no living one was given in time; told once."""
        if not self._unconfirmed or now <= self._until:
            return set()
        lost, self._unconfirmed = self._unconfirmed, set()
        return lost
