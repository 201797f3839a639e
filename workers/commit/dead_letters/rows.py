"""Messages that cannot be rows -> INSERTs for `rtpipe_dead_letters`, to run in the transaction of their batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from avro_schemas.avro.wire_format import WireFormatError, schema_id_of
from avro_schemas.tables.own_tables.dead_letters import DEAD_LETTERS, MAX_TEXT
from rtpipe.mysql.quoting import binary_literal, quoted, quoted_list, quoted_text
from workers.contract.batch import Batch
from workers.contract.partition_spec import PartitionSpec
from workers.contract.refusal import Refusal
from workers.rows.metadata_literals import headers_json, moment_text

_COLUMNS = [str(column.name) for column in DEAD_LETTERS.columns]
_NEWER = [str(column.name) for column in DEAD_LETTERS.columns if not column.primary_key]
_PREFIX = f"INSERT INTO {DEAD_LETTERS.name} ({quoted_list(_COLUMNS)}) VALUES ".encode()
#: How the text of a dead letter ends whose value, key or headers could not be kept.
NOT_KEPT = "more than max_allowed_packet takes and are in Kafka alone"
#: A message that is read again, since the offset was set back, replaces its dead letter.
_REPLACED = ", ".join(f"{name} = VALUES({name})" for name in map(quoted, _NEWER))
_SUFFIX = f" ON DUPLICATE KEY UPDATE {_REPLACED}".encode()


def dead_letter_statements(
    spec: PartitionSpec, batch: Batch, refused: Mapping[int, Refusal], max_packet: int
) -> Iterator[bytes]:
    """Statements of at most `max_packet` bytes that write a dead letter for each refused message of the batch."""
    room = max_packet - len(_PREFIX) - len(_SUFFIX)
    gathered: list[bytes] = []
    size = 0
    for at in sorted(refused):
        row = _literal(spec, batch, at, refused[at], room)
        if gathered and size + len(row) + 1 > room:
            yield _PREFIX + b",".join(gathered) + _SUFFIX
            gathered, size = [], 0
        gathered.append(row)
        size += len(row) + 1
    if gathered:
        yield _PREFIX + b",".join(gathered) + _SUFFIX


def _literal(spec: PartitionSpec, batch: Batch, at: int, refusal: Refusal, room: int) -> bytes:
    """The row literal; a value that no statement can carry stays in Kafka alone, and the text says so."""
    value, text = batch.values[at], dead_letter_text(refusal)
    content = [_binary(batch.keys[at]), _binary(value), _text(headers_json(batch.headers.get(at)))]
    before = [
        _text(spec.key.topic),
        b"%d" % spec.key.partition,
        b"%d" % batch.offsets[at],
        _text(spec.group),
        _text(spec.topic_id),
        _text(moment_text(batch.timestamps[at])),
    ]
    most = room - 6 * MAX_TEXT
    if sum(map(len, content)) > most:
        content = [part if 4 * len(part) < most else b"NULL" for part in content]
        text = dead_letter_text(refusal, size_not_kept=len(value or b""))
    after = [_schema_id(value), _text(refusal.reason), _text(text), _text(spec.table), b"UTC_TIMESTAMP(6)", b"NULL"]
    return b"(" + b",".join(before + content + after) + b")"


def dead_letter_text(refusal: Refusal, *, size_not_kept: int | None = None) -> str:
    """The text of a dead letter; where its content is not kept, it says so, whatever must give way."""
    note = "" if size_not_kept is None else f"; its {size_not_kept:,} bytes are {NOT_KEPT}"
    return str(refusal)[: MAX_TEXT - len(note)] + note


def _text(value: str | None) -> bytes:
    return b"NULL" if value is None else quoted_text(value).encode()


def _binary(value: bytes | None) -> bytes:
    return b"NULL" if value is None else binary_literal(value)


def _schema_id(value: bytes | None) -> bytes:
    try:
        return b"NULL" if value is None else b"%d" % schema_id_of(value)
    except WireFormatError:
        return b"NULL"
