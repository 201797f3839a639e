"""Which partitions this host serves, as the group says: taken, given up and killed as the member hears it.

Nothing that is committed depends on it: a writer that is late is shut out by its epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from supervisor.lifecycle.served_workers import ServedWorkers
from supervisor.membership import membership_log
from supervisor.membership.claim_backs import ClaimBacks
from supervisor.membership.member_link import MemberLink
from supervisor.membership.member_words import MemberStart, Said, Word
from supervisor.membership.session_clock import SessionClock
from supervisor.partition_plan import new_partition
from workers.contract.partition_spec import PartitionKey, PartitionSpec

_OURS = "the group gave it to this host"
_OTHERS = "the group gives it to another host"


class Membership:
    """The supervisor's side of the group: `open` first, then `look` at each turn of the loop."""

    def __init__(
        self,
        start: Callable[[Collection[str]], MemberStart],
        specs: Iterable[PartitionSpec],
        tuned: Callable[[PartitionSpec], PartitionSpec],
        now: float,
    ) -> None:
        """`start`: what the member is told first, at each start, by the topics of then. `specs`: of the topics, whoever
        serves them. `tuned`: such a spec with the settings of now.
        """
        self._topics = {spec.key.topic: spec for spec in specs}  #: topic -> what any of its partitions is like
        self._start_with = start
        self._tuned = tuned
        self._link: MemberLink
        self._served: ServedWorkers
        self._told_topics = True
        self._clock = SessionClock(self._start().session_seconds, now)
        self._claim_backs = ClaimBacks()
        self._leaving: set[PartitionKey] = set()  #: the member waits until their workers are gone
        self._stopped = False  #: what is assigned was killed, since the session was over
        self.replaced = ""  #: why this host is a member no more; "" while it is

    def _start(self) -> MemberStart:
        return self._start_with(self._topics)

    def open(self, served: ServedWorkers, wake: Callable[[], None]) -> None:
        """`wake` is called from another thread when the member has said something."""
        self._served = served
        self._link = MemberLink(self._start, wake)

    def look(self, now: float, *, draining: bool) -> None:
        """Watch the member, and do what the group says. `now`: monotonic seconds. Nothing is taken in a drain."""
        if not self.replaced and self._link.look(now):
            self._clock.restart()
            self._told_topics = True
        self._told_topics = self._told_topics or self._link.tell_topics(self._topics)
        for said in self._link.said():
            self._take_in(said, now)
        self._expire(now)
        if not draining and not self._stopped:
            back = self._claim_backs.due(self._served.workers, self._clock, now)
            self._served.kill(back, "claimed back, since the group says that it is ours")
            self._serve(back)
        gone = {key for key in self._leaving if not self._served.holds(key)}  # what they read is committed
        if gone and self._link.tell_given_up(gone):
            self._leaving -= gone

    def topics(self) -> Mapping[str, str]:
        """As TopicServing."""
        return {topic: spec.group for topic, spec in self._topics.items()}

    def has_topic(self, topic: str) -> bool:
        """As TopicServing."""
        return topic in self._topics

    def take_topic(self, specs: Sequence[PartitionSpec]) -> None:
        """As TopicServing: the group gives out its partitions. What of them it has not taken back yet is still ours."""
        self._topics |= {spec.key.topic: spec for spec in specs}
        self._told_topics = False
        if not self._stopped:
            self._serve({spec.key for spec in specs} & self._clock.assigned)

    def give_up_topics(self, topics: Collection[str], why: str) -> None:
        """As TopicServing: the group takes back what it gave to us. Other hosts that share the topic have it then."""
        self._topics = {topic: spec for topic, spec in self._topics.items() if topic not in topics}
        self._told_topics = False
        self._served.give_up_topics(topics, why)

    def _take_in(self, said: Said, now: float) -> None:
        match said.word:
            case Word.JOINING:
                self._clock.seconds = said.seconds
                membership_log.joining(self._start(), said)
            case Word.CONTACT:
                self._touch(said.at, now)
            case Word.ASSIGNED:
                self._clock.assign(said.keys)
                self._touch(said.at, now)
                membership_log.assigned(said.keys)
                self._leaving -= set(said.keys)
                if not self._stopped:
                    self._serve(said.keys)
            case Word.REVOKED:
                self._clock.drop(said.keys)
                self._leaving |= set(said.keys)
                membership_log.revoked(said.keys)
                self._served.give_up(said.keys, _OTHERS)
            case Word.LOST:
                self._lose(said.keys, said.text)
            case Word.TROUBLE:
                membership_log.trouble(said.text)
            case Word.REPLACED:
                self.replaced = said.text
                membership_log.replaced(self._start(), said.text)

    def _touch(self, at: float, now: float) -> None:
        """The group has heard of us; if it still counts us as a member, what was stopped for its silence goes on."""
        self._clock.contact = max(self._clock.contact, at)
        if self._stopped and not self._clock.is_over(now):
            self._stopped = False
            membership_log.assigned(self._clock.assigned)
            self._serve(self._clock.assigned)

    def _expire(self, now: float) -> None:
        if self._clock.assigned and self._clock.is_over(now) and not self._stopped:
            self._stopped = True
            why = f"the group has not heard of this host for {now - self._clock.contact:.0f} s"
            membership_log.lost(self._clock.assigned, why)
            self._served.kill(self._clock.assigned, why)
        if lost := self._clock.forgotten(now):
            self._lose(lost, f"the member process was gone for longer than a session, {self._clock.seconds:g} s")

    def _lose(self, keys: Collection[PartitionKey], why: str) -> None:
        self._clock.drop(keys)
        membership_log.lost(keys, why)
        self._served.kill(keys, why)

    def _serve(self, keys: Collection[PartitionKey]) -> None:
        wanted = [key for key in sorted(keys) if key.topic in self._topics]  # else they are taken back in a moment
        self._served.take([self._tuned(new_partition(self._topics[key.topic], key)) for key in wanted], _OURS)

    def close(self) -> None:
        """Let the member end; by its instance id the group knows this host when it comes back."""
        self._link.stop()
