"""Where a writer gets the schema of an id that it has not met: it asks the supervisor and waits."""

from __future__ import annotations

import multiprocessing
from multiprocessing import connection
from multiprocessing.connection import Connection
from typing import Any

from avro_schemas.errors import ExitCode, SchemaError
from workers.errors import LostParent, WorkerError
from workers.reports import Alive, Drain, Ended, SchemaAnswer, SchemaWanted, Waiting


class RegistryRefused(WorkerError):  # noqa: N818
    """The registry answered, but not about the schema: with the code and name that the supervisor gave it."""

    def __init__(self, problem: Ended) -> None:
        super().__init__(problem.text)
        self.exit_code, self.name = problem.code, problem.name


class Drained(Exception):  # noqa: N818 - no error: what was not committed is still in Kafka
    """The worker stops before the schema came, so the batch in hand is not written."""


class SchemaSource:
    """Asks over the writer's link; the consumer passes question and answer on."""

    def __init__(self, consumer: Connection) -> None:
        self._consumer = consumer

    def schema_by_id(self, schema_id: int) -> dict[str, Any]:
        """The schema, after as long as the registry takes. SchemaError if the registry does not have it.

        Raises Drained if the worker is to stop meanwhile.
        """
        self._consumer.send(SchemaWanted(schema_id))
        parent = multiprocessing.parent_process()
        assert parent is not None
        waited = False
        while self._consumer not in (ready := connection.wait([self._consumer, parent.sentinel], timeout=1.0)):
            if ready:
                raise LostParent("the consumer process died")
            self._consumer.send(Alive() if waited else Waiting(f"schema id {schema_id} from the registry"))
            waited = True
        answer = self._consumer.recv()
        if isinstance(answer, Drain):
            raise Drained
        assert isinstance(answer, SchemaAnswer)
        if waited:
            self._consumer.send(Waiting(""))
        if answer.schema is not None:
            return answer.schema
        assert answer.problem is not None
        if answer.problem.code == ExitCode.SCHEMA_REFUSED:
            raise SchemaError(answer.problem.text)
        raise RegistryRefused(answer.problem)
