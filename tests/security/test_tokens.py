"""OAUTHBEARER for Kafka: a broker that checks tokens, and an endpoint that gives them to who knows a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from avro_schemas.naming import group_for
from infra.stack.security.certificates import AUTHORITY, SERVER
from infra.stack.state import write_private_bytes
from tests.support.stack.secure_runs import in_table, made_topic, records, refused, schema
from tests.support.stack.secure_stack import HOST, Client, SecureStack, secure_stack
from tests.support.stack.token_server import CLIENT_ID, TokenServer, taking_tokens
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "sasl.oauthbearer.client.secret"
ENDPOINT = "sasl.oauthbearer.token.endpoint.url"
E_AUTH, E_TLS, E_UNREACHABLE = (77, "E_AUTH"), (4, "E_TLS"), (4, "E_UNREACHABLE")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureStack]:
    with secure_stack(tmp_path_factory.mktemp("secure")) as made:
        yield made


@pytest.fixture(scope="module")
def endpoint(stack: SecureStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    """The broker trusts its tokens."""
    server = TokenServer(stack.layout.certificates / SERVER)
    with server.running():
        keys = tmp_path_factory.mktemp("keys") / "keys.json"
        stack.start_anew(taking_tokens(stack.services()["kafka-1"], keys, server))
        yield server


@pytest.fixture
def tokens(endpoint: TokenServer) -> TokenServer:
    endpoint.reset()
    return endpoint


@pytest.fixture
def topic(stack: SecureStack, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A topic of the test's own, with subject, table and grants."""
    return made_topic(stack, tmp_path, request.node.nodeid)


def client_of(stack: SecureStack, tokens: TokenServer, folder: Path, **others: str) -> Client:
    """A client that logs in by tokens; `others`: properties in the place of the right ones, with _ for each point."""
    kafka = {name: text for name, text in stack.addresses.kafka.items() if not name.startswith("sasl.")}
    kafka |= {
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.client.id": CLIENT_ID,
        SECRET: tokens.secret,
        ENDPOINT: tokens.url,
        "https.ca.location": str(stack.layout.certificates / AUTHORITY),
    }
    return Client(stack, folder, kafka=kafka | {name.replace("_", "."): text for name, text in others.items()})


def asking(topic: str) -> list[tuple[str, ...]]:
    """Commands that ask Kafka first, each by clients of another kind."""
    return [("supervise", "-t", topic, "--until-caught-up"), ("produce", "-t", topic, "--count", "1"), ("peek", topic)]


def test_a_run_to_the_end(stack: SecureStack, tokens: TokenServer, topic: str, tmp_path: Path) -> None:
    client = client_of(stack, tokens, tmp_path)
    for command in (
        ("produce", "-t", topic, "--count", "500", "--key", "key"),
        ("supervise", "-t", topic, "--until-caught-up"),
        ("verify", "-t", topic, "--values"),
        ("doctor", "--topics", topic),
        ("offsets", "list"),
    ):
        done = client.run(*command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert stack.query(f"SELECT COUNT(*) FROM bank.`{topic}`") == [(500,)]


def mirrored(stack: SecureStack, topic: str) -> int:
    """The sum of the offsets in the topic's group in Kafka."""
    admin = AdminClient({"bootstrap.servers": stack.addresses.bootstrap_servers, **stack.addresses.kafka})
    [found] = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group_for(topic))]).values()
    return sum(max(0, one.offset) for one in found.result(30).topic_partitions or [])


def test_member_and_mirror_have_tokens_too(stack: SecureStack, tokens: TokenServer, topic: str, tmp_path: Path) -> None:
    stack.send(topic, schema(), records(0, 100))
    with client_of(stack, tokens, tmp_path).supervising("-t", topic, "--group-membership") as run:
        in_table(stack, topic, 100)
        eventually(lambda: mirrored(stack, topic) == 100, within=60, what="the mirror has the offsets")
        assert run.lines("membership_trouble") == run.lines("offsets_not_mirrored") == []


def test_a_wrong_secret(stack: SecureStack, tokens: TokenServer, topic: str, tmp_path: Path) -> None:
    client = client_of(stack, tokens, tmp_path, sasl_oauthbearer_client_secret="canary-wrong")
    for command in asking(topic):
        refused(client, command, *E_AUTH, f"the token endpoint {tokens.url} refuses the client", "invalid_client")
        assert "canary" not in client.run(*command).stderr


def test_no_token_endpoint(stack: SecureStack, tokens: TokenServer, topic: str, tmp_path: Path) -> None:
    client = client_of(stack, tokens, tmp_path, sasl_oauthbearer_token_endpoint_url=f"https://{HOST}:1/token")
    for command in asking(topic):
        refused(client, command, *E_UNREACHABLE, f"no token for Kafka from the token endpoint https://{HOST}:1/token")
    tokens.down = True
    client = client_of(stack, tokens, tmp_path)
    refused(client, asking(topic)[1], *E_UNREACHABLE, f"or no token comes from {tokens.url}")


#: What is wrong with the endpoint's certificate, and how it is told.
FAULTS = {
    "expired": "its certificate has expired",
    "authority": "of an authority that is not trusted",
    "name": "for another host name",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_certificate_of_the_endpoint(
    stack: SecureStack, tokens: TokenServer, topic: str, tmp_path: Path, fault: str
) -> None:
    shown = tmp_path / "shown.pem"
    write_private_bytes(shown, stack.issue(fault))
    tokens.show(shown)
    client = client_of(stack, tokens, tmp_path)
    refused(client, asking(topic)[1], *E_TLS, f"the token endpoint {tokens.url}", FAULTS[fault])


def test_tokens_that_have_expired_and_such_as_the_broker_does_not_take(
    stack: SecureStack, tokens: TokenServer, topic: str, tmp_path: Path
) -> None:
    client = client_of(stack, tokens, tmp_path)
    tokens.life = -600
    for command in asking(topic):
        refused(client, command, *E_AUTH, f"the token endpoint {tokens.url} gives tokens that have expired")
    tokens.reset()
    tokens.forge()
    for command in asking(topic):
        refused(client, command, *E_AUTH, "refuses the login", "invalid_token")
