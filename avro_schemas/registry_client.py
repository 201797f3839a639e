"""The schema registry: ids for schemas and schemas for ids, over Confluent's REST interface.

Nothing else in this package imports it, since confluent_kafka's client takes 0.4 s to load.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from avro_schemas.credentials import AccessDeniedError, without_credentials
from avro_schemas.errors import NotAvroError, SchemaError, SettingsError, UnreachableError
from avro_schemas.json_file import json_kind
from avro_schemas.named_types import Definition, definitions, self_contained

#: Seconds for one request, and how often it is repeated: an answer or an error within about ten seconds.
_LIMITS: Mapping[str, float] = {"timeout": 4.0, "max.retries": 1, "retries.wait.ms": 200, "retries.max.wait.ms": 1000}
#: Registry error codes for a subject, version or schema id that is not there (a bare 404 is another server).
_NOT_FOUND = frozenset({40401, 40402, 40403})
#: Most characters of a schema with all that it refers to, and most schemas that it refers to, directly or not.
_LARGEST_SCHEMA, _MOST_REFERENCES = 1_000_000, 200
_NO_CONFIG: Mapping[str, str] = MappingProxyType({})


class Registry:
    """A schema registry at `url` (several, tried in order, are split by commas).

    `config` are further properties of confluent_kafka's client, such as `basic.auth.user.info` and `ssl.ca.location`;
    user and password may stand in the URL as well, and no error repeats them. Every method raises UnreachableError if
    the registry does not answer within about ten seconds, and AccessDeniedError if it refuses us.
    """

    def __init__(self, url: str, config: Mapping[str, str] = _NO_CONFIG) -> None:
        self.url = without_credentials(url)
        settings: dict[str, Any] = {**_LIMITS, **config}
        self._schemas: dict[int, Any] = {}
        try:
            settings.update({key: float(settings[key]) for key in _LIMITS})
            self._client: SchemaRegistryClient = SchemaRegistryClient({"url": url, **settings})
        except (ValueError, TypeError, OSError):  # whose texts may repeat the URL with its password
            raise SettingsError(
                f"the schema registry's settings are not valid for {self.url}",
                hint="a registry URL is like http://host:8081; the other properties are those of confluent_kafka",
            ) from None

    def close(self) -> None:
        """Closes the connection to the registry."""
        self._client.__exit__(None, None, None)  # type: ignore[no-untyped-call]

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
            self._schemas[schema_id] = self._parsed(schema, f"schema id {schema_id}")
        return self._schemas[schema_id]

    def latest(self, subject: str) -> tuple[int, Any]:
        """Id and parsed schema of the newest version of `subject`, asked for anew each time.

        SchemaError if there is no such subject, or as for `schema_by_id`.
        """
        with self._translated(f"fetching the newest schema of {subject}"):
            self._client.clear_latest_caches()  # type: ignore[no-untyped-call]
            version = self._client.get_latest_version(subject)
            schema_id = int(version.schema_id or 0)
        return schema_id, self._parsed(version.schema, f"subject {subject}")

    def versions(self, subject: str) -> list[tuple[int, Any]]:
        """Id and parsed schema of each version of `subject` that is Avro, the oldest first; [] if there is none."""
        found = []
        try:
            with self._translated(f"listing the versions of {subject}"):
                numbers = sorted(self._client.get_versions(subject))
        except SchemaNotFoundError:
            return []
        for number in numbers:
            with self._translated(f"fetching version {number} of {subject}"):
                version = self._client.get_version(subject, number)
            try:
                found.append((int(version.schema_id or 0), self._parsed(version.schema, f"{subject} {number}")))
            except SchemaError:
                continue
        return found

    def _parsed(self, schema: Schema, what: str) -> Any:
        """The schema as one document, what it refers to included."""
        parsed = self._document(schema, what, _LARGEST_SCHEMA)
        return self_contained(parsed, self._referred(schema, what).get) if schema.references else parsed

    def _referred(self, schema: Schema, what: str) -> dict[str, Definition]:
        """The named types of every schema that `schema` refers to, by their full names."""
        found: dict[str, Definition] = {}
        room = _LARGEST_SCHEMA - len(str(schema.schema_str))
        waiting, seen = list(schema.references or ()), set()
        while waiting:
            reference = waiting.pop(0)
            subject, number = str(reference.subject), int(reference.version or 0)
            if (subject, number) in seen:
                continue
            seen.add((subject, number))
            if len(seen) > _MOST_REFERENCES:
                raise SchemaError(f"{what} at {self.url} refers to more than {_MOST_REFERENCES} other schemas")
            with self._translated(f"fetching version {number} of {subject}, to which {what} refers"):
                version = self._client.get_version(subject, number)
            inner = self._document(version.schema, f"version {number} of {subject}, to which {what} refers,", room)
            room -= len(str(version.schema.schema_str))
            for one in definitions(inner):
                found.setdefault(one.name, one)
            waiting += version.schema.references or ()
        return found

    def _document(self, schema: Schema, what: str, room: int) -> Any:
        """The JSON of one schema of at most `room` characters."""
        if schema.schema_type not in {None, "AVRO"}:
            raise NotAvroError(
                f"{what} at {self.url} is {schema.schema_type}, rtpipe reads AVRO",
                hint="let the producer write with the registry's Avro serializer",
            )
        text = str(schema.schema_str)
        if len(text) > room:
            raise SchemaError(f"{what} at {self.url} has {len(text):,} characters, {room:,} is the most")
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SchemaError(f"{what} at {self.url} is no JSON ({type(error).__name__})") from error
        if not isinstance(parsed, dict | list | str):
            raise SchemaError(f"{what} at {self.url} is {json_kind(parsed)}, no Avro schema")
        return parsed

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        """Turns what the client raises into rtpipe's errors; none of their texts holds the URL's password."""
        try:
            yield
        except SchemaRegistryError as error:
            raise self._refused(doing, error) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:  # an answer that is not the registry's JSON
            raise self._not_a_registry(doing) from error
        except Exception as error:  # httpx's or httpx2's, by the version of confluent_kafka
            raise UnreachableError(
                f"no schema registry answers at {self.url}: {error or type(error).__name__} ({doing})",
                hint="start it, or correct RTPIPE_SCHEMA_REGISTRY_URL",
            ) from error

    def _refused(self, doing: str, error: SchemaRegistryError) -> Exception:
        status, reason = (
            error.http_status_code,
            f"{error.error_message} ({doing} at {self.url}, HTTP {error.http_status_code})",
        )
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return AccessDeniedError(
                f"the schema registry at {self.url} refused access ({doing}, HTTP {status})",
                hint="check the user and password in RTPIPE_SCHEMA_REGISTRY_URL and their permissions",
            )
        if status == HTTPStatus.NOT_FOUND:
            return SchemaNotFoundError(reason) if error.error_code in _NOT_FOUND else self._not_a_registry(doing)
        if status == HTTPStatus.CONFLICT:
            return SchemaError(
                f"the registry holds the schema for incompatible with earlier versions: {reason}",
                hint="change the schema so that the subject's compatibility rule holds, or change that rule",
            )
        if status in {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_REQUEST}:
            return SchemaError(f"the registry holds the schema for invalid: {reason}")
        return UnreachableError(f"the schema registry cannot answer now: {reason}")

    def _not_a_registry(self, doing: str) -> UnreachableError:
        return UnreachableError(
            f"what answers at {self.url} is no schema registry ({doing})",
            hint="RTPIPE_SCHEMA_REGISTRY_URL needs the path, too, such as /apis/ccompat/v7",
        )


class SchemaNotFoundError(SchemaError):
    """The registry answers, but has no such subject, version or schema id."""


def _avro(schema: Any) -> Schema:
    return Schema(json.dumps(schema), "AVRO")
