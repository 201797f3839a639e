"""What a worker gets at its start: frozen and plain, since it crosses a process boundary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from avro_schemas.registry.subject_names import SubjectNames
from avro_schemas.tables.rules import TableRules
from rtpipe.secret_files import current_properties, current_url


@dataclass(frozen=True, slots=True, order=True)
class PartitionKey:
    """One partition of one topic, written `dataset1/0` in logs and messages."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a batch and a queue. Memory of one partition: about `queue_batches` x `batch_bytes`."""

    batch_rows: int
    batch_bytes: int
    linger_seconds: float  #: how long a batch that is not full waits for more messages, at least
    cpu_share: float  #: of a core: what the writer may spend on batches that are not full
    queue_batches: int
    queue_low: int  #: backpressure ends once no more than this many batches wait


@dataclass(frozen=True, slots=True)
class PartitionSpec:
    """Everything one worker needs; made by the supervisor, read by consumer and writer.

    What a setting says has no default here: the settings own it.
    """

    key: PartitionKey
    group: str  #: consumer group that names the row in kafka_offsets
    table: str
    first_offset: int  #: where to begin if kafka_offsets has no row yet: the log's first offset; -1: not known yet
    topic_id: str
    cluster_id: str
    kafka: Mapping[str, str] = field(repr=False)  #: librdkafka properties; may hold a password
    database_url: str = field(repr=False)
    rules: TableRules
    subjects: SubjectNames  #: of the registry, that have the topic's schemas
    dead_letters: bool  #: a message that cannot be a row becomes one; else it stops the partition
    dead_letters_per_minute: int  #: more of them stop the partition; 0: no limit
    limits: Limits
    log_format: str
    log_level: str
    database_seconds: int  #: a database that is silent for so long counts as gone
    load_data: bool  #: rows go by LOAD DATA LOCAL where server and table take it
    journal: bool  #: each change of its row in kafka_offsets is a row of rtpipe_journal, too
    heartbeat_every: float  #: seconds between two signs of life while there is nothing to do
    database_url_file: str = ""  #: where the URL came from: read again at each connection
    kafka_file: str = ""  #: where some of `kafka` came from: read again at each start
    step_over: int | None = None  #: the message at this offset becomes a dead letter if it is no row, whatever is set
    rows_per_second: float = 0.0  #: that it begins with; 0: no limit
    supervisor: str = ""  #: names the supervisor in the row's owner, so that its workers know each other
    last_epoch: int = -1  #: of its last claim under this supervisor; -1: none, so it may claim from any owner
    known: bool = False  #: it ran before under this supervisor: its row in kafka_offsets must be there
    armed: str = ""  #: kill point a test has armed, "" in real life

    def current_database_url(self) -> str:
        """The URL as it is by now."""
        return current_url(self.database_url, self.database_url_file)

    def renewed(self) -> PartitionSpec:
        """For another start: with what the files of secrets hold by now."""
        return replace(self, kafka=current_properties(dict(self.kafka), self.kafka_file))
