"""Kafka brokers that are their own controllers (KRaft)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.stack.ports import HOST
from infra.stack.services.service import NotReadyError, Service, java, java_options, run_tool

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
        _properties_file(into).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def prepare(draft: Path) -> None:
        write_properties(draft)
        tool = [java(), *_AMONG_MANY, *java_options(draft), "-cp", f"{jars}/*", "kafka.tools.StorageTool"]
        arguments = ["format", "-t", layout.cluster_id, "-c", str(_properties_file(draft))]
        run_tool([*tool, *arguments], f"{name}: formatting its data directory", directory=layout.directory)

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
        check=lambda timeout: _check(port, layout.brokers, timeout),
    )


def _properties_file(home: Path) -> Path:
    return home / "server.properties"


def _properties(layout: StackLayout, number: int, home: Path) -> dict[str, object]:
    port, controller_port = layout.kafka_ports[number - 1], layout.controller_ports[number - 1]
    copies = min(3, layout.brokers)
    enough_copies = 2 if copies == 3 else 1  # noqa: PLR2004 - of three copies one may be lost
    voters = ",".join(f"{node}@{HOST}:{voter}" for node, voter in enumerate(layout.controller_ports, start=1))
    return {
        "process.roles": "broker,controller",
        "node.id": number,
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "log.dirs": f"{home.name}/data",  # relative to the stack: a full path may hold commas, or more than Latin-1
        "auto.create.topics.enable": "false",
        "delete.topic.enable": "true",
        "group.initial.rebalance.delay.ms": 0,
        # as short as with the classic protocol; the defaults are 45 s and 5 s
        "group.consumer.min.session.timeout.ms": 6000,
        "group.consumer.min.heartbeat.interval.ms": 1000,
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
    }


def _check(port: int, brokers: int, timeout: float) -> None:
    """The broker answers, and knows of all the others."""
    client = AdminClient(
        {
            "bootstrap.servers": f"{HOST}:{port}",
            "socket.connection.setup.timeout.ms": 2000,
            "log_level": 0,  # that it cannot connect yet is expected, and said in our own words
        }
    )
    try:
        known = client.list_topics(timeout=timeout).brokers
    except KafkaException as exc:
        raise NotReadyError(f"no metadata: {exc.args[0].str()}") from exc
    if len(known) < brokers:
        raise NotReadyError(f"{len(known)} of {brokers} brokers are there")
