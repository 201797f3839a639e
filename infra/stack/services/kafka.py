"""Kafka brokers that are their own controllers (KRaft)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.stack.ports import HOST
from infra.stack.security.certificates import AUTHORITY, SERVER
from infra.stack.security.passwords import CLIENT
from infra.stack.services.service import NotReadyError, Service, java, java_options, run_tool
from infra.stack.state import write_private_bytes

if TYPE_CHECKING:
    from infra.stack.layout import StackLayout

_LOG4J = Path(__file__).with_name("log4j2.properties")
#: one broker serves benchmarks; of three, each is small
_ALONE = ["-Xms256m", "-Xmx768m"]
_AMONG_MANY = ["-Xmx256m", "-XX:+UseSerialGC"]


def kafka_services(layout: StackLayout, jars: Path) -> list[Service]:
    """One service for each broker of the layout."""
    return [_broker(layout, number, jars) for number in range(1, layout.brokers + 1)]


def _broker(layout: StackLayout, number: int, jars: Path) -> Service:
    name = f"kafka-{number}"
    home = layout.directory / name
    mark = f"-Drtpipe.service={home}"
    port, controller_port = layout.kafka_ports[number - 1], layout.controller_ports[number - 1]

    def write_properties(into: Path) -> None:
        lines = [f"{key}={value}" for key, value in _properties(layout, number, into).items()]
        write_private_bytes(_properties_file(into), ("\n".join(lines) + "\n").encode())

    def prepare(draft: Path) -> None:
        write_properties(draft)
        tool = [java(), *_AMONG_MANY, *java_options(draft), "-cp", f"{jars}/*", "kafka.tools.StorageTool"]
        arguments = ["format", "-t", layout.cluster_id, "-c", str(_properties_file(draft)), *_logins(layout)]
        words = draft / "format.arguments"
        write_private_bytes(words, "\n".join(map(json.dumps, [*tool[1:], *arguments])).encode())
        # Everybody sees the arguments of a process, and there are passwords among these.
        run_tool([tool[0], f"@{words}"], f"{name}: formatting its data directory", directory=layout.directory)
        words.unlink()

    def command() -> list[str]:
        heap = _ALONE if layout.brokers == 1 else _AMONG_MANY
        options = [*heap, *java_options(layout.directory / "tmp" / name), f"-Dlog4j2.configurationFile={_LOG4J}"]
        return [java(), mark, *options, "-cp", f"{jars}/*", "kafka.Kafka", str(_properties_file(home))]

    return Service(
        name=name,
        port=port,
        ports={
            port: "choose another one: rtpipe infra up --kafka-port N",
            controller_port: "take all brokers down (rtpipe infra down) and up again: a new one is chosen",
        },
        mark=mark,
        directory=home,
        program=jars,
        prepare=prepare,
        before_start=lambda: write_properties(home),
        command=command,
        check=lambda timeout: _check(layout, port, timeout),
    )


def _properties_file(home: Path) -> Path:
    return home / "server.properties"


def _properties(layout: StackLayout, number: int, home: Path) -> dict[str, object]:
    port, controller_port = layout.kafka_ports[number - 1], layout.controller_ports[number - 1]
    copies = min(3, layout.brokers)
    enough_copies = 2 if copies == 3 else 1  # noqa: PLR2004 - of three copies one may be lost
    listener = "SASL_SSL" if layout.secure else "PLAINTEXT"
    voters = ",".join(f"{node}@{HOST}:{voter}" for node, voter in enumerate(layout.controller_ports, start=1))
    return {
        "process.roles": "broker,controller",
        "node.id": number,
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": listener,
        "listeners": f"{listener}://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"{listener}://{HOST}:{port}",
        "log.dirs": f"{home.name}/data",  # relative to the stack: a full path may hold commas, or more than Latin-1
        "auto.create.topics.enable": "false",
        "delete.topic.enable": "true",
        "group.initial.rebalance.delay.ms": 0,
        # as short as with the classic protocol; the defaults are 45 s and 5 s
        "group.consumer.min.session.timeout.ms": 6000,
        "group.consumer.min.heartbeat.interval.ms": 500,
        "default.replication.factor": copies,
        "min.insync.replicas": enough_copies,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": enough_copies,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": enough_copies,
        # the defaults take half of a small heap, and nine seconds before a killed broker may come back
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "broker.heartbeat.interval.ms": 1000,
        "broker.session.timeout.ms": 6000,
        **(_security(layout) if layout.secure else {}),
    }


def _security(layout: StackLayout) -> dict[str, object]:
    """TLS with certificates on both sides, for everybody; clients and brokers also log in."""
    folder = layout.certificates.relative_to(layout.directory)  # as for log.dirs
    logins = {"broker": layout.passwords.broker, CLIENT: layout.passwords.kafka}
    plain = " ".join(f'user_{user}="{password}"' for user, password in logins.items())
    own = f'username="broker" password="{layout.passwords.broker}"'
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return {
        "listener.security.protocol.map": "CONTROLLER:SSL,SASL_SSL:SASL_SSL",
        "ssl.client.auth": "required",
        "listener.name.sasl_ssl.ssl.client.auth": "required",  # which heeds the property above only by this name
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": folder / SERVER,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": folder / AUTHORITY,
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule"
        f" required {own} {plain};",
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
    }


def _logins(layout: StackLayout) -> list[str]:
    """Arguments that make the accounts of clients, with the first data."""
    if not layout.secure:
        return []
    login = f"[name={CLIENT},password={layout.passwords.kafka}]"
    return [f"--add-scram={mechanism}={login}" for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")]


def _check(layout: StackLayout, port: int, timeout: float) -> None:
    """The broker answers, and knows of all the others."""
    client = AdminClient(
        {
            **layout.addresses.kafka,
            "bootstrap.servers": f"{HOST}:{port}",
            "socket.connection.setup.timeout.ms": 2000,
            "log_level": 0,  # that it cannot connect yet is expected, and said in our own words
        }
    )
    try:
        known = client.list_topics(timeout=timeout).brokers
    except KafkaException as exc:
        raise NotReadyError(f"no metadata: {exc.args[0].str()}") from exc
    if len(known) < layout.brokers:
        raise NotReadyError(f"{len(known)} of {layout.brokers} brokers are there")
