"""The schemas of one topic in the registry: those of the ids in its messages, and those of its subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from avro_schemas.registry.subject_names import SubjectNames, bare, record_name
from rtpipe.errors import ExitCode, SchemaError

if TYPE_CHECKING:
    from avro_schemas.registry.client import Registry

_MOST_SUBJECTS = 5  #: that a message names


class ForeignSchemaError(SchemaError):
    """The schema of an id is of no subject of the topic: read by it, any bytes may become values."""

    name = "E_FOREIGN_SCHEMA"
    exit_code = ExitCode.BAD_DATA


class TopicSchemas:
    """Asks the registry on behalf of one topic. Threads may share it."""

    def __init__(self, registry: Callable[[], Registry], topic: str, subjects: SubjectNames) -> None:
        """`registry` gives the client of now."""
        self._registry = registry
        self._topic = topic
        self._subjects = subjects
        self._ours = set[tuple[int, str]]()

    def value(self, schema_id: int) -> Any:
        """The schema of an id that stands before a value. ForeignSchemaError if it is not the topic's."""
        schema = self._registry().schema_by_id(schema_id)
        self._require(schema_id, self._subjects.of_value(self._topic, schema), "subject")
        return schema

    def key(self, schema_id: int) -> Any:
        """The schema of an id that stands before a key. ForeignSchemaError if it is not the topic's."""
        schema = self._registry().schema_by_id(schema_id)
        self._require(schema_id, self._subjects.of_key(self._topic, schema), "key_subject")
        return schema

    def newest(self) -> tuple[int, Any] | None:
        """Id and schema of the newest version of the values' subject; None if there is none, or one for each record."""
        subject = self._subjects.of_value(self._topic)
        return None if subject is None else self._registry().newest(subject)

    def versions(self, met: Iterable[Any] = ()) -> dict[int, Any]:
        """Id -> schema of all versions of the values' subjects, as far as they are known by the schemas `met`."""
        plain = self._subjects.of_value(self._topic)
        known = (
            [plain] if plain else {record_name(one): self._subjects.of_value(self._topic, one) for one in met}.values()
        )
        return {number: schema for subject in known if subject for number, schema in self._registry().versions(subject)}

    def _require(self, schema_id: int, subject: str | None, setting: str) -> None:
        """Ask once whether the schema is registered under `subject`, deleted versions included."""
        if self._subjects.any_subject or subject is None or (schema_id, subject) in self._ours:
            return
        under = self._registry().subjects_of(schema_id)
        if subject not in {*under, *map(bare, under)} and not self._registry().is_under(subject, schema_id):
            raise self._foreign(schema_id, under, subject, setting)
        self._ours.add((schema_id, subject))

    def _foreign(self, schema_id: int, under: list[str], subject: str, setting: str) -> ForeignSchemaError:
        some = ", ".join(under[:_MOST_SUBJECTS]) + (", …" if len(under) > _MOST_SUBJECTS else "")
        whose = f"is registered under {some}" if under else "is registered elsewhere"
        return ForeignSchemaError(
            f"schema id {schema_id} {whose}, and not under {subject}, the `{setting}` of topic {self._topic}: these may"
            f" be other bytes that begin with a zero. If they are not: set `{setting}`, or any_subject = true",
            hint="docs/schemas.md, subjects",
        )
