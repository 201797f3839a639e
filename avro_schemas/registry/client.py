"""The schema registry: ids for schemas and schemas for ids, over Confluent's REST interface.

Import it where a registry is asked, no earlier: confluent_kafka's client takes 0.4 s to load.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, TypeVar

from confluent_kafka.schema_registry import Schema

from avro_schemas.registry.connection import open_client
from avro_schemas.registry.documents import SchemaDocuments
from avro_schemas.registry.errors import NotARegistryError, SchemaNotFoundError, explained
from rtpipe.credentials import without_credentials
from rtpipe.errors import SchemaError

#: Most requests that are under way at once.
_AT_ONCE = 8
_Asked = TypeVar("_Asked")
_Told = TypeVar("_Told")
_NO_CONFIG: Mapping[str, str] = MappingProxyType({})


class Registry:
    """A schema registry at `url` (several, tried in order, are split by commas).

    `config` are further properties of confluent_kafka's client, such as `basic.auth.user.info` and `ssl.ca.location`;
    user and password may stand in the URL as well, and no error repeats them. Every method raises UnreachableError if
    the registry does not answer within about ten seconds, and AccessDeniedError if it refuses us.
    """

    def __init__(self, url: str, config: Mapping[str, str] = _NO_CONFIG) -> None:
        self.url = without_credentials(url)
        self._schemas: dict[int, Any] = {}
        self._client, self._issuer = open_client(url, config)
        self._documents = SchemaDocuments(self.url, self._referred)

    def close(self) -> None:
        """Closes the connections to the registry."""
        self._client.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        if self._issuer is not None:
            self._issuer.close()

    def check(self) -> None:
        """Returns if the registry answers."""
        with self._translated("asking whether it answers"):
            self._client.get_config()

    def register(self, subject: str, schema: Any) -> int:
        """The id of `schema` under `subject`, registered now unless it was already.

        SchemaError if the registry finds it invalid or incompatible with the subject's earlier versions.
        """
        with self._translated(f"registering a schema under {subject}"):
            return int(self._client.register_schema(subject, _avro(schema)))

    def delete(self, subject: str) -> None:
        """Takes away a subject and all its versions for ever."""
        with self._translated(f"deleting the subject {subject}"):
            self._client.delete_subject(subject)
            self._client.delete_subject(subject, permanent=True)  # refused before the first one

    def find(self, subject: str, schema: Any) -> int | None:
        """The id of `schema` if it is registered under `subject`, else None; changes nothing."""
        try:
            with self._translated(f"looking for a schema under {subject}"):
                found = self._client.lookup_schema(subject, _avro(schema)).schema_id
        except SchemaNotFoundError:
            return None
        return None if found is None else int(found)

    def accepts(self, subject: str, schema: Any) -> bool:
        """Whether `register` would take `schema` as the subject's next version; changes nothing."""
        try:
            with self._translated(f"comparing a schema with those of {subject}"):
                return bool(self._client.test_compatibility(subject, _avro(schema)))
        except SchemaNotFoundError:
            return True

    def newest_version(self, subject: str) -> int:
        """The number of the newest version of `subject`, 0 if there is no such subject."""
        try:
            with self._translated(f"listing the versions of {subject}"):
                return max(self._client.get_versions(subject), default=0)
        except SchemaNotFoundError:
            return 0

    def schema_by_id(self, schema_id: int) -> Any:
        """The schema of an id, as parsed JSON; asked for once, since an id never changes its schema.

        What it refers to in other subjects stands in it then. SchemaError if the id is unknown, its schema is not
        Avro, or a subject that it refers to is not there.
        """
        if schema_id not in self._schemas:
            with self._translated(f"fetching the schema of id {schema_id}"):
                schema = self._client.get_schema(schema_id)
            self._schemas[schema_id] = self._documents.parsed(schema, f"schema id {schema_id}")
        return self._schemas[schema_id]

    def latest(self, subject: str) -> tuple[int, Any]:
        """Id and parsed schema of the newest version of `subject`, asked for anew each time.

        SchemaError if there is no such subject, or as for `schema_by_id`.
        """
        with self._translated(f"fetching the newest schema of {subject}"):
            self._client.clear_latest_caches()  # type: ignore[no-untyped-call]
            version = self._client.get_latest_version(subject)
            schema_id = int(version.schema_id or 0)
        return schema_id, self._documents.parsed(version.schema, f"subject {subject}")

    def newest(self, subject: str) -> tuple[int, Any] | None:
        """As `latest`; None if there is no such subject."""
        try:
            return self.latest(subject)
        except SchemaNotFoundError:
            return None

    def versions(self, subject: str) -> list[tuple[int, Any]]:
        """Id and parsed schema of each version of `subject` that is Avro, the oldest first; [] if there is none."""
        try:
            with self._translated(f"listing the versions of {subject}"):
                numbers = sorted(self._client.get_versions(subject))
        except SchemaNotFoundError:
            return []
        found = side_by_side(lambda number: self._version(subject, number), numbers)
        return [version for version in found if version is not None]

    def _version(self, subject: str, number: int) -> tuple[int, Any] | None:
        with self._translated(f"fetching version {number} of {subject}"):
            version = self._client.get_version(subject, number)
        try:
            return int(version.schema_id or 0), self._documents.parsed(version.schema, f"{subject} {number}")
        except SchemaError:
            return None

    def subjects_of(self, schema_id: int) -> list[str]:
        """The subjects that have the schema of an id, deleted versions included; [] if the registry cannot tell."""
        try:
            with self._translated(f"asking for the subjects of schema id {schema_id}"):
                found = self._client.get_schema_versions(schema_id, deleted=True)
        except (SchemaError, NotARegistryError):  # an older registry has no such path
            return []
        return sorted({str(one.subject) for one in found})

    def is_under(self, subject: str, schema_id: int) -> bool:
        """Whether the schema of an id is registered under `subject`, also by an alias, or in a deleted version."""
        try:
            with self._translated(f"looking for the schema of id {schema_id} under {subject}"):
                return self._client.lookup_schema(subject, self._client.get_schema(schema_id), deleted=True) is not None
        except SchemaNotFoundError:
            return False

    def _referred(self, subject: str, number: int, what: str) -> Schema:
        with self._translated(f"fetching version {number} of {subject}, to which {what} refers"):
            return self._client.get_version(subject, number).schema

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        """Turns what the client raises into rtpipe's errors; none of their texts holds the URL's password."""
        try:
            yield
        except Exception as error:
            raise explained(error, self.url, doing) from error


def side_by_side(ask: Callable[[_Asked], _Told], about: Sequence[_Asked]) -> list[_Told]:
    """What `ask` gives for each, a few at once; raises what the first of them raises."""
    if len(about) < 2:  # noqa: PLR2004 - a thread would only cost
        return [ask(one) for one in about]
    with ThreadPoolExecutor(min(_AT_ONCE, len(about))) as pool:
        return list(pool.map(ask, about))


def _avro(schema: Any) -> Schema:
    return Schema(json.dumps(schema), "AVRO")
