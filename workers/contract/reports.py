"""What workers and their supervisor tell each other, each frozen and plain.

Up, from the consumer process:   Waiting, Running, Progress, Alive, SchemaWanted, Warned, Logged, Ended
Down, to the consumer process:   Drain, Pace, Sealed (answers about a schema, see schema_answers.py)
Inside a worker, writer to consumer:   Claimed, Committed, Waiting, Alive, SchemaWanted, Warned, Logged, Ended
Inside a worker, consumer to writer:   Sealed, or Drain instead of it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rtpipe.errors import ExitCode, RtpipeError
from workers.contract.batch_figures import NO_FIGURES, NO_TIME, BatchFigures, PhaseSeconds
from workers.contract.death import Death
from workers.contract.errors import WorkerError
from workers.contract.plain import Plain


@dataclass(frozen=True, slots=True)
class Position:
    """What a writer owns: a partition from `offset` on, under `epoch`. `leader_epoch` -1 means unknown."""

    epoch: int
    offset: int
    leader_epoch: int = -1


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """The database server, as a writer saw it when it claimed its partition."""

    version: str  #: as the server says it, such as `9.7.4` or `11.8.8-MariaDB`
    round_trip: float  #: seconds that the shortest question took


@dataclass(frozen=True, slots=True)
class Claimed:
    """The writer owns the partition; the consumer may start at `position.offset`."""

    writer_pid: int
    position: Position
    server: ServerSeen | None = None


@dataclass(frozen=True, slots=True)
class Committed(Plain):
    """Messages and their offset are in the database, by one transaction; `offset` is the next to consume.

    Rows and dead letters are counted as the transaction counted them in kafka_offsets.
    """

    offset: int
    messages: int
    rows: int  #: messages that took effect on the table
    dead: int  #: messages that became dead letters
    seconds: float  #: from taking the batch off the queue, or from the transaction before, to the COMMIT's reply
    cpu_seconds: float  #: that the writer process spent meanwhile
    altered: int = 0  #: values that lossy columns changed
    ends_batch: bool = True  #: all of the batch is committed
    reasons: Mapping[str, int] = field(default_factory=dict)  #: dead letters by the names of their reasons
    phases: PhaseSeconds = NO_TIME  #: where the writer's time went since the transaction before
    deletes: int = 0  #: of `rows`, those that delete by their keys
    reconnects: int = 0  #: connections of the writer so far, beyond its first


@dataclass(frozen=True, slots=True)
class Waiting:
    """The writer waits for the database or the registry; an empty `reason` ends it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Warned:
    """What a person should mend though the partition runs; it holds until another one comes, an empty one ends it."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The last word of a process: why it leaves. Text, because driver exceptions may not pickle."""

    code: ExitCode
    name: str
    text: str
    lasting: bool = False  #: starting again cannot help, whatever the code says
    death: Death | None = None  #: of the writer, where it ended before its consumer
    offset: int | None = None  #: of the message that is no row, if that is why it leaves

    @classmethod
    def by(cls, error: RtpipeError) -> Ended:
        """The end that `error` is."""
        text = error.message + (f" ({error.hint})" if error.hint else "")
        offset = error.offset if isinstance(error, WorkerError) else None
        return cls(error.exit_code, error.name, text, error.lasting, offset=offset)


#: What a schema is wanted for: the values of an id, the keys of an id, or the newest values there are (no id).
Use = Literal["value", "key", "newest"]


@dataclass(frozen=True, slots=True)
class SchemaWanted:
    """The writer met a schema id that it does not know, and waits."""

    schema_id: int
    use: Use = "value"
    again: bool = False  #: the table was not as the last answer said
    also: tuple[int, ...] = ()  #: ids of values that will be asked for next: answered together, they cost less


@dataclass(frozen=True, slots=True)
class Alive(Plain):
    """A sign of life, also of a process that has nothing to do; upwards it says how long the writer has given none."""

    writer_silent: float = 0.0  #: seconds


@dataclass(frozen=True, slots=True)
class Running:
    """The consumer reads: the partition is claimed and assigned."""

    writer_pid: int
    epoch: int
    offset: int
    server: ServerSeen | None = None


#: What ends a batch: its rows, its bytes, its age, or the stream, which a drain ends.
Limit = Literal["rows", "bytes", "linger", "end"]


@dataclass(frozen=True, slots=True)
class Progress(Plain):
    """Where a worker is; sent when something changed, a few times a second at most."""

    offset: int  #: next offset to consume by kafka_offsets
    end_offset: int  #: end of the log as the consumer last saw it, -1 if not yet known
    rows: int  #: rows committed by this generation
    dead: int  #: dead letters committed by it
    batches: int
    queue_depth: int  #: batches waiting for the writer
    backpressure: bool
    waiting_for: str  #: why the worker waits for a service, "" if it does not
    altered: int = 0  #: values that lossy columns changed, by it
    limited_by: Limit | None = None  #: the last batch
    oldest: int | None = None  #: when the oldest message was produced that was read and is not committed, ms since 1970
    figures: BatchFigures = NO_FIGURES  #: of the batches of this generation
    slowed: bool = False  #: there is more to read, and its pace does not allow it
    buffered: int = 0  #: messages that were read and are not committed


#: Before a generation's first word.
NOTHING_YET = Progress(0, -1, 0, 0, 0, 0, backpressure=False, waiting_for="")
#: The name of an end that came by the drain's deadline.
DRAIN_FORCED = "E_DRAIN_FORCED"
#: The name of an end without a clean word.
WORKER_DIED = "E_WORKER_DIED"
#: The name of too many deaths without progress.
QUARANTINED = "E_QUARANTINED"


@dataclass(frozen=True, slots=True)
class Pace:
    """Read so many messages a second at most from now on; 0: as many as you can."""

    rows_per_second: float


@dataclass(frozen=True, slots=True)
class Drain:
    """Stop reading, let the writer commit what is queued for at most `seconds`, leave."""

    seconds: float
