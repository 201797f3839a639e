"""Whether a writer may claim a partition, by what its row in kafka_offsets says; pure."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from typing import Any

from sqlalchemy import Row

from workers.contract.errors import Fenced, TopicChangedError
from workers.contract.partition_spec import PartitionSpec


def owner_of(spec: PartitionSpec) -> str:
    """The writer: its host, its process, and whose worker it is."""
    return f"{socket.gethostname()[:128]}:{os.getpid()}{owner_suffix(spec)}"


def owner_suffix(spec: PartitionSpec) -> str:
    """How the owner ends in a row that a worker of this supervisor claimed."""
    return f" of supervisor {spec.supervisor}" if spec.supervisor else ""


def check_owner(spec: PartitionSpec, row: Row[Any]) -> None:
    """Fenced if another supervisor claimed the partition since ours had it."""
    taken = spec.last_epoch >= 0 and row.epoch > spec.last_epoch
    if taken and row.owner and not row.owner.endswith(owner_suffix(spec)):
        raise Fenced(
            f"{spec.key}: {row.owner} claimed the partition with epoch {row.epoch}",
            hint=f"rtpipe resume {spec.key} takes it back",
        )


def check_identity(spec: PartitionSpec, row: Row[Any]) -> None:
    """TopicChangedError if the offset is one of another topic or cluster."""
    for what, stored, found in (
        ("topic", row.topic_id, spec.topic_id),
        ("cluster", row.cluster_id, spec.cluster_id),
    ):
        if stored and found and stored != found:
            raise TopicChangedError(
                f"{spec.key}: {what} id changed {stored} -> {found}; the stored offset {row.offset}"
                f" belongs to the old {what}",
                hint=f"nothing was written; if the new {what} is meant: rtpipe adopt {spec.key.topic}",
            )


def check_siblings(spec: PartitionSpec, topic_ids: Collection[str | None]) -> None:
    """A partition that is new to us belongs to the topic of the others, by the ids in their rows, or a person decides
    about it, too: TopicChangedError.
    """
    stored = {one for one in topic_ids if one}
    if stored and spec.topic_id and spec.topic_id not in stored:
        raise TopicChangedError(
            f"{spec.key}: topic id {spec.topic_id}; the stored offsets of the other partitions belong"
            f" to {', '.join(sorted(stored))}",
            hint=f"nothing was written; if the new topic is meant: rtpipe adopt {spec.key.topic}",
        )
