"""A schema registry inside the test."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from avro_schemas.registry.errors import SchemaNotFoundError
from rtpipe.errors import RtpipeError


def schema(number: int, name: str = "r") -> dict[str, Any]:
    return {"type": "record", "name": name, "doc": str(number), "fields": [{"name": "id", "type": "int"}]}


@dataclass
class FakeRegistry:
    """Schemas by id, the subjects of each, and what is answered instead for as many times."""

    schemas: dict[int, Any]
    subjects: dict[int, list[str]] = field(default_factory=dict)
    troubles: dict[int, list[RtpipeError]] = field(default_factory=dict)
    aliases: set[tuple[str, int]] = field(default_factory=set)
    lists_subjects: bool = True
    newest_of: dict[str, int] = field(default_factory=dict)  #: subject -> id
    versions_of: dict[str, list[int]] = field(default_factory=dict)  #: subject -> ids, the oldest first
    asked: list[tuple[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def schema_by_id(self, schema_id: int) -> Any:
        with self.lock:
            self.asked.append(("schema", schema_id))
            if self.troubles.get(schema_id):
                raise self.troubles[schema_id].pop()
        if schema_id not in self.schemas:
            raise SchemaNotFoundError(f"no id {schema_id}")
        return self.schemas[schema_id]

    def subjects_of(self, schema_id: int) -> list[str]:
        self.asked.append(("subjects", schema_id))
        return self.subjects.get(schema_id, ["t-value"]) if self.lists_subjects else []

    def is_under(self, subject: str, schema_id: int) -> bool:
        self.asked.append((subject, schema_id))
        return (subject, schema_id) in self.aliases

    def newest(self, subject: str) -> tuple[int, Any] | None:
        self.asked.append(("newest", subject))
        number = self.newest_of.get(subject)
        return None if number is None else (number, self.schemas[number])

    def versions(self, subject: str) -> list[tuple[int, Any]]:
        return [(number, self.schemas[number]) for number in self.versions_of.get(subject, ())]

    def close(self) -> None:
        self.asked.append(("close", None))
