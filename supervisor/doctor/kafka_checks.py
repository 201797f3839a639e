"""Kafka and the registry: whether they answer, and how the topics are set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource  # type: ignore[attr-defined]  # public, but not marked so

from avro_schemas.registry.subject_names import bare
from infra.provision.topics import Cluster, TopicAdmin
from rtpipe.errors import UnreachableError
from rtpipe.kafka import error_codes
from rtpipe.kafka.clients import checked_properties
from supervisor.admin.offset_work import KnownOffset, OffsetWork
from supervisor.doctor import topic_settings
from supervisor.doctor.examination import Area, Check
from supervisor.doctor.finding import Finding, failure, fine, warning
from supervisor.settings.fields.registry_settings import open_registry
from supervisor.settings.settings import Settings

_SECONDS = 5


class KafkaChecks:
    """Each method is one check. They raise what the clients raise."""

    def __init__(self, settings: Settings, topics: Sequence[str]) -> None:
        self._settings = settings
        self._topics = topics
        self._cluster: Cluster | None = None

    def area(self) -> Area:
        """All of them; those of topics only if there are any."""
        checks = [Check("connection", self.connection)]
        if self._topics:
            checks += [Check("topics", self.topics), Check("retention", self.retention)]
        return Area("kafka", checks)

    @property
    def partitions(self) -> int:
        """Of all topics, as far as they are known."""
        known = self._cluster.topics if self._cluster else {}
        return sum(known[topic].partitions for topic in self._topics if topic in known)

    def connection(self) -> list[Finding]:
        """Whether a broker answers."""
        brokers = self._described().brokers
        found = f"{self._settings.bootstrap_servers}: {brokers} broker{'' if brokers == 1 else 's'}"
        return [fine("connection", found)]

    def topics(self) -> list[Finding]:
        """How each topic is set."""
        known, findings = self._described().topics, list[Finding]()
        there = [topic for topic in self._topics if topic in known]
        values = self._values(there)
        for topic in self._topics:
            if topic not in known:
                fix = "its producer makes it; or, from a schema file: rtpipe infra create --schemas FILE"
                findings.append(failure(f"{topic} topic", "Kafka has no such topic", fix=fix))
                continue
            findings.append(fine(f"{topic} topic", f"{known[topic].partitions} partitions"))
            findings += topic_settings.judged(
                topic, values[topic], known[topic].copies, self._settings.topic(topic).rules()
            )
        return findings

    def retention(self) -> list[Finding]:
        """Whether Kafka deletes what is not read yet."""
        known = self._described().topics
        there = [topic for topic in self._topics if topic in known]
        values, stored = self._values(there), dict[str, list[KnownOffset]]()
        for one in OffsetWork(self._settings).known(there) if there else []:
            stored.setdefault(one.stored.key.topic, []).append(one)
        return [topic_settings.retention(topic, values[topic], stored.get(topic, [])) for topic in there]

    def _described(self) -> Cluster:
        """The cluster as it was when it was first asked."""
        self._cluster = self._cluster or TopicAdmin(self._settings.librdkafka()).describe()
        return self._cluster

    def _values(self, topics: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """The settings of each topic by Kafka's names; none where the account may not read them."""
        if not topics:
            return {}
        with checked_properties():
            admin = AdminClient({**self._settings.librdkafka(), "log_level": "0"})
        resources = [ConfigResource(ConfigResource.Type.TOPIC, topic) for topic in topics]
        futures = admin.describe_configs(resources, request_timeout=_SECONDS)
        found: dict[str, Mapping[str, str]] = {}
        for resource, future in futures.items():
            try:
                entries = future.result(_SECONDS + 1)
                found[resource.name] = {name: str(entry.value) for name, entry in entries.items()}
            except KafkaException as exc:
                error = error_codes.error_of(exc)
                hint = "the account needs DESCRIBE_CONFIGS on the topic, for this check alone"
                raise UnreachableError(f"settings of topic {resource.name}: {error.str()}", hint=hint) from exc
        return found


class RegistryChecks:
    """The registry, and the newest schema of each topic."""

    def __init__(self, settings: Settings, topics: Sequence[str]) -> None:
        self._settings = settings
        self._topics = topics

    def area(self) -> Area:
        """All of them."""
        checks = [Check("connection", self.connection)]
        return Area("registry", [*checks, Check("subjects", self.subjects)] if self._topics else checks)

    def connection(self) -> list[Finding]:
        """Whether it answers."""
        registry = open_registry(self._settings)
        registry.check()
        return [fine("connection", registry.url)]

    def subjects(self) -> list[Finding]:
        """Whether there is a subject of each topic's values."""
        registry, findings = open_registry(self._settings), list[Finding]()
        for topic in self._topics:
            subject, name = self._settings.topic(topic).subjects().of_value(topic), f"{topic} subject"
            if subject is None:
                findings.append(fine(name, "one for each record, by the names in its messages"))
            elif version := registry.newest_version(subject):
                findings.append(fine(name, f"{bare(subject)}, version {version}"))
            else:
                meaning = "no schema of the topic is known; its messages wait, or become dead letters"
                fix = "its producer registers it, or `subject` in rtpipe.toml names another"
                findings.append(warning(name, f"the registry has no subject {subject}", meaning, fix))
        return findings
