"""Dead letters were retried or dropped, beside the supervisor: it is told, so that log, page and history have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from supervisor.control.control_socket import Reply, Request, ask_all
from supervisor.lifecycle.supervised_worker import SupervisedWorker
from supervisor.settings.environment import page_client
from supervisor.steering.act import Act

#: The name of the question.
COMMAND = "dead-letters-done"


def tell_retried(directory: Path, by_topic: Mapping[str, Mapping[str, int]]) -> None:
    """To all supervisors that listen in `directory`: topic -> what became of how many."""
    _tell(directory, "retried", {topic: dict(counts) for topic, counts in by_topic.items()})


def tell_dropped(directory: Path, by_topic: Mapping[str, int]) -> None:
    """To the same: topic -> how many were dropped."""
    _tell(directory, "dropped", {topic: {"dropped": count} for topic, count in by_topic.items()})


def _tell(directory: Path, verb: str, topics: Mapping[str, Mapping[str, int]]) -> None:
    if topics:
        ask_all(directory, COMMAND, verb=verb, topics=topics, page_client=page_client())


class DeadLetterActs:
    """`workers` is the supervisor's own list; topics of others are theirs."""

    def __init__(self, workers: Sequence[SupervisedWorker]) -> None:
        self._workers = workers

    def answer(self, request: Request) -> Reply:
        """Log what was done to the topics that are ours."""
        verb, topics = request.body.get("verb"), request.body.get("topics")
        if verb not in {"retried", "dropped"} or not _are_counts(topics):
            return {"error": "dead letters were retried or dropped, by topic"}
        ours = {worker.spec.key.topic for worker in self._workers} & topics.keys()
        act = Act.of(request)
        for topic in sorted(ours):
            act.tell_dead_letters(verb, topic, topics[topic])
        return {"done": sorted(ours)}


def _are_counts(topics: Any) -> TypeGuard[dict[str, dict[str, int]]]:
    """Whether it is, by topic, what became of how many: nothing that is asked may harm the supervisor."""
    return isinstance(topics, dict) and all(isinstance(counts, dict) for counts in topics.values())
