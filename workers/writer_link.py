"""Runs in the consumer process: what its writer says and is told, and how the writer's end is reported."""

from __future__ import annotations

import contextlib
import dataclasses
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from rtpipe.errors import ExitCode
from workers.contract.death import DEATH_SECONDS, Death
from workers.contract.errors import WorkerError
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import WORKER_DIED, Drain, Ended
from workers.contract.schema_answers import Sealed


class WriterDied(WorkerError):  # noqa: N818
    """The writer process ended without a word."""

    name = WORKER_DIED


class WriterEnded(Exception):  # noqa: N818
    """The writer said why it left."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.text)
        self.ended = ended


class WriterLink:
    """The consumer's end of the pipe to its writer. The writer alone has the other end, so its death closes it."""

    def __init__(self, key: PartitionKey, connection: Connection) -> None:
        self.connection = connection
        self._key = key

    def send(self, order: Sealed | Drain) -> None:
        """Tell the writer. One that is gone needs no order: how it ended is what `recv` finds next."""
        with contextlib.suppress(ConnectionError):
            self.connection.send(order)

    def recv(self) -> object:
        """The next report. Raises WriterDied, and WriterEnded for the last one."""
        try:
            report = self.connection.recv()
        except (EOFError, OSError) as exc:
            raise self._died() from exc
        if isinstance(report, Ended):
            raise WriterEnded(report)
        return report

    def _died(self) -> WriterDied:
        return WriterDied(f"{self._key}: the writer process died")


def end_with_writer(key: PartitionKey, why: WriterDied | WriterEnded, writer: BaseProcess) -> Ended:
    """What the consumer reports because its writer ended first: how, and what the writer said of it."""
    if isinstance(why, WriterEnded):
        return dataclasses.replace(why.ended, death=Death("writer", why.ended.code, writer.pid))
    writer.join(DEATH_SECONDS)
    death = Death("writer", writer.exitcode, writer.pid)
    return Ended(ExitCode.FAILED, WORKER_DIED, f"{key}: {death}", death=death)
