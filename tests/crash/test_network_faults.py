"""A network that fails between rtpipe and Kafka, and between rtpipe and the registry: proxies stand before both."""

from __future__ import annotations

import dataclasses
import json
import struct
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import pytest
from confluent_kafka import KafkaException, Message
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from infra.stack.layout import StackOptions
from infra.stack.ports import pick_ports
from infra.stack.services import kafka as kafka_service
from tests.support.faults.fault_run import FaultRun, fault_run, generations
from tests.support.faults.tcp_proxy import HOST, TcpProxy, tcp_proxy
from tests.support.pipeline.parts.topics_and_tables import schema_named
from tests.support.pipeline.producers import ordered_producer
from tests.support.stack.stack import running_stack
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.stack.state import Addresses

pytestmark = pytest.mark.faults


class Network(NamedTuple):
    """A stack whose broker and registry are known by the addresses of proxies alone."""

    addresses: Addresses
    broker: TcpProxy
    registry: TcpProxy
    registry_itself: str


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    [port] = pick_ports(1, besides=set())
    plain = kafka_service._properties
    with tcp_proxy((HOST, port)) as broker, pytest.MonkeyPatch.context() as patch:
        advertised = {"advertised.listeners": f"PLAINTEXT://{HOST}:{broker.port}"}
        patch.setattr(kafka_service, "_properties", lambda *of: plain(*of) | advertised)
        with running_stack(tmp_path_factory.mktemp("network"), StackOptions(kafka_port=port)) as stack:
            where = urlsplit(stack.schema_registry_url)
            with tcp_proxy((HOST, where.port or 0)) as registry:
                addresses = dataclasses.replace(
                    stack,
                    bootstrap_servers=f"{HOST}:{broker.port}",
                    schema_registry_url=where._replace(netloc=f"{HOST}:{registry.port}").geturl(),
                )
                yield Network(addresses, broker, registry, stack.schema_registry_url)


def test_connections_to_the_broker_cut_again_and_again(network: Network, tmp_path: Path) -> None:
    """F32: all at once, ten times; then each in the middle of a reply, before and behind a message's end."""
    with fault_run(network.addresses, tmp_path) as run:
        with run.moving(500):
            before = generations(run.pipeline)
            for _ in range(10):
                network.broker.cut_all()
                run.moves_on("connections to the broker cut")
            for reply_bytes in (20_011, 30_029, 50_051):
                break_replies(network.broker, reply_bytes)
            run.moves_on("replies of the broker broken off")
            assert generations(run.pipeline) == before
        assert run.finish() > 0
        run.no_death()


def break_replies(proxy: TcpProxy, reply_bytes: int) -> None:
    """Until five connections broke."""
    before = proxy.broken
    with proxy.breaking(reply_bytes):
        eventually(lambda: proxy.broken >= before + 5, within=60, what="replies break off")


def test_a_network_to_the_broker_that_swallows_everything(network: Network, tmp_path: Path) -> None:
    """F32: until the clients' requests have timed out; what was on its way comes late, after it was asked for anew."""
    with fault_run(network.addresses, tmp_path, env={"RTPIPE_KAFKA": json.dumps({"socket.timeout.ms": "3000"})}) as run:
        with run.moving(500):
            before = generations(run.pipeline)
            with network.broker.swallowing(), pytest.raises(KafkaException):
                AdminClient({"bootstrap.servers": network.addresses.bootstrap_servers}).list_topics(timeout=6)
            run.moves_on("after a black hole before the broker")
            assert generations(run.pipeline) == before
        assert run.finish() > 0
        run.no_death()


@pytest.mark.parametrize("how", ["swallows everything", "breaks off its replies"])
def test_a_registry_that_is_away_holds_up_new_schemas_only(network: Network, tmp_path: Path, how: str) -> None:
    """F39: known ids go on; the first message of a new one waits, is no dead letter, and goes on by itself."""
    with fault_run(network.addresses, tmp_path, on_error="dead_letter") as run:
        with run.moving(500):
            before = generations(run.pipeline)
            schema_id = another_id(network, run.topic)
            swallows = how == "swallows everything"
            with network.registry.swallowing() if swallows else network.registry.breaking(50):
                tried, broken = network.registry.connections, network.registry.broken
                offset = send_by(run, schema_id)
                eventually(lambda: network.registry.connections > tried, within=60, what="the registry is asked")
                if not swallows:
                    eventually(lambda: network.registry.broken > broken + 1, within=60, what="it is asked again")
                other = run.pipeline.offsets(run.topic)[1]
                eventually(lambda: run.pipeline.offsets(run.topic)[1] > other + 100, within=60, what="the other moves")
                assert run.pipeline.offsets(run.topic)[0] <= offset
            eventually(lambda: run.pipeline.offsets(run.topic)[0] > offset, within=60, what="the new schema's row")
            assert generations(run.pipeline) == before
        assert run.finish() > 0
        run.no_death()
        assert run.pipeline.query("SELECT COUNT(*) FROM rtpipe_dead_letters WHERE topic = %s", run.topic) == [(0,)]


def another_id(network: Network, topic: str) -> int:
    """Another schema of the same fields, registered behind the proxy's back; a new `doc` alone would get the old id."""
    with SchemaRegistryClient({"url": network.registry_itself}) as registry:
        text = json.dumps(schema_named(topic) | {"edition": "the next one"})
        schema_id: int = registry.register_schema(f"{topic}-value", Schema(text, "AVRO"))
    return schema_id


def send_by(run: FaultRun, schema_id: int) -> int:
    """The offset of a message of this schema in partition 0."""
    offsets: list[int] = []

    def delivered(error: object, message: Message) -> None:
        assert error is None
        offsets.append(message.offset() or 0)

    body = run.pipeline.body(run.topic, "new", 1, "by another schema")[5:]
    producer = ordered_producer(run.pipeline.addresses.bootstrap_servers)
    producer.produce(run.topic, b"\0" + struct.pack(">I", schema_id) + body, "new", partition=0, on_delivery=delivered)
    assert producer.flush(30) == 0
    return offsets[0]
