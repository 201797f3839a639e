"""Why a message is no row: every reason once, with its meaning and what helps. A new reason is added here alone.

docs/errors.md shows the same words, and a test compares them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Self

from avro_schemas.avro.wire_format import WireFormatError
from avro_schemas.registry.topic_schemas import ForeignSchemaError
from avro_schemas.tables.evolution import EvolutionError

_RETRY = "then `rtpipe dead-letters retry`"
_SEND_AGAIN = "let the producer send it again, then `rtpipe dead-letters drop`"


class Reason(enum.StrEnum):
    """A reason is its stable name: it is in `rtpipe_dead_letters`, in logs and in docs/errors.md."""

    meaning: str
    advice: str

    def __new__(cls, name: str, meaning: str, advice: str) -> Self:
        """`meaning` is a sentence, `advice` what somebody does about a dead letter of that reason."""
        reason = str.__new__(cls, name)
        reason._value_ = name
        reason.meaning, reason.advice = meaning, advice
        return reason

    WIRE_FORMAT = (
        WireFormatError.name,
        "The message does not begin with the five bytes that a schema registry's Avro serializer writes.",
        f"Configure the producer with a schema registry's Avro serializer and {_SEND_AGAIN}.",
    )
    UNKNOWN_SCHEMA = (
        "E_UNKNOWN_SCHEMA",
        "The registry does not have the message's schema id.",
        f"Register the schema under that id (was the registry restored from a backup?), {_RETRY}.",
    )
    FOREIGN_SCHEMA = (
        ForeignSchemaError.name,
        "The message's schema id is of no subject of the topic.",
        f"If the schema is one of this topic: set `subject`, or `any_subject = true`, {_RETRY}. Else drop it.",
    )
    DECODE = (
        "E_DECODE",
        "The bytes are not a record of the schema that the message names.",
        f"The producer's schema id and its bytes do not belong together: {_SEND_AGAIN}.",
    )
    VALUE = (
        "E_VALUE",
        "A field holds what its column cannot, or the server refuses the row.",
        f"Make the column take the value (a wider type, `nonfinite`, no constraint), {_RETRY}.",
    )
    UNFIT_TABLE = (
        EvolutionError.name,
        "The table must change before the message can be a row. A running partition stops there; a retry continues.",
        f"`rtpipe table plan` shows the change, `rtpipe table apply` makes it, {_RETRY}.",
    )
    TOO_LARGE = (
        "E_TOO_LARGE",
        "The row is larger than a statement or a transaction of the server may be.",
        f"Raise the limit of the server that the text names (`max_allowed_packet`), {_RETRY}.",
    )
    KEY = (
        "E_KEY",
        "A tombstone should delete a row, but its key does not say which one.",
        f"Set `key_format` to the format of the topic's keys, {_RETRY}.",
    )
    NULL_VALUE = (
        "E_NULL_VALUE",
        "The message has no value (a tombstone), and the topic's settings do not say what one does.",
        f"Set `tombstones` for the topic, {_RETRY}.",
    )
    DISCARDED = (
        "E_DISCARDED",
        'The table does not fit the message\'s schema, and the topic has `evolution = "discard_row"`.',
        f"Change the table as `rtpipe table plan` shows, or set another `evolution`, {_RETRY}.",
    )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one message is no row; `why` never quotes a value of it."""

    reason: Reason
    why: str
    field: str = ""  #: of the schema, "" if it is not about one

    def __str__(self) -> str:
        return (f"field {self.field}: " if self.field else "") + self.why


def advice_for(name: str) -> str:
    """What to do about a dead letter by the name of its error, which another version may have written."""
    advice = {reason.value: reason.advice for reason in Reason}
    return advice.get(name, f"Repair what the error says, {_RETRY}.")
