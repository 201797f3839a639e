"""The schema registry: ids for schemas and schemas for ids, over Confluent's REST interface.

Nothing else in this package imports it, since confluent_kafka's client takes 0.4 s to load.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from avro_schemas.avro.named_types import Definition, definitions, self_contained
from avro_schemas.files.json_file import json_kind, json_problem
from avro_schemas.registry.errors import NotARegistryError, SchemaNotFoundError, explained
from avro_schemas.registry.properties import FILES, for_client, problem_of
from rtpipe.credentials import without_credentials
from rtpipe.errors import NotAvroError, SchemaError, SettingsError

#: Most characters of a schema with all that it refers to, and most schemas that it refers to, directly or not.
_LARGEST_SCHEMA, _MOST_REFERENCES = 1_000_000, 200
#: Most requests that are under way at once.
_AT_ONCE = 8
_Asked = TypeVar("_Asked")
_Told = TypeVar("_Told")
_NO_CONFIG: Mapping[str, str] = MappingProxyType({})
_PROPERTIES_HINT = "the block `registry` in docs/settings.md lists the properties"


class Registry:
    """A schema registry at `url` (several, tried in order, are split by commas).

    `config` are further properties of confluent_kafka's client, such as `basic.auth.user.info` and `ssl.ca.location`;
    user and password may stand in the URL as well, and no error repeats them. Every method raises UnreachableError if
    the registry does not answer within about ten seconds, and AccessDeniedError if it refuses us.
    """

    def __init__(self, url: str, config: Mapping[str, str] = _NO_CONFIG) -> None:
        self.url = without_credentials(url)
        self._schemas: dict[int, Any] = {}
        if problem := problem_of(config):
            raise SettingsError(f"the settings for the schema registry at {self.url}: {problem}", hint=_PROPERTIES_HINT)
        _require_files(config)
        try:
            self._client: SchemaRegistryClient = SchemaRegistryClient({"url": url, **for_client(config)})
        except ssl.SSLError as error:
            raise SettingsError(
                f"the certificates for the schema registry at {self.url} cannot be used: {error.reason or error}",
                hint="they are PEM files; is the key that of the certificate, and ssl.key.password its password?",
            ) from None
        except (ValueError, TypeError, OSError):  # whose texts may repeat the URL with its password
            raise SettingsError(
                f"the schema registry's settings are not valid for {self.url}",
                hint=f"a registry URL is like http://host:8081; {_PROPERTIES_HINT}",
            ) from None
        self._issuer = _issuer(self._client)

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
            return int(version.schema_id or 0), self._parsed(version.schema, f"{subject} {number}")
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
            raise SchemaError(f"{what} at {self.url} is no JSON: {json_problem(error)}") from error
        if not isinstance(parsed, dict | list | str):
            raise SchemaError(f"{what} at {self.url} is {json_kind(parsed)}, no Avro schema")
        return parsed

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


def _require_files(config: Mapping[str, str]) -> None:
    """The client's own words for a file that is not there name none."""
    for name in FILES:
        path = config.get(name)
        try:
            if path is not None and not Path(path).is_dir():
                with Path(path).open("rb"):
                    pass
        except OSError as error:
            raise SettingsError(f"{name} of the schema registry: {path}: {error.strerror}") from None


def _issuer(client: SchemaRegistryClient) -> Any:
    """The session that fetches tokens, if there is one: held to the same certificates as the registry's, for which the
    client itself has no property.
    """
    rest: Any = getattr(client, "_rest_client", None)  # nothing public leads there
    old: Any = getattr(rest.bearer_field_provider, "client", None)
    if not hasattr(old, "client_secret"):
        return None
    words = {name: getattr(old, name) for name in ("client_id", "client_secret", "scope")}
    rest.bearer_field_provider.client = old.__class__(**words, verify=rest.verify)
    return rest.bearer_field_provider.client


def _avro(schema: Any) -> Schema:
    return Schema(json.dumps(schema), "AVRO")
