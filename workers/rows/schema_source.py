"""Where a writer gets the schema of an id that it has not met: it asks the supervisor and waits.

The question goes up the writer's link: consumer, SupervisedWorker, SchemaRequests, TopicAnswers, TableFitter. The
answer comes back through SchemaRequests, ProcessHandle and the consumer.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing import connection
from multiprocessing.connection import Connection

from rtpipe.errors import ExitCode
from workers.contract.errors import BrokenInvariant, LostParent, WorkerError
from workers.contract.reports import Alive, Drain, Ended, SchemaWanted, Waiting
from workers.contract.schema_answers import (
    KeySchema,
    SchemaAnswer,
    SchemaAnswers,
    SchemaHalt,
    SchemaLayout,
    SchemaRefused,
    Sealed,
)

#: Asks the supervisor: at least one answer, the first about what was asked.
Ask = Callable[[SchemaWanted], SchemaAnswers]


class SchemaHaltError(WorkerError):
    """The supervisor cannot give schema and table: with the code and name that it says."""

    def __init__(self, end: Ended, *, hint: str = "") -> None:
        super().__init__(end.text, hint=hint)
        self.exit_code, self.name = end.code, end.name

    def of(self, where: str) -> SchemaHaltError:
        """The same, of the message at `where`: topic, partition and offset."""
        return SchemaHaltError(Ended(self.exit_code, self.name, f"{where} {self.message}"), hint=self.hint)


class Drained(Exception):  # noqa: N818 - no error: what was not committed is still in Kafka
    """The worker stops before the schema came, so the batch in hand is not written."""


class SchemaSource:
    """Schemas by id. All raise what `ask` raises, and SchemaHaltError if the partition cannot go on."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._also: dict[int, SchemaAnswer] = {}  #: what the last answer said of other ids

    def rows(self, schema_id: int, *, again: bool = False, also: tuple[int, ...] = ()) -> SchemaLayout | SchemaRefused:
        """Schema and layout, or the refusal of every message of this id; after as long as registry and table take.

        `again`: the table was not as the last answer said; `also`: ids that will be asked for next.
        """
        if not again and schema_id in self._also:  # once: what is asked about later is asked anew
            answer = self._also.pop(schema_id)
        else:
            answer, *others = self._ask(SchemaWanted(schema_id, "value", again, also))
            self._also = {one.schema_id: one for one in others}
        if isinstance(answer, SchemaLayout | SchemaRefused):
            return answer
        raise _unexpected(answer)

    def newest(self, *, again: bool = False) -> SchemaLayout:
        """The newest schema and layout that there are; of the key columns alone where no schema is known."""
        answer, *_ = self._ask(SchemaWanted(0, "newest", again))
        if isinstance(answer, SchemaLayout):
            return answer
        raise _unexpected(answer)

    def key(self, schema_id: int) -> KeySchema | SchemaRefused:
        """The schema of keys of this id, or why they cannot be read."""
        answer, *_ = self._ask(SchemaWanted(schema_id, "key"))
        if isinstance(answer, KeySchema | SchemaRefused):
            return answer
        raise _unexpected(answer)


def _unexpected(answer: SchemaAnswer) -> WorkerError:
    if isinstance(answer, SchemaHalt):
        return SchemaHaltError(answer.end)
    if isinstance(answer, SchemaRefused):
        return SchemaHaltError(Ended(ExitCode.SCHEMA_REFUSED, answer.refusal.reason, answer.refusal.why))
    return BrokenInvariant(f"schema id {answer.schema_id}: the supervisor answered another question")


def asking(consumer: Connection) -> Ask:
    """Asks over the writer's link to its consumer. Raises Drained if the worker is to stop meanwhile."""

    def ask(wanted: SchemaWanted) -> SchemaAnswers:
        consumer.send(wanted)
        waited = False
        while not _is_ready(consumer):
            waits = Waiting(f"schema id {wanted.schema_id} from the registry, and its table")
            consumer.send(Alive() if waited else waits)
            waited = True
        order = consumer.recv()
        if isinstance(order, Drain):
            raise Drained
        if not isinstance(order, Sealed):
            raise BrokenInvariant(f"schema id {wanted.schema_id}: {type(order).__name__} is no answer")
        if waited:
            consumer.send(Waiting(""))
        return order.open()

    return ask


def _is_ready(consumer: Connection) -> bool:
    """Whether there is something to read, by a second from now. LostParent once the consumer is dead."""
    parent = multiprocessing.parent_process()
    ready = connection.wait([consumer, *([parent.sentinel] if parent else [])], timeout=1.0)
    if ready and consumer not in ready:
        raise LostParent("the consumer process died")
    return consumer in ready
