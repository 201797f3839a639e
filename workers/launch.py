"""The door into a worker: light to import, so that the supervisor need not load what only workers use."""

from __future__ import annotations

from multiprocessing.connection import Connection

from workers.contract.partition_spec import PartitionSpec
from workers.contract.stacks_file import StacksFile


def run(spec: PartitionSpec, supervisor: Connection, stacks: StacksFile) -> None:
    """Become the consumer process; its modules are in memory already, by the forkserver's preload."""
    from workers import consumer_process  # noqa: PLC0415 - the reason for this module

    consumer_process.main(spec, supervisor, stacks)
