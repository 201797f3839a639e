"""Certificates of ours: refused by Kafka, demanded by both databases, and changed while a supervisor runs on MySQL."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url

from infra.stack.security.certificates import (
    AUTHORITY,
    CLIENT,
    SERVER,
    make_certificates,
    new_authority,
)
from infra.stack.state import Addresses, write_private_bytes
from tests.support.stack.mysql_server import cache_dir, running_server, unpacked_server
from tests.support.stack.secure_runs import in_table, made_topic, records, refused, schema
from tests.support.stack.secure_stack import HOST, Client, SecureStack, read_authority, secure_stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNTS = ("consumer", "infra")


class OnMysql(SecureStack):
    """The stack with MySQL in the place of MariaDB; with an authority of its own, so that Kafka keeps the other."""

    def __init__(self, directory: Path, port: int, certificates: Path) -> None:
        super().__init__(directory)
        self.port, self.certificates = port, certificates

    @property
    def addresses(self) -> Addresses:
        known = super().addresses
        urls = {name: getattr(known, name) for name in ("database_url", "infra_database_url", "admin_database_url")}
        files = {"ssl_ca": AUTHORITY, "ssl_cert": CLIENT, "ssl_key": CLIENT}
        own = {name: str(self.certificates / file) for name, file in files.items()}
        moved = {name: make_url(text).set(port=self.port).update_query_dict(own) for name, text in urls.items()}
        moved["admin_database_url"] = make_url(f"mysql+pymysql://root@{HOST}:{self.port}/")
        texts: dict[str, Any] = {name: url.render_as_string(hide_password=False) for name, url in moved.items()}
        return dataclasses.replace(known, **texts)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureStack]:
    with secure_stack(tmp_path_factory.mktemp("secure")) as made:
        yield made


@pytest.fixture(scope="module")
def on_mysql(stack: SecureStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnMysql]:
    folder, certificates = tmp_path_factory.mktemp("mysql"), tmp_path_factory.mktemp("tls")
    make_certificates(certificates)
    server = certificates / SERVER
    options = (f"--ssl-ca={certificates / AUTHORITY}", f"--ssl-cert={server}", f"--ssl-key={server}")
    with running_server(unpacked_server(cache_dir() / "mysql-server"), folder, *options) as running:
        yield OnMysql(stack.directory, running.port, certificates)


@pytest.fixture(params=["MariaDB", "MySQL"])
def database(request: pytest.FixtureRequest, stack: SecureStack) -> SecureStack:
    found: SecureStack = stack if request.param == "MariaDB" else request.getfixturevalue("on_mysql")
    return found


def with_topic(stack: SecureStack, folder: Path, of: str) -> str:
    """A topic of the test's own; the accounts that it needs demand a certificate, on MySQL, too."""
    topic = made_topic(stack, folder, of)
    for user in ACCOUNTS:
        stack.query(f"ALTER USER '{user}'@'%' REQUIRE X509")
    return topic


def a_certificate(stack: SecureStack, fault: str, folder: Path) -> Path:
    """One of ours, with its key."""
    issuer = new_authority("somebody else") if fault == "authority" else read_authority(stack.layout.certificates)
    life = -dt.timedelta(hours=1) if fault == "expired" else dt.timedelta(days=1)
    path = folder / f"{fault}.pem"
    write_private_bytes(path, issuer.issue("client", life=life))
    return path


def without_certificate(stack: SecureStack) -> dict[str, str]:
    """The URLs, with no certificate of ours."""
    urls = {name: make_url(getattr(stack.addresses, name)) for name in ("database_url", "infra_database_url")}
    bare = {name: url.difference_update_query(["ssl_cert", "ssl_key"]) for name, url in urls.items()}
    return {name: url.render_as_string(hide_password=False) for name, url in bare.items()}


@pytest.mark.parametrize("fault", ["expired", "authority", "none"])
def test_kafka_refuses_our_certificate(stack: SecureStack, tmp_path: Path, fault: str) -> None:
    topic = with_topic(stack, tmp_path, f"kafka {fault}")
    kafka = {name: text for name, text in stack.addresses.kafka.items() if name != "ssl.certificate.location"}
    del kafka["ssl.key.location"]
    if fault != "none":
        own = str(a_certificate(stack, fault, tmp_path))
        kafka |= {"ssl.certificate.location": own, "ssl.key.location": own}
    client = Client(stack, tmp_path, kafka=kafka)
    for command in (("supervise", "-t", topic, "--until-caught-up"), ("produce", "-t", topic, "--count", "1")):
        refused(client, command, 4, "E_TLS", f"Kafka at {HOST}", "our" if fault != "none" else "certificate of ours")


def test_a_database_wants_a_certificate_of_ours(database: SecureStack, tmp_path: Path) -> None:
    topic = with_topic(database, tmp_path, str(type(database)))
    client = Client(database, tmp_path, **without_certificate(database))
    port = make_url(database.addresses.database_url).port
    for command in (
        ("offsets", "list"),
        ("supervise", "-t", topic, "--until-caught-up"),
        ("verify", "-t", topic, "--values"),
    ):
        refused(client, command, 77, "E_AUTH", f"{HOST}:{port}")


def test_certificates_of_mysql_that_change_while_a_supervisor_runs(on_mysql: OnMysql, tmp_path: Path) -> None:
    """Those of another authority, on both sides, in the middle of a run; then a run to its end, checked."""
    topic = with_topic(on_mysql, tmp_path, "rotated")
    folder = on_mysql.certificates
    on_mysql.send(topic, schema(), records(0, 100))
    client = Client(on_mysql, tmp_path)
    with client.supervising("-t", topic) as run:
        in_table(on_mysql, topic, 100)
        (folder / CLIENT).rename(folder / "old.pem")
        make_certificates(folder)
        new = (folder / CLIENT).read_bytes()
        write_private_bytes(folder / CLIENT, (folder / "old.pem").read_bytes())
        on_mysql.query("ALTER INSTANCE RELOAD TLS")
        found = on_mysql.query("SELECT id FROM performance_schema.processlist WHERE user IN ('consumer', 'infra')")
        for (number,) in found:
            on_mysql.query(f"KILL {number}")
        on_mysql.send(topic, schema("more"), records(100, 100))
        run.says("outage_began", "it does not trust the authority of our certificate")
        write_private_bytes(folder / CLIENT, new)
        in_table(on_mysql, topic, 200)
        assert run.lines("worker_halted") == []
    done = client.run("verify", "-t", topic, "--values")
    assert done.returncode == 0, done.stderr
