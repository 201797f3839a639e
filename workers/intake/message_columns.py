"""What a poll gave, column by column; pure.

Column by column, since a turn for each message would cost as much as librdkafka does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import add, lt
from typing import TYPE_CHECKING, Any, NamedTuple

from workers.contract.batch import Headers

if TYPE_CHECKING:
    from confluent_kafka import Message

_NAMELESS = object()


class MessageColumns(NamedTuple):  # made at each poll, so no frozen dataclass, which takes longer to make
    """Messages that were polled together; each column has one value for each of them."""

    offsets: Sequence[int]  #: a range while none is missing
    values: Sequence[bytes | None]
    keys: Sequence[bytes | None]
    timestamps: Sequence[int]  #: milliseconds since 1970
    headers: Mapping[int, Headers | None]  #: of those that have any, by their index
    sizes: Sequence[int]  #: bytes of value, key and headers


def columns_of(messages: Sequence[Message], offsets: Sequence[int]) -> MessageColumns:
    """The columns of messages, of which there is at least one, with their offsets."""
    kind = type(messages[0])  # whose methods are called in C: a loop here would cost as much as the answers
    values, keys = list(map(kind.value, messages)), list(map(kind.key, messages))
    timestamps = [time for _, time in map(kind.timestamp, messages)]
    headers = headers_of(messages)
    return MessageColumns(offsets, values, keys, timestamps, headers, _sizes(values, keys, headers))


def fresh(messages: Sequence[Message], reached: int) -> tuple[Sequence[Message], Sequence[int]]:
    """The messages from the offset `reached` on, in the order of their offsets, and these: others are covered already
    (a fetch that was repeated).
    """
    offsets: list[Any] = list(map(type(messages[0]).offset, messages)) if messages else []
    if offsets and offsets[0] >= reached:
        whole = range(offsets[0], offsets[0] + len(offsets))
        if offsets == list(whole):  # as nearly always
            return messages, whole
    if not offsets or (offsets[0] >= reached and all(map(lt, offsets, offsets[1:]))):
        return messages, offsets
    found: dict[int, Message] = {}
    for offset, message in zip(offsets, messages, strict=True):
        if offset >= reached:
            found[offset], reached = message, offset + 1
    return list(found.values()), list(found)


def headers_of(messages: Sequence[Message]) -> dict[int, Headers | None]:
    """Headers of the messages that have any, by index; None if the client cannot give them, since a name is no UTF-8.

    Asked once for each message: after a failure the client's answer is a crash.
    """
    answers: list[Any] = []
    unasked = iter(messages)
    while len(answers) < len(messages):
        try:
            answers.extend(map(type(messages[0]).headers, unasked))  # those before a failure stay
        except (SystemError, UnicodeDecodeError):
            answers.append(_NAMELESS)
    if not any(answers):
        return {}
    return {at: None if found is _NAMELESS else found for at, found in enumerate(answers) if found}


def _sizes(
    values: Sequence[bytes | None], keys: Sequence[bytes | None], headers: Mapping[int, Headers | None]
) -> list[int]:
    sizes = _lengths(values)
    if any(keys):
        sizes = list(map(add, sizes, _lengths(keys)))
    for at, found in headers.items():
        sizes[at] += sum(len(name) + len(content or b"") for name, content in found or ())
    return sizes


def _lengths(some: Sequence[bytes | None]) -> list[int]:
    try:
        return list(map(len, some))  # type: ignore[arg-type]  # None has no length, and is rare
    except TypeError:
        return [len(one or b"") for one in some]
