"""Messages as librdkafka gives them, without librdkafka."""

from __future__ import annotations

from typing import Any, NamedTuple


class FakeMessage(NamedTuple):
    """As librdkafka's, without librdkafka."""

    at: int
    content: bytes
    epoch: int | None
    pairs: list[tuple[str, bytes | None]] | None = None

    def offset(self) -> int:
        return self.at

    def error(self) -> None:
        """None: it is a message, and no event."""

    def value(self) -> bytes:
        return self.content

    def key(self) -> bytes:
        return b"k"

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_000 + self.at

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        if self.content == b"headers that are no UTF-8":
            raise SystemError("headers() returned a result with an exception set")
        return self.pairs

    def leader_epoch(self) -> int | None:
        return self.epoch


def message(at: int, content: bytes, epoch: int | None, pairs: Any = None) -> Any:
    return FakeMessage(at, content, epoch, pairs)
