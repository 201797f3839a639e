"""Where in a document of JSON Schema the conversion is, for names and for errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from rtpipe.errors import SchemaError


@dataclass(frozen=True, slots=True)
class Location:
    """Where a schema stands: in words, what a type of it would be called, and the notes of the field around it."""

    words: str
    word: str
    parent: str = ""
    depth: int = 0
    following: frozenset[int] = frozenset()  # the targets of references since the last record began
    notes: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        """The words, also at the top."""
        return self.words or "the document"

    def inside(self, words: str) -> Location:
        """One level further in."""
        return replace(self, words=f"{self.words}, {words}" if self.words else words, depth=self.depth + 1)


@contextmanager
def located(location: Location) -> Iterator[None]:
    """Adds the place to what is wrong there."""
    try:
        yield
    except SchemaError as error:
        raise SchemaError(f"{location.place}: {error.message}", hint=error.hint) from error
