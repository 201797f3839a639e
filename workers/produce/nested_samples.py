"""Random values with parts for `rtpipe produce`: arrays, maps, records, unions of several types; small and finite."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from avro_schemas.avro.field_types import FieldType
from avro_schemas.avro.wire_schema import branch_key
from rtpipe.errors import SchemaError
from workers.produce.samples import Clock, drawn, sample_of, sometimes_null

Draw = Callable[[], Any]
MOST_ITEMS = 3  #: of an array or map
MOST_DEPTH = 4  #: types inside types until arrays and maps stay empty and unions are null where they may be
_ENDLESS = 60  #: a value that is so deep all the same has no end


class Draws:
    """Makes the draw of each field of one record, from one random generator."""

    def __init__(self, records: Mapping[str, FieldType], rng: random.Random, clock: Clock) -> None:
        self._records = records
        self._rng = rng
        self._clock = clock
        self._depth = 0

    def of(self, found: FieldType, field: str) -> Draw:
        """The next value of a type, null included; a field's name tells a time in a long."""
        if found.avro_type == "union":
            return self._union(found, field)
        draw = self._value(found, field)
        if not found.nullable or found.avro_type == "null":
            return draw
        sometimes = sometimes_null(draw, self._rng)
        return (lambda: None if self._depth >= MOST_DEPTH else sometimes()) if found.nested else sometimes

    def _value(self, found: FieldType, field: str) -> Draw:
        match found.avro_type:
            case "array":
                item = self._inner(found, field)
                return lambda: [item() for _ in range(self._count())]
            case "map":
                item = self._inner(found, field)
                return lambda: {f"key{number}": item() for number in range(self._count())}
            case "record":
                return self._deeper(self._record(found))
            case "recursive":
                made: list[Draw] = []
                return self._deeper(lambda: self._again(found.name, made))
        return drawn(sample_of(found, field=field), self._rng, self._clock)

    def _record(self, found: FieldType) -> Draw:
        fields = [(name, self.of(inner, name)) for name, inner in found.fields]
        return lambda: {name: draw() for name, draw in fields}

    def _again(self, name: str, made: list[Draw]) -> Any:
        if not made:
            made.append(self._record(self._records[name]))
        return made[0]()

    def _union(self, found: FieldType, field: str) -> Draw:
        branches = [
            (branch_key(number), self.of(branch, field))
            for number, branch in enumerate(found.branches)
            if branch.avro_type != "null"
        ]

        def draw() -> dict[str, Any] | None:
            if found.nullable and (self._depth >= MOST_DEPTH or self._rng.random() < 1 / len(found.branches)):
                return None
            key, inner = branches[0 if self._depth >= MOST_DEPTH else self._rng.randrange(len(branches))]
            return {key: inner()}

        return draw

    def _inner(self, found: FieldType, field: str) -> Draw:
        return self._deeper(self.of(found.inner, field))

    def _count(self) -> int:
        return 0 if self._depth >= MOST_DEPTH else self._rng.randint(0, MOST_ITEMS)

    def _deeper(self, draw: Draw) -> Draw:
        def one_deeper() -> Any:
            if self._depth > _ENDLESS:
                raise SchemaError(
                    "a value of this schema would have no end: a record holds itself, and nothing between them may be"
                    " null or empty"
                )
            self._depth += 1
            try:
                return draw()
            finally:
                self._depth -= 1

        return one_deeper
