"""The topics that a run is to serve: Kafka is asked again and again for those that are missing, also by patterns; what
is found is planned and taken, what a reload takes out is given up. Partitions of those served: kafka_changes.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from rtpipe.errors import RtpipeError
from rtpipe.log import get_logger
from supervisor.background_question import BackgroundQuestion
from supervisor.lifecycle.served_workers import ServedWorkers
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.run.topic_plans import TopicOrder, TopicPlans, TopicsFound
from supervisor.run.topic_serving import TopicServing
from supervisor.settings.live_settings import TopicsNow
from supervisor.settings.topic_choice import TopicChoice
from workers.contract.errors import TopicChangedError

log = get_logger("supervisor")
_OUT = "taken out of the settings"
_DELETED = "the topic was deleted"


@dataclass(frozen=True, slots=True)
class TopicSearch:
    """How a run finds its topics."""

    choice: TopicChoice  #: as of the start
    plans: TopicPlans
    settings: Callable[[], TopicsNow]  #: of topics, as they are by now
    every: float  #: seconds between two looks
    of_settings: bool  #: the choice is that of the setting `serve`, which a reload may change


class WantedTopics:
    """Without a search the run serves what it began with."""

    def __init__(self, search: TopicSearch | None, served: ServedWorkers, serving: TopicServing) -> None:
        """`served`: the workers here; `serving`: who takes what is found."""
        self._search = search
        self._served = served
        self._serving = serving
        self.choice = search.choice if search else TopicChoice()  #: what is to be served
        self._looks: BackgroundQuestion[TopicsFound] = BackgroundQuestion("topics", search.every if search else 1.0)
        self._refused: dict[str, str] = {}
        self._waits = ""
        self._found_none = False
        self._reloads = self._judged = 0
        served.on_gone.append(self._free)

    @property
    def follows_settings(self) -> bool:
        """Whether a reload may change which topics are served."""
        return self._search is not None and self._search.of_settings

    @property
    def missing(self) -> bool:
        """Whether there may be something to serve that is not served yet: the run goes on for that alone."""
        return bool(self.choice.patterns) or not all(map(self._serving.has_topic, self.choice.names))

    def next_look(self) -> float:
        """When `look` has something to do, in monotonic seconds."""
        return self._looks.next_look if self.missing else math.inf

    def look(self, now: float) -> None:
        """Take what was found, and ask again if it is time."""
        if self._search is None or not self.missing:
            return
        search = self._search
        order = TopicOrder(self._reloads, self.choice, search.settings())
        served, workers = frozenset(self._serving.topics()), len(self._served.workers)
        if answered := self._looks.take(now, lambda: search.plans.find(order, served, workers)):
            self._take(answered)

    def change(self, choice: TopicChoice) -> None:
        """Serve these from now on: what is not among them drains and is given up, what is new is looked for at once."""
        if self._search is None:
            return
        out = self.unwanted_by(choice)
        self.choice = choice
        self._reloads += 1
        self._give_up(out, _OUT)
        self._looks.hurry()

    def unwanted_by(self, choice: TopicChoice) -> list[str]:
        """Topics that are served and are not among `choice`, as far as the run looks for topics."""
        served = self._serving.topics() if self._search is not None else ()
        return [topic for topic in served if topic not in choice.names and not choice.fits(topic)]

    def notes(self) -> tuple[str, ...]:
        """What is not served, and why, in words."""
        if not self.missing:
            return ()
        said = [f"{topic} is not served: {why}" for topic, why in sorted(self._refused.items())]
        if self._waits:
            said.append(f"topics cannot be looked for: {self._waits}")
        elif self._found_none:
            said.append(f"Kafka has no topic that fits {', '.join(self.choice.patterns)}")
        return tuple(said)

    def _take(self, answered: Future[TopicsFound]) -> None:
        try:
            found = answered.result()
        except Exception as exc:  # whatever it is, the partitions that are served matter more
            self._wait(exc.message if isinstance(exc, RtpipeError) else type(exc).__name__)
            return
        self._wait("")
        taken = {topic: plan for topic, plan in found.planned.items() if not isinstance(plan, RtpipeError)}
        if found.order.number != self._reloads:  # what was asked is not what is wanted by now
            self._free_groups({specs[0].group for specs in taken.values()})
            self._looks.hurry()
            return
        self._give_up_deleted(found)
        for topic, specs in taken.items():
            if self._serving.has_topic(topic):  # asked for once more before this was answered
                continue
            self._serving.take_topic(specs)
            extra = {"event": "topic_added", "topic": topic}
            log.info("%s: a topic that is served from now on, %d partitions", topic, len(specs), extra=extra)
        refused = {topic: plan for topic, plan in found.planned.items() if isinstance(plan, RtpipeError)}
        self._refuse(refused)
        self._found_none = not self._serving.topics() and not found.planned

    def _refuse(self, refused: Mapping[str, RtpipeError]) -> None:
        """Each reason is told once; all are tried again at the next look."""
        before, self._refused = self._refused, {topic: error.message for topic, error in refused.items()}
        for topic, error in refused.items():
            if before.get(topic) != error.message:
                extra = {"event": "topic_refused", "topic": topic}
                hint = f" ({error.hint})" if error.hint else ""
                log.warning("%s is not served: %s%s", topic, error.message, hint, extra=extra)

    def _wait(self, why: str) -> None:
        """Kafka does not answer, or does again. While something is served, others tell of it."""
        if why and not self._waits and not self._served.workers:
            log.warning("waiting: %s", why, extra={"event": "outage_began"})
        elif self._waits and not why and not self._served.workers:
            log.info("Kafka answers again", extra={"event": "outage_ended"})
        self._waits = why

    def _give_up_deleted(self, found: TopicsFound) -> None:
        """At the first look after a reload: topics that only a pattern means, halted since they are not there."""
        if self._judged == self._reloads:
            return
        self._judged = self._reloads
        missing = self._serving.topics().keys() - found.there - set(self.choice.names)
        self._give_up([topic for topic in sorted(missing) if self._halted(topic)], _DELETED)

    def _halted(self, topic: str) -> bool:
        """All that is served of it here is halted since it was deleted, or made again."""
        troubles = [worker.standing.trouble for worker in self._served.workers if worker.spec.key.topic == topic]
        return all(trouble is not None and trouble.name == TopicChangedError.name for trouble in troubles)

    def _give_up(self, topics: Collection[str], why: str) -> None:
        """The groups of those that have workers here are freed once these are gone."""
        before = self._groups()
        self._serving.give_up_topics(topics, why)
        self._free_groups(before)

    def _groups(self) -> set[str]:
        return {*self._serving.topics().values(), *(worker.spec.group for worker in self._served.workers)}

    def _free(self, gone: Sequence[SupervisedWorker]) -> None:
        """Partitions are served no more; one of their topics may be wanted again by now."""
        self._free_groups({worker.spec.group for worker in gone})
        self._looks.hurry()

    def _free_groups(self, groups: Collection[str]) -> None:
        """As far as nothing of them is served any more."""
        if self._search is not None:
            self._search.plans.free(set(groups) - self._groups())
