"""The key columns of messages, as the writer itself works them out: where rows go by key, they lead to the row."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from rtpipe.errors import RtpipeError
from supervisor.peek.peeked import Peeked
from supervisor.schemas.schema_requests import SchemaRequests
from supervisor.schemas.table_preview import TablePreview
from supervisor.settings.accounts import accounts
from supervisor.settings.fields.registry_settings import open_registry
from supervisor.settings.settings import Settings
from workers.commit.encoding.batch_encoder import BatchEncoder, TableMustChange
from workers.contract.batch import Batch
from workers.contract.packed_bytes import PackedBytes
from workers.contract.partition_spec import PartitionKey, PartitionSpec
from workers.rows.schema_source import SchemaSource

#: Bytes: nothing is sent, so no row is too large.
_NO_LIMIT = 1 << 40


class MessageKeys:
    """Of one topic; changes no table."""

    def __init__(self, settings: Settings) -> None:
        self._requests = SchemaRequests(
            lambda: open_registry(settings), TablePreview(accounts(settings)), patient=False
        )
        self._encoders: dict[PartitionKey, BatchEncoder] = {}

    def literals(self, spec: PartitionSpec, messages: Sequence[Peeked]) -> tuple[dict[int, str], str]:
        """The key of each message of one partition that has one, by offset; and why others have none, "" if all have.

        The messages are in the order of their offsets.
        """
        encoder = self._encoder(spec)
        try:
            encoded = encoder.encode(_batch(messages), _NO_LIMIT)
        except TableMustChange as change:
            return {}, change.error.message
        except RtpipeError as error:  # of the newest schema, which says how the key of a tombstone is read
            return {}, error.message
        why = next((str(refusal) for refusal in encoded.refused.values()), "")
        return {encoded.batch.offsets[index]: key for index, key in encoded.keys.items()}, why

    def _encoder(self, spec: PartitionSpec) -> BatchEncoder:
        if spec.key not in self._encoders:
            source = SchemaSource(lambda wanted: self._requests.answer(spec, wanted))
            self._encoders[spec.key] = BatchEncoder(spec, source, hold=False)
        return self._encoders[spec.key]


def _batch(messages: Sequence[Peeked]) -> Batch:
    return Batch(
        first=messages[0].offset,
        next_offset=messages[-1].offset + 1,
        leader_epoch=-1,
        offsets=[message.offset for message in messages],
        values=PackedBytes([message.raw_value for message in messages]),
        keys=PackedBytes([message.raw_key for message in messages]),
        timestamps=array("q", [message.timestamp for message in messages]),
        headers={at: message.headers for at, message in enumerate(messages) if message.headers},
    )
