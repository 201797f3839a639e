"""Values that are not in the registry's wire format: the refusal of each says what it looks like; pure."""

from __future__ import annotations

from avro_schemas.avro.message_format import Look, look_of_headers, look_of_value
from avro_schemas.avro.wire_format import unread
from workers.contract.batch import Batch
from workers.contract.refusal import Reason, Refusal


def header_refusals(batch: Batch) -> dict[int, Refusal]:
    """The messages of a batch whose headers hold the id of their schema, by index: their values have none in front."""
    return {
        index: _refusal(look, value)
        for index, headers in batch.headers.items()
        if headers and (look := look_of_headers(headers, "value")) and (value := batch.values[index]) is not None
    }


def of_this_value(refusal: Refusal, value: bytes) -> Refusal:
    """The refusal of all messages with the same first bytes, as that of one of them, all of which is there."""
    look = look_of_value(value)
    is_said = look.kind == "registry" or refusal.reason not in {Reason.WIRE_FORMAT, Reason.UNKNOWN_SCHEMA}
    return refusal if is_said else _refusal(look, value)


def _refusal(look: Look, value: bytes) -> Refusal:
    error = unread(look, len(value))
    return Refusal(Reason.WIRE_FORMAT, f"{error.message}: {error.hint}")
