"""Asks Kafka every two seconds where each log ends: without an answer the lag is not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rtpipe.credentials import LoginRefusedError
from rtpipe.errors import RtpipeError
from rtpipe.tls_trouble import TlsError
from supervisor.background_question import BackgroundQuestion
from supervisor.kafka.cluster_view import ClusterView
from workers.contract.partition_spec import PartitionKey

_EVERY = 2.0


@dataclass(frozen=True, slots=True)
class LogFacts:
    """What the leaders said of some partitions' logs."""

    ends: Mapping[PartitionKey, int] = field(default_factory=dict)
    silent: Mapping[PartitionKey, str] = field(default_factory=dict)  #: why there is no answer
    begins: Mapping[PartitionKey, int] = field(default_factory=dict)  #: of those that were to be asked for it
    away: bool = False  #: there is no answer at all
    refused: str = ""  #: why not, if a person must change a password or a certificate


class LogWatch:
    """One question for all partitions; a view of its own, whose patience is short."""

    def __init__(self, view: ClusterView, every: float = _EVERY) -> None:
        self._view = view
        self._looks: BackgroundQuestion[LogFacts] = BackgroundQuestion("log-watch", every)

    def open(self, wake: Callable[[], None]) -> None:
        """`wake` is called from another thread when there is an answer: a partition may wait for it to start."""
        self._looks.wake = wake

    def next_look(self) -> float:
        """When `facts` has something to do again, in monotonic seconds."""
        return self._looks.next_look

    def hurry(self) -> None:
        """There are partitions of which nothing is known: ask at once."""
        self._looks.hurry()

    def facts(self, now: float, keys: Sequence[PartitionKey], unknown: Sequence[PartitionKey]) -> LogFacts | None:
        """The newest answers, once; `unknown` are the partitions whose beginning is asked for, too."""
        answered = self._looks.take(now, lambda: self._look(keys, unknown))
        return answered.result() if answered else None

    def _look(self, keys: Sequence[PartitionKey], unknown: Sequence[PartitionKey]) -> LogFacts:
        if not keys:
            return LogFacts()
        try:
            ends = self._view.log_ends(keys)
            begins = self._view.log_begins([key for key in unknown if key in ends.known])
        except (LoginRefusedError, TlsError) as exc:
            why = f"{exc.message} ({exc.hint})"
            return LogFacts(silent=dict.fromkeys(keys, why), away=True, refused=why)
        except RtpipeError as exc:
            return LogFacts(silent=dict.fromkeys(keys, exc.message), away=True)
        return LogFacts(ends.known, ends.silent, begins.known)
