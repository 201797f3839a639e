"""What a person asks of the journal: the last changes of a partition's offset, or those that read an offset."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select

from avro_schemas import naming
from avro_schemas.tables.own_tables.journal import JOURNAL
from supervisor.admin.connection import admin_connection
from supervisor.settings.settings import Settings
from workers.contract.partition_spec import PartitionKey

_COLUMNS = [column for column in JOURNAL.c if column.name not in {"id", "topic", "partition", "consumer_group"}]


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One change of a row of kafka_offsets: messages `first_offset` <= offset < `next_offset`, and what they became."""

    kind: str
    first_offset: int
    next_offset: int
    messages: int
    rows_written: int
    dead_letters: int
    epoch: int
    owner: str
    written_at: dt.datetime  #: UTC, without a zone


def read_journal(settings: Settings, key: PartitionKey, offset: int | None, limit: int) -> Sequence[JournalRow]:
    """The last `limit` rows in their order, with `offset` only those that cover it. Raises as `admin_connection`."""
    group = settings.topic(key.topic).group or naming.group_for(key.topic)
    columns = JOURNAL.c
    where = [columns.topic == key.topic, columns["partition"] == key.partition, columns.consumer_group == group]
    if offset is not None:
        where += [columns.next_offset > offset, columns.first_offset <= offset]
    by_number = (columns.id + 0).desc()  # else a server may look for one partition's rows in all that there are
    query = select(*_COLUMNS).where(and_(*where)).order_by(by_number).limit(limit)
    url, silence = settings.database_url.get_secret_value(), settings.database_seconds
    with admin_connection(url, silence, JOURNAL.name, f"reading the journal of {key}", writes=False) as connection:
        found = connection.execute(query).all()
    return [JournalRow(*row) for row in reversed(found)]
