"""Where a writer gets the schema of an id that it has not met: it asks the supervisor and waits."""

from __future__ import annotations

import multiprocessing
from multiprocessing import connection
from multiprocessing.connection import Connection

from workers.contract.errors import LostParent, WorkerError
from workers.contract.reports import Alive, Drain, Ended, SchemaAnswer, SchemaWanted, Sealed, Use, Waiting


class SchemaRefused(WorkerError):  # noqa: N818
    """The supervisor cannot give schema and table: with the code and name that it says."""

    def __init__(self, problem: Ended, *, hint: str = "") -> None:
        super().__init__(problem.text, hint=hint)
        self.exit_code, self.name = problem.code, problem.name

    def of(self, place: str) -> SchemaRefused:
        """The same, of the message at `place`."""
        return SchemaRefused(Ended(self.exit_code, self.name, f"{place} {self.message}"), hint=self.hint)


class Drained(Exception):  # noqa: N818 - no error: what was not committed is still in Kafka
    """The worker stops before the schema came, so the batch in hand is not written."""


class SchemaSource:
    """Asks over the writer's link; the consumer passes question and answer on."""

    def __init__(self, consumer: Connection) -> None:
        self._consumer = consumer
        self._told: dict[int, SchemaAnswer] = {}  #: by the last answer, beside what was asked

    def ask(self, schema_id: int, use: Use, *, again: bool = False, beside: tuple[int, ...] = ()) -> SchemaAnswer:
        """Schema and layout, or the refusal of every message of this id; after as long as registry and table take.

        `again`: the table was not as the last answer said; `beside`: ids that will be asked for next. Raises
        SchemaRefused if the partition cannot go on, and Drained if the worker is to stop meanwhile.
        """
        if use == "value" and not again and schema_id in self._told:
            return _unless_refused(self._told.pop(schema_id))  # once: what is asked about later is asked anew
        answer = self._answer(SchemaWanted(schema_id, use, again, beside))
        self._told = {one.schema_id: one for one in answer.beside}
        return _unless_refused(answer)

    def _answer(self, wanted: SchemaWanted) -> SchemaAnswer:
        self._consumer.send(wanted)
        parent = multiprocessing.parent_process()
        assert parent is not None
        waited = False
        while self._consumer not in (ready := connection.wait([self._consumer, parent.sentinel], timeout=1.0)):
            if ready:
                raise LostParent("the consumer process died")
            self._consumer.send(
                Alive() if waited else Waiting(f"schema id {wanted.schema_id} from the registry, and its table")
            )
            waited = True
        answer = self._consumer.recv()
        if isinstance(answer, Drain):
            raise Drained
        assert isinstance(answer, Sealed)
        answer = answer.open()
        if waited:
            self._consumer.send(Waiting(""))
        return answer


def _unless_refused(answer: SchemaAnswer) -> SchemaAnswer:
    if answer.problem is not None:
        raise SchemaRefused(answer.problem)
    return answer
