"""Schemas and tables for workers: they ask by id, a thread for each topic finds the answer, which is remembered.

One registry client for a whole pipeline, SharedRegistry, instead of one in every writer, which would cost each of them
6 MB and each start 60 ms. A registry or database that is away is waited for; only what it says is final. Topics do not
wait for one another: a table that is altered for an hour holds up its own partitions alone.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from avro_schemas.tables.evolution import EvolutionError
from rtpipe.credentials import AccessDeniedError, LoginRefusedError
from rtpipe.errors import ExitCode, RtpipeError, UnreachableError
from rtpipe.log import get_logger
from rtpipe.pause import PausePolicy
from supervisor.schemas.limits_at_start import tell_at_start
from supervisor.schemas.shared_registry import SharedRegistry
from supervisor.schemas.topic_answers import TopicAnswers
from supervisor.schemas.topic_facts import TopicFacts
from workers.contract.partition_spec import PartitionSpec
from workers.contract.reports import Ended, SchemaWanted
from workers.contract.schema_answers import SchemaAnswers, SchemaHalt, SchemaLayout

if TYPE_CHECKING:
    from avro_schemas.registry.client import Registry
    from supervisor.schemas.table_fitter import TableFitter

log = get_logger("supervisor")
_T = TypeVar("_T")
#: Errors by which somebody must alter the table.
_OF_TABLE = frozenset({EvolutionError.name, AccessDeniedError.name})
_PAUSES = PausePolicy(first=0.1, longest=10.0)
#: Takes the answers back to where the question came from.
Reply = Callable[[SchemaAnswers], None]
_Question = tuple[PartitionSpec, SchemaWanted, Reply]
#: The questions of a topic; None: there are no more.
_Questions = queue.SimpleQueue[_Question | None]


class SchemaRequests:
    """`ask` from the loop; `deliver` gives, in the loop again, each answer to the one who asked."""

    def __init__(
        self,
        open_registry: Callable[[], Registry],
        fitter: TableFitter,
        *,
        patient: bool = True,
        facts: TopicFacts | None = None,
        files: Iterable[str] = (),
    ) -> None:
        """`patient`: wait for a service that does not answer; else the answer is a SchemaHalt that says so. `facts`
        learns which schemas were met. `files` are read when the registry is opened.
        """
        self._registry = SharedRegistry(open_registry, files)
        self._fitter = fitter
        self._insist = _patiently if patient else _once
        self._patient = patient
        self._facts = facts or TopicFacts()
        self._topics: dict[str, TopicAnswers] = {}  # each of which its thread alone asks
        self._asked: dict[str, _Questions] = {}
        self._told: set[str] = set()  #: topics of which the limits were told
        self._answered: queue.SimpleQueue[tuple[Reply, SchemaAnswers]] = queue.SimpleQueue()
        self._wake: Callable[[], None] = lambda: None

    def open(self, wake: Callable[[], None]) -> None:
        """`wake` is called from another thread when there is something to `deliver`. The registry's client loads
        meanwhile.
        """
        self._wake = wake
        threading.Thread(target=self._prepare, name="registry client", daemon=True).start()

    def tell_limits(self, specs: Iterable[PartitionSpec]) -> None:
        """Say which values the columns of tables refuse or may change, as soon as registry and database answer; of
        each topic once.
        """
        if new := [spec for spec in specs if spec.key.topic not in self._told]:
            self._told |= {spec.key.topic for spec in new}
            tell_at_start(new, self._registry, self._fitter)

    def ask(self, spec: PartitionSpec, wanted: SchemaWanted, reply: Reply) -> None:
        """`reply` is called with the answers, by `deliver`."""
        topic = spec.key.topic
        if topic not in self._asked:
            self._asked[topic] = queue.SimpleQueue()
            work = threading.Thread(target=self._work, args=(self._asked[topic],), name=f"schemas {topic}", daemon=True)
            work.start()
        self._asked[topic].put((spec, wanted, reply))

    def forget(self, topic: str) -> None:
        """It is served no more: nobody asks about it, and its answers may be others if it comes back."""
        self._told.discard(topic)
        self._facts.forget(topic)
        self._topics.pop(topic, None)
        if asked := self._asked.pop(topic, None):
            asked.put(None)

    def deliver(self) -> None:
        """Call the `reply` of each answer that is ready."""
        while not self._answered.empty():
            reply, answers = self._answered.get()
            reply(answers)

    def _work(self, asked: _Questions) -> None:
        while question := asked.get():
            spec, wanted, reply = question
            try:
                answers = self.answer(spec, wanted)
            except Exception as exc:  # an answer, too: a writer waits for one
                log.exception("schema id %d", wanted.schema_id, extra={"event": "schema_failed"})
                ended = Ended(ExitCode.FAILED, RtpipeError.name, f"schema id {wanted.schema_id}: {type(exc).__name__}")
                answers = (SchemaHalt(wanted.schema_id, ended),)
            self._answered.put((reply, answers))
            with contextlib.suppress(OSError):  # the loop has ended meanwhile
                self._wake()

    def answer(self, spec: PartitionSpec, wanted: SchemaWanted) -> SchemaAnswers:
        """The answers, now; one thread a topic."""
        topic = spec.key.topic
        known = self._topics.get(topic)
        if known is None:
            known = TopicAnswers(topic, self._registry.current, self._fitter, self._insist, patient=self._patient)
            self._topics[topic] = known
        with self._registry.in_use():
            answers = known.answer(spec, wanted)
        self._note(topic, answers)
        asked_for = answers[0]
        if isinstance(asked_for, SchemaHalt) and asked_for.end.name == AccessDeniedError.name:
            self._registry.drop()
        return answers

    def _note(self, topic: str, answers: SchemaAnswers) -> None:
        for answer in answers:
            if isinstance(answer, SchemaLayout) and answer.schema_id:
                self._facts.met(topic, answer.schema_id)
            elif isinstance(answer, SchemaHalt) and answer.end.name in _OF_TABLE:
                self._facts.changed(topic, answer.schema_id, "", done=False, why_not=answer.end.text)

    def _prepare(self) -> None:
        with contextlib.suppress(RtpipeError):  # whoever asks hears of it
            self._registry.current()


def _once(step: Callable[[], _T]) -> _T:
    return step()


def _patiently(step: Callable[[], _T]) -> _T:
    """Do it as often as it takes for the service to answer. Each reason for waiting is told once, and its end."""
    tries, logged = 0, ""
    while True:
        try:
            done = step()
        except (UnreachableError, LoginRefusedError) as exc:
            tries += 1
            if exc.message != logged:
                log.warning(
                    "waiting: %s%s", exc.message, f" ({exc.hint})" * bool(exc.hint), extra={"event": "outage_began"}
                )
                logged = exc.message
            time.sleep(_PAUSES.seconds(tries))
        except RtpipeError:  # an answer, too
            _log_end(logged)
            raise
        else:
            _log_end(logged)
            return done


def _log_end(waited_for: str) -> None:
    if waited_for:
        text = "registry and database answer again; the supervisor waited for: %s"
        log.info(text, waited_for, extra={"event": "outage_ended"})
