"""What a trial found out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rtpipe.errors import ExitCode, RtpipeError
from workers.commit.table_writer import Written
from workers.contract.batch_figures import NO_TIME, PhaseSeconds
from workers.contract.partition_spec import PartitionKey

#: Dead letters of a reason that are kept as examples, for each partition.
_EXAMPLES = 3


@dataclass(slots=True)
class PartitionTrial:
    """One partition; filled while its trial runs."""

    key: PartitionKey
    first: int  #: the offset where it began
    next_offset: int  #: the offset up to which it came
    messages: int = 0
    rows: int = 0  #: messages that would take effect on the table
    encoded_only: int = 0  #: of all messages: the server was not asked
    altered: int = 0  #: values that would be stored changed, as the settings allow
    dead: Counter[str] = field(default_factory=Counter)  #: dead letters by reason
    examples: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  #: reason -> offsets, and why
    seconds: PhaseSeconds = NO_TIME
    stop: RtpipeError | None = None  #: what would stop the partition at `next_offset`
    note: str = ""  #: why messages were encoded only

    @property
    def ignored(self) -> int:
        """Tombstones that do nothing."""
        return self.messages - self.rows - self.dead.total()

    def add(self, written: Written) -> None:
        """One transaction, as it would be committed."""
        self.next_offset = written.next_offset
        self.messages += written.messages
        self.rows += written.rows
        self.altered += written.altered
        self.dead += written.dead
        for offset in sorted(written.refused):
            refusal = written.refused[offset]
            examples = self.examples.setdefault(refusal.reason.value, [])
            if len(examples) < _EXAMPLES:
                examples.append((offset, str(refusal)))


@dataclass(frozen=True, slots=True)
class TopicTrial:
    """All partitions of a topic, and what its table lacks."""

    topic: str
    table: str
    partitions: Sequence[PartitionTrial]
    missing: bool  #: there is no such table
    statements: Sequence[str]  #: DDL that would be needed, in its order
    statements_note: str = ""  #: why the DDL is not known

    @property
    def stops(self) -> bool:
        """Whether a partition would stop."""
        return any(one.stop is not None for one in self.partitions)


def exit_code_of(trials: Sequence[TopicTrial]) -> ExitCode:
    """DIFFERENT: something would stop, or a table must change. DEAD_LETTERS: nothing but these."""
    if any(one.stops or one.missing or one.statements for one in trials):
        return ExitCode.DIFFERENT
    dead = any(partition.dead for one in trials for partition in one.partitions)
    return ExitCode.DEAD_LETTERS if dead else ExitCode.DONE
