"""Kafka, registry and database by TLS and with accounts: a run to the end, each thing that can be wrong, and passwords
and certificates that change while a supervisor runs.
"""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, but not marked so
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from sqlalchemy.engine import make_url

from infra.stack.layout import save_layout
from infra.stack.security.certificates import AUTHORITY, CLIENT, SERVER, make_certificates
from infra.stack.security.passwords import CLIENT as USER
from infra.stack.state import write_private_bytes
from rtpipe.mysql.engine import bare_connection
from tests.support.faults.tcp_proxy import tcp_proxy
from tests.support.stack.secure_runs import in_table, made_topic, no_secret_anywhere, records, refused, schema
from tests.support.stack.secure_stack import HOST, Client, SecureStack, handshakes, secure_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL = ("mariadb", "kafka-1", "registry")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureStack]:
    with secure_stack(tmp_path_factory.mktemp("secure")) as made:
        yield made


@pytest.fixture
def topic(stack: SecureStack, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A topic of the test's own, with subject, table and grants."""
    return made_topic(stack, tmp_path, request.node.nodeid)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_run_to_the_end(stack: SecureStack, topic: str, tmp_path: Path, mechanism: str) -> None:
    client = Client(stack, tmp_path, kafka=stack.addresses.kafka | {"sasl.mechanism": mechanism})
    for command in (
        ("produce", "-t", topic, "--count", "500", "--key", "key"),
        ("supervise", "-t", topic, "--until-caught-up"),
        ("verify", "-t", topic, "--values"),
        ("doctor", "--topics", topic),
    ):
        done = client.run(*command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert stack.query(f"SELECT COUNT(*) FROM bank.`{topic}`") == [(500,)]


def asking(link: str, topic: str) -> list[tuple[str, ...]]:
    """Commands that ask Kafka, the registry or the database first."""
    return {
        "kafka": [
            ("supervise", "-t", topic, "--until-caught-up"),
            ("produce", "-t", topic, "--count", "1"),
            ("peek", topic),
        ],
        "registry": [("table", "plan", "--topics", topic), ("produce", "-t", topic, "--count", "1")],
        "database": [
            ("offsets", "list"),
            ("supervise", "-t", topic, "--until-caught-up"),
            ("verify", "-t", topic, "--values"),
        ],
    }[link]


@pytest.mark.parametrize("link", ["kafka", "registry", "database"])
def test_a_wrong_password(stack: SecureStack, topic: str, tmp_path: Path, link: str) -> None:
    known, wrong = stack.addresses, "canary-wrong"
    where: dict[str, Any] = {}
    match link:
        case "kafka":
            where = {"kafka": known.kafka | {"sasl.password": wrong}}
        case "registry":
            where = {"registry": known.registry | {"basic.auth.user.info": f"{USER}:{wrong}"}}
        case "database":
            urls = {name: text for name, text in dataclasses.asdict(known).items() if name.endswith("database_url")}
            where = {
                name: make_url(text).set(password=wrong).render_as_string(hide_password=False)
                for name, text in urls.items()
            }
    client = Client(stack, tmp_path, **where)
    for command in asking(link, topic):
        refused(client, command, 77, "E_AUTH", HOST)
        assert wrong not in client.run(*command).stderr


class DatabaseCertificate:
    """MariaDB shows another certificate, and all its connections but this one are cut, as a restart would."""

    def __init__(self, stack: SecureStack, fault: str) -> None:
        self.file, self.stack, self.fault = stack.layout.certificates / SERVER, stack, fault
        self.kept = bare_connection(make_url(stack.addresses.admin_database_url), autocommit=True)

    def __enter__(self) -> None:
        self.good = self.file.read_bytes()
        self.show(self.stack.issue(self.fault))

    def __exit__(self, *_: object) -> None:
        self.show(self.good)
        self.kept.close()

    def show(self, pem: bytes) -> None:
        write_private_bytes(self.file, pem)
        with self.kept.cursor() as cursor:
            cursor.execute("FLUSH SSL")
            cursor.execute("SELECT id FROM information_schema.processlist WHERE user IN ('consumer', 'infra')")
            for (number,) in cursor.fetchall():
                cursor.execute(f"KILL {number}")


#: What is wrong with a server's certificate, and how it is told.
FAULTS = {
    "expired": "certificate has expired",
    "authority": "of an authority that is not trusted",
    "name": "for another host name",
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("link", ["kafka", "registry"])
def test_a_wrong_certificate_of_a_server(stack: SecureStack, topic: str, tmp_path: Path, link: str, fault: str) -> None:
    with handshakes(stack.issue(fault), tmp_path) as port:
        where = {"kafka": "bootstrap_servers", "registry": "schema_registry_url"}[link]
        address = f"{HOST}:{port}" if link == "kafka" else f"https://{HOST}:{port}/apis/ccompat/v7"
        client = Client(stack, tmp_path, **{where: address})
        for command in asking(link, topic):
            refused(client, command, 4, "E_TLS", f"{HOST}:{port}", FAULTS[fault])


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_certificate_of_the_database(stack: SecureStack, topic: str, tmp_path: Path, fault: str) -> None:
    client = Client(stack, tmp_path)
    with DatabaseCertificate(stack, fault):
        for command in asking("database", topic):
            refused(client, command, 4, "E_TLS", f"{HOST}:{stack.layout.database_port}", FAULTS[fault])
    assert client.run("offsets", "list").returncode == 0


def test_no_certificate_of_ours(stack: SecureStack, topic: str, tmp_path: Path) -> None:
    kafka = {name: text for name, text in stack.addresses.kafka.items() if "certificate" not in name}
    del kafka["ssl.key.location"]
    url = make_url(stack.addresses.database_url).difference_update_query(["ssl_cert", "ssl_key"])
    client = Client(stack, tmp_path, kafka=kafka, database_url=url.render_as_string(hide_password=False))
    refused(client, ("produce", "-t", topic, "--count", "1"), 4, "E_TLS", HOST, "wants a certificate of ours")
    refused(client, ("offsets", "list"), 77, "E_AUTH", HOST)


def test_a_supervisor_waits_for_a_database_with_a_wrong_certificate(
    stack: SecureStack, topic: str, tmp_path: Path
) -> None:
    stack.send(topic, schema(), records(0, 100))
    with Client(stack, tmp_path).supervising("-t", topic) as run:
        in_table(stack, topic, 100)
        with DatabaseCertificate(stack, "expired"):
            stack.send(topic, schema(), records(100, 100))
            run.says("outage_began", f"{HOST}:{stack.layout.database_port}/bank: its certificate has expired")
        in_table(stack, topic, 200)


def test_a_supervisor_waits_for_kafka_with_a_wrong_certificate(stack: SecureStack, topic: str, tmp_path: Path) -> None:
    """What answers shows an expired certificate at first, and is the broker itself later."""
    stack.send(topic, schema(), records(0, 100))
    with contextlib.ExitStack() as shown:
        port = shown.enter_context(handshakes(stack.issue("expired"), tmp_path))
        client = Client(stack, tmp_path, bootstrap_servers=f"{HOST}:{port}")
        with client.supervising("-t", topic) as run:
            run.says("outage_began", f"Kafka at {HOST}:{port}: its certificate has expired")
            shown.close()
            with tcp_proxy((HOST, stack.layout.kafka_ports[0]), at=(HOST, port)):
                in_table(stack, topic, 100)


def test_passwords_that_change_while_a_supervisor_runs(stack: SecureStack, topic: str, tmp_path: Path) -> None:
    """First on the servers, and all connections are cut; it waits, says why, and goes on once the files are new."""
    old = stack.layout
    stack.send(topic, schema(), records(0, 100))
    client = Client(stack, tmp_path)
    try:
        with client.supervising("-t", topic) as run:
            in_table(stack, topic, 100)
            new = change_passwords(stack)
            stack.restart(*ALL)
            stack.send(topic, schema("more"), records(100, 100))
            run.says("outage_began", "refuses the login")
            run.says("outage_began", "consumer@")
            client.addresses = stack.addresses
            client.write()
            in_table(stack, topic, 200)
            stack.send(topic, schema("more", "most"), records(200, 100))
            in_table(stack, topic, 300)
            no_secret_anywhere(client, run, topic, [*secrets_of(old), *secrets_of(new)])
            assert run.lines("worker_halted") == []
    finally:
        save_layout(old)
        set_passwords(stack, dataclasses.asdict(old.passwords))
        stack.restart("kafka-1", "registry")


def secrets_of(layout: Any) -> list[str]:
    return list(dataclasses.asdict(layout.passwords).values())


def change_passwords(stack: SecureStack) -> Any:
    """Of all three services; their layout says so."""
    old = stack.layout
    new = dataclasses.replace(
        old.passwords,
        consumer="canary-consumer",
        infra="canary-infra",
        kafka="canary-kafka",
        registry="canary-registry",
    )
    set_passwords(stack, dataclasses.asdict(new))
    save_layout(dataclasses.replace(old, passwords=new))
    return stack.layout


def set_passwords(stack: SecureStack, passwords: dict[str, str]) -> None:
    for user in ("consumer", "infra"):
        stack.query(f"ALTER USER '{user}'@'%' IDENTIFIED BY '{passwords[user]}' REQUIRE X509")
    plain = {"sasl.mechanism": "PLAIN", "sasl.username": "broker", "sasl.password": stack.layout.passwords.broker}
    admin = AdminClient({"bootstrap.servers": stack.addresses.bootstrap_servers, **stack.addresses.kafka, **plain})
    how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    [done] = admin.alter_user_scram_credentials(
        [UserScramCredentialUpsertion(USER, how, passwords["kafka"].encode())]
    ).values()
    done.result(30)


def test_certificates_that_change_while_a_supervisor_runs(stack: SecureStack, topic: str, tmp_path: Path) -> None:
    """All of another authority, of servers and of ours; the servers are restarted, so that everybody connects anew."""
    stack.send(topic, schema(), records(0, 100))
    with Client(stack, tmp_path).supervising("-t", topic) as run:
        in_table(stack, topic, 100)
        pid = run.process.pid
        before = {name: (stack.layout.certificates / name).read_bytes() for name in (AUTHORITY, SERVER, CLIENT)}
        (stack.layout.certificates / CLIENT).unlink()
        make_certificates(stack.layout.certificates)
        assert all((stack.layout.certificates / name).read_bytes() != old for name, old in before.items())
        stack.restart(*ALL)
        stack.send(topic, schema("more"), records(100, 100))
        in_table(stack, topic, 200)
        run.says("kafka_renewed", topic)
        assert psutil.Process(pid).is_running()
        assert run.lines("worker_halted") == []
