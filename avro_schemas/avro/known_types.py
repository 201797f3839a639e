"""The named types of one schema, by which it may use them again."""

from __future__ import annotations

from avro_schemas.avro.field_types import PRIMITIVES, FieldType
from avro_schemas.avro.named_types import full_name
from rtpipe.errors import SchemaError


class KnownTypes:
    """Types by their full names, in the order of the schema's text: some still being read, some done."""

    def __init__(self, record: str) -> None:
        """`record`: the full name of the outermost one, which is being read; "" if it has none."""
        self._types: dict[str, FieldType | None] = {record: None} if record else {}  # None: still being read
        self.recursive = False  #: one was used inside itself

    def begin(self, name: str, words: str) -> None:
        """A type of this full name is read from here on. SchemaError, with its place in `words`, if there is one."""
        if name in self._types or name in PRIMITIVES:
            raise SchemaError(f"{words}: the name {name!r} is taken already")
        self._types[name] = None

    def end(self, name: str, found: FieldType) -> FieldType:
        """It is this one."""
        self._types[name] = found
        return found

    def find(self, word: str, namespace: str) -> FieldType | None:
        """What `word` means in a namespace: a type, or that it is one around this place; None if it is none."""
        full = full_name(word, namespace)
        if full not in self._types:  # as Avro for Java does: one that is not in this namespace may be in none
            full = word
        if full not in self._types:
            return None
        if found := self._types[full]:
            return found
        self.recursive = True
        return FieldType("recursive", name=full)

    @property
    def names(self) -> list[str]:
        """All of them, sorted."""
        return sorted(filter(None, self._types))

    @property
    def records(self) -> dict[str, FieldType]:
        """The records that are done."""
        return {name: found for name, found in self._types.items() if found and found.avro_type == "record"}
