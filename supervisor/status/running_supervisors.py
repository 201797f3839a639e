"""What the supervisors of this machine answer to `rtpipe status`, and what to say where none answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtpipe.errors import UnreachableError
from supervisor.control.control_socket import ask_all, sockets_in
from supervisor.status.facts.pipeline_status import SCHEMA_VERSION, PipelineStatus
from supervisor.status.supervisors_elsewhere import describe, find_elsewhere, how_to_look

_WELL = {"running", "stopping", "stopped"}


@dataclass(frozen=True, slots=True)
class StatusAnswers:
    """The replies of all supervisors that listen in one directory, as they came."""

    directory: Path
    replies: Sequence[dict[str, Any]]
    silent: int  #: supervisors that listen there and do not answer

    @property
    def pipelines(self) -> list[PipelineStatus]:
        """The replies, read."""
        return [PipelineStatus.from_json(reply) for reply in self.replies]

    @property
    def well(self) -> bool:
        """Whether every supervisor answers, and every partition runs or ends as asked."""
        found = self.pipelines
        return self.silent <= 0 and bool(found) and all(one.partitions and is_well(one) for one in found)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"schema_version": SCHEMA_VERSION, "supervisors": list(self.replies)}


def is_well(pipeline: PipelineStatus) -> bool:
    """Whether every partition runs or ends as asked."""
    return {partition.state for partition in pipeline.partitions} <= _WELL


def ask_for_status(directory: Path) -> StatusAnswers:
    """Ask every supervisor that listens in `directory`."""
    replies = ask_all(directory, "status")
    return StatusAnswers(directory, replies, len(sockets_in(directory)) - len(replies))


def nobody_answers(directory: Path) -> UnreachableError:
    """Why there is no answer, and where there is one."""
    if left := sockets_in(directory):
        return UnreachableError(
            f"the supervisor that listens at {left[0]} does not answer",
            hint="its process hangs or is stopped; its log says what it did last",
        )
    message, way = f"no supervisor runs here (looked in {directory})", ""
    if elsewhere := find_elsewhere(directory):
        message, way = f"{message}; {describe(elsewhere)}", f"look there: {how_to_look(elsewhere[0])}; or "
    return UnreachableError(message, hint=f"{way}start one: rtpipe supervise --topics …")
