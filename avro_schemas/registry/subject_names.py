"""Under which subjects the registry keeps the schemas of a topic: the one place that knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from avro_schemas.avro.named_types import full_name

#: The usual subject of a topic's values, and of its keys (TopicNameStrategy).
OF_VALUES, OF_KEYS = "{topic}-value", "{topic}-key"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_CONTEXT = re.compile(r":\.[^:]*:")


@dataclass(frozen=True, slots=True)
class SubjectNames:
    """Names with `{topic}` and `{record}`: `{record}` alone is RecordNameStrategy, `{topic}-{record}`
    TopicRecordNameStrategy.
    """

    values: str = OF_VALUES
    keys: str = OF_KEYS
    any_subject: bool = False  #: a schema of any other subject is read, too

    @property
    def by_record(self) -> bool:
        """Whether the subject of a value is known only once its schema is."""
        return "{record}" in self.values

    def of_value(self, topic: str, schema: Any = None) -> str | None:
        """The subject of the topic's values that have this schema; None where only the schema would tell."""
        return _filled(self.values, topic, schema)

    def of_key(self, topic: str, schema: Any = None) -> str | None:
        """The same for keys."""
        return _filled(self.keys, topic, schema)


USUAL = SubjectNames()


def name_problem(name: str) -> str | None:
    """Why this is no name of subjects, or None."""
    wrong = sorted({word for word in _PLACEHOLDER.findall(name) if word not in {"topic", "record"}})
    if wrong or not {"{", "}"}.isdisjoint(_PLACEHOLDER.sub("", name)):
        return f"{name!r}: in braces may stand {{topic}} and {{record}}"
    return None if name.strip() else "a subject has a name"


def bare(subject: str) -> str:
    """A subject without the context in front of it, which the registry's URL chooses."""
    return _CONTEXT.sub("", subject, count=1) if subject.startswith(":.") else subject


def record_name(schema: Any) -> str:
    """What a schema is called: the full name of a named type, else the name of its type."""
    if isinstance(schema, dict):
        if "name" in schema:
            return full_name(str(schema["name"]), str(schema.get("namespace") or ""))
        return record_name(schema.get("type"))
    return "union" if isinstance(schema, list) else str(schema)


def _filled(name: str, topic: str, schema: Any) -> str | None:
    if "{record}" in name and schema is None:
        return None
    return name.replace("{record}", record_name(schema) if "{record}" in name else "").replace("{topic}", topic)
