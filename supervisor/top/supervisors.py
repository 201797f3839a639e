"""The supervisors of this machine, as `rtpipe top` asks them: what they say, and what they are asked to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtpipe.errors import RtpipeError
from supervisor.history.history_view import event_line
from supervisor.history.live_events import LiveEvents
from supervisor.settings.option_values import topic_and_partition
from supervisor.status.facts.partition_status import PartitionStatus
from supervisor.status.facts.verdict import silent, verdict
from supervisor.status.running_supervisors import ask_for_status
from supervisor.steering.asking import ask_to

#: Lines of a log that are shown.
_LINES = 200


@dataclass(frozen=True, slots=True)
class Look:
    """One look at all of them."""

    verdict: str
    partitions: Sequence[PartitionStatus]


class Supervisors:
    """Those that listen in one directory. Nothing here raises: what goes wrong is said."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def look(self) -> Look:
        """Their partitions, and in one sentence what is wrong with them."""
        pipelines = ask_for_status(self._directory).pipelines
        if not pipelines:
            return Look(silent(None).sentence, ())
        said = [verdict(one) for one in pipelines]
        worst = max(said, key=lambda one: ("well", "notice", "trouble").index(one.level))
        return Look(worst.sentence, [p for one in pipelines for p in one.partitions])

    def do(self, verb: str, partition: str) -> str:
        """`pause`, `resume` or `restart`; what came of it."""
        try:
            answer = ask_to(verb, self._directory, [partition])
        except RtpipeError as exc:
            return f"{exc.message} ({exc.hint})" if exc.hint else exc.message
        return f"{verb} {', '.join(answer.done)}"

    def log_of(self, partition: str) -> list[str]:
        """The newest events about it, oldest first."""
        topic, number = topic_and_partition(partition)
        try:
            events = LiveEvents(self._directory, topic, number).newer()
        except RtpipeError as exc:
            return [exc.message]
        return [event_line(event) for event in events[-_LINES:]] or ["no events"]
