"""The embedded stack itself: real services, started, killed, healed, kept and deleted."""

from __future__ import annotations

import dataclasses
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pymysql
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from rich.console import Console
from sqlalchemy.engine import make_url

from infra.stack import embedded_stack
from infra.stack.artifacts.cache import artifact_paths, cache_directory, ensure_artifacts, is_complete, room_for
from infra.stack.artifacts.lock import read_lock
from infra.stack.embedded_stack import down, status, up
from infra.stack.errors import DiskFullError, NotAStackError, PortInUseError, ServiceDiedError, StackError
from infra.stack.layout import MARKER, StackOptions, load_layout, new_layout, save_layout
from infra.stack.state import Addresses, read_addresses
from infra.stack.status import StackStatus
from tests.support.pipeline.producers import ordered_producer
from tests.support.servers.maven_repository import maven_repository
from tests.support.stack.stack import running_stack
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
STRING = Schema('{"type": "string"}', "AVRO")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A stack that these tests may hurt, apart from the one that others share."""
    directory = tmp_path_factory.mktemp("own")
    with running_stack(directory):
        yield directory


def quiet() -> Console:
    return Console(file=io.StringIO(), width=200)


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def pids(found: StackStatus) -> dict[str, int | None]:
    return {service.name: service.pid for service in found.services}


def states(directory: Path) -> dict[str, str]:
    return {service.name: service.state for service in status(directory).services}


def addresses_of(directory: Path) -> Addresses:
    found = read_addresses(directory)
    assert found is not None
    return found


def sql(url: str, statement: str) -> tuple[tuple[Any, ...], ...]:
    parts = make_url(url)
    with (
        pymysql.connect(
            host=parts.host,
            port=parts.port or 0,
            user=parts.username,
            password=str(parts.password),
            autocommit=True,
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        return cursor.fetchall()


def make_topic(addresses: Addresses, name: str, *, copies: int = 1) -> None:
    admin = AdminClient({"bootstrap.servers": addresses.bootstrap_servers})
    admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=copies)])[name].result(30)


def send(addresses: Addresses, topic: str, value: bytes) -> None:
    failed: list[Any] = []
    producer = ordered_producer(addresses.bootstrap_servers, {"acks": "all"})
    producer.produce(topic, value, on_delivery=lambda error, _message: failed.append(error) if error else None)
    assert producer.flush(30) == 0
    assert not failed


def values(addresses: Addresses, topic: str) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": addresses.bootstrap_servers, "group.id": "test"})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        _, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)
        return [message.value() or b"" for message in consumer.consume(high, timeout=30)]
    finally:
        consumer.close()


def test_second_up_does_nothing(own: Path) -> None:
    before = pids(status(own))
    console = quiet()
    assert up(own, console=console) == addresses_of(own)
    assert "is up already" in said(console)
    assert addresses_of(own).schema_registry_url in said(console)
    assert pids(status(own)) == before


def test_status_tells_addresses_and_services(own: Path) -> None:
    told = status(own).as_dict()
    assert told["running"]
    assert told["bootstrap_servers"] == addresses_of(own).bootstrap_servers
    assert [service["name"] for service in told["services"]] == ["mariadb", "kafka-1", "registry"]
    assert all(service["state"] == "running" and service["memory"] > 0 for service in told["services"])


def test_listens_on_loopback_only_and_shows_no_secret(own: Path) -> None:
    layout = load_layout(own)
    assert layout is not None
    of_broker = {*layout.kafka_ports, *layout.controller_ports}
    expected = {"mariadb": {layout.database_port}, "kafka-1": of_broker, "registry": {layout.registry_port}}
    for name, pid in pids(status(own)).items():
        process = psutil.Process(pid)
        listening = [found.laddr for found in process.net_connections("tcp") if found.status == psutil.CONN_LISTEN]
        assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}, name
        assert {address.port for address in listening} == expected[name], "nothing else, such as a port for management"
        assert "1!" not in " ".join(process.cmdline())
    assert [path.name for path in own.glob("*.json") if path.stat().st_mode & 0o077] == []


def test_accounts(own: Path) -> None:
    addresses = addresses_of(own)
    sql(addresses.infra_database_url, "CREATE TABLE IF NOT EXISTS bank.by_infra (a INT)")
    with pytest.raises(pymysql.err.OperationalError, match="denied"):
        sql(addresses.infra_database_url, "INSERT INTO bank.by_infra VALUES (1)")
    with pytest.raises(pymysql.err.OperationalError, match="denied"):
        sql(addresses.database_url, "SELECT * FROM bank.by_infra")
    found = sql(addresses.admin_database_url, "SELECT user, host FROM mysql.user ORDER BY user, host")
    people = [account for account in found if account[0] not in {"mariadb.sys", "PUBLIC"}]
    assert people == [("consumer", "%"), ("infra", "%"), ("root", "%"), ("root", "localhost")]
    charset = sql(addresses.admin_database_url, "SELECT default_character_set_name FROM information_schema.schemata "
                  "WHERE schema_name = 'bank'")  # fmt: skip
    assert charset == (("utf8mb4",),)


def test_topics_are_not_made_by_accident(own: Path) -> None:
    admin = AdminClient({"bootstrap.servers": addresses_of(own).bootstrap_servers})
    admin.list_topics("typo", timeout=10)
    assert "typo" not in admin.list_topics(timeout=10).topics


@pytest.mark.faults
def test_killed_broker_heals(own: Path) -> None:
    addresses = addresses_of(own)
    make_topic(addresses, "survives")
    send(addresses, "survives", b"before")
    before = pids(status(own))
    os.kill(before["kafka-1"] or 0, signal.SIGKILL)
    eventually(lambda: states(own) == {"mariadb": "running", "kafka-1": "dead", "registry": "running"})

    assert up(own, console=quiet()) == addresses
    after = pids(status(own))
    assert after.pop("kafka-1") != before.pop("kafka-1")
    assert after == before, "only what was dead was started"
    assert values(addresses, "survives") == [b"before"]


def test_hanging_service_is_unhealthy(own: Path) -> None:
    pid = pids(status(own))["mariadb"] or 0
    os.kill(pid, signal.SIGSTOP)
    try:
        assert states(own)["mariadb"] == "unhealthy"
    finally:
        os.kill(pid, signal.SIGCONT)


def test_unrecorded_process_is_adopted(own: Path) -> None:
    """`up` was killed after it had started the broker, before it wrote that down."""
    before = pids(status(own))
    (own / "run/kafka-1.json").unlink()
    up(own, console=quiet())
    assert pids(status(own)) == before
    assert (own / "run/kafka-1.json").exists()


def test_down_and_up_keep_everything(own: Path) -> None:
    addresses = addresses_of(own)
    make_topic(addresses, "kept")
    send(addresses, "kept", b"message")
    with SchemaRegistryClient({"url": addresses.schema_registry_url}) as registry:
        schema_id = registry.register_schema("kept-value", STRING)
    sql(addresses.admin_database_url, "CREATE TABLE bank.kept (a INT) AS SELECT 42 AS a")

    console = quiet()
    down(own, console=console)
    assert "its data stays in" in said(console)
    assert "killed" not in said(console)
    assert set(states(own).values()) == {"stopped"}
    assert read_addresses(own) is None
    down(own, console=quiet())

    assert up(own, console=quiet()) == addresses
    assert values(addresses, "kept") == [b"message"]
    assert sql(addresses.admin_database_url, "SELECT a FROM bank.kept") == ((42,),)
    with SchemaRegistryClient({"url": addresses.schema_registry_url}) as fresh:
        assert fresh.get_latest_version("kept-value").schema_id == schema_id
        assert fresh.test_compatibility("kept-value", STRING)


@pytest.mark.faults
def test_registered_schema_survives_a_kill(own: Path) -> None:
    addresses = addresses_of(own)
    with SchemaRegistryClient({"url": addresses.schema_registry_url}) as registry:
        registry.register_schema("killed-value", STRING)
    os.kill(pids(status(own))["registry"] or 0, signal.SIGKILL)
    eventually(lambda: states(own)["registry"] == "dead")
    up(own, console=quiet())
    with urllib.request.urlopen(f"{addresses.schema_registry_url}/subjects", timeout=10) as answer:
        assert b"killed-value" in answer.read()


def test_running_service_keeps_its_port(own: Path) -> None:
    with pytest.raises(StackError, match=r"kafka-1 runs on port \d+, so it cannot change to 19092"):
        up(own, StackOptions(kafka_port=19092), console=quiet())


COMMAND = "import sys; from pathlib import Path; from infra.stack.embedded_stack import up; up(Path(sys.argv[1]))"


def start_and_kill(directory: Path, once_there: str) -> None:
    """`up` as a command of its own, killed the moment a file appears."""
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(directory)], cwd=ROOT, stderr=subprocess.DEVNULL
    ) as command:
        eventually(lambda: list(directory.glob(once_there)) or command.poll() is not None, within=60)
        command.kill()
        assert command.wait() == -signal.SIGKILL, "it was killed, not done"


@pytest.mark.faults
def test_killed_up_is_adopted_or_cleaned(tmp_path: Path) -> None:
    try:
        for moment in (MARKER, "mariadb.draft-*/data/*", "kafka-1.draft-*/*", "run/mariadb.json", "run/kafka-1.json"):
            start_and_kill(tmp_path, moment)
        up(tmp_path, console=quiet())
        found = status(tmp_path)
        assert found.running
        ours = {
            process.pid
            for process in psutil.process_iter(["cmdline"])
            if process.pid != os.getpid() and any(f"{tmp_path}/" in part for part in process.info["cmdline"] or ())
        }
        assert ours == set(pids(found).values()), "one process for each service, and nothing else"
        assert not list(tmp_path.glob("*.draft-*"))
    finally:
        down(tmp_path, purge=True, console=quiet())
    assert not tmp_path.exists()


@pytest.mark.faults
def test_three_brokers(tmp_path: Path) -> None:
    with running_stack(tmp_path / "three", StackOptions(brokers=3)) as addresses:
        make_topic(addresses, "copied", copies=3)
        send(addresses, "copied", b"message")
        os.kill(pids(status(tmp_path / "three"))["kafka-2"] or 0, signal.SIGKILL)
        send(addresses, "copied", b"with two brokers")
        assert values(addresses, "copied") == [b"message", b"with two brokers"]
        with pytest.raises(StackError, match=r"made with 3 broker\(s\), not 1"):
            up(tmp_path / "three", StackOptions(brokers=1), console=quiet())
    assert not (tmp_path / "three").exists(), "purged"


def test_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for options in (StackOptions(kafka_port=port), StackOptions()):  # the second: the port that was kept
            with pytest.raises(PortInUseError, match=rf"port {port}, which kafka-1 .*process {os.getpid()}") as caught:
                up(tmp_path, options, console=quiet())
            assert "rtpipe infra up --kafka-port N" in caught.value.hint
    assert not (tmp_path / "run").exists(), "nothing was started"
    down(tmp_path, purge=True, console=quiet())


@pytest.mark.faults
def test_service_that_dies_shows_its_log(tmp_path: Path) -> None:
    """Its data directory is whole by name, but holds nothing that the server can start with."""
    save_layout(new_layout(tmp_path, StackOptions()))
    (tmp_path / "mariadb/data").mkdir(parents=True)
    try:
        with pytest.raises(ServiceDiedError, match=r"mariadb died while starting; .*mariadb\.log") as caught:
            up(tmp_path, console=quiet())
        assert "\n  | " in caught.value.message
        assert "run `rtpipe infra up` again" in caught.value.hint
    finally:
        down(tmp_path, purge=True, console=quiet())


def test_purge_spares_what_is_no_stack(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(NotAStackError, match="not an embedded stack"):
        down(tmp_path, purge=True, console=quiet())
    with pytest.raises(NotAStackError, match="not an embedded stack"):
        up(tmp_path, console=quiet())
    assert (tmp_path / "thesis.tex").exists()
    console = quiet()
    down(tmp_path / "nowhere", purge=True, console=console)
    assert "there is no embedded stack" in said(console)
    assert status(tmp_path / "nowhere").as_dict()["services"] == []


def test_the_room_asked_for_holds_what_is_unpacked(own: Path) -> None:
    assert own.exists()  # so the real cache is filled
    for unit in read_lock():
        home = getattr(artifact_paths(cache_directory()), unit.name)
        unpacked = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
        archive = 0 if unit.name == "kafka" else unit.size
        assert 0.9 * room_for(unit.name, unit.size) < unpacked + archive <= room_for(unit.name, unit.size), unit.name


def test_the_room_asked_for_holds_a_new_stack(own: Path) -> None:
    written = sum(path.stat().st_blocks * 512 for path in own.rglob("*") if path.is_file())
    assert 0.7 * embedded_stack._NEW_DATA < written < embedded_stack._NEW_DATA


def test_truncated_download_is_mended(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the real cache with one short jar, and a repository that has only that jar."""
    assert own.exists()  # so the real cache is filled
    cache = tmp_path / "cache"
    shutil.copytree(cache_directory(), cache, copy_function=os.link)
    kafka = next(unit for unit in read_lock() if unit.name == "kafka")
    (jar,) = cache.rglob("kafka-raft-*.jar")
    content = jar.read_bytes()
    jar.unlink()
    jar.write_bytes(content[:1000])
    assert not is_complete(cache, kafka)
    with maven_repository() as repository:
        repository.files[jar.name] = content
        monkeypatch.setenv("RTPIPE_MAVEN_REPOSITORY", repository.url)
        ensure_artifacts(cache, quiet())
        assert repository.asked == [jar.name]
    assert jar.read_bytes() == content
    assert is_complete(cache, kafka)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    mount = tmp_path / "tiny"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(mount)], check=False, capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"needs root to mount a small file system: {made.stderr.strip()}")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


@pytest.mark.faults
def test_full_disk(own: Path, tiny_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own.exists()
    with pytest.raises(DiskFullError, match=r"the embedded stack needs \d+ MiB in .*; its disk has \d+ MiB free"):
        up(tiny_disk / "stack", console=quiet())

    # what the preflight cannot foresee: the disk fills up afterwards
    monkeypatch.setattr("infra.stack.preflight.check_disk", lambda *_args, **_named: None)
    try:
        with pytest.raises(DiskFullError, match=f"the disk of {tiny_disk}.* is full") as caught:
            up(tiny_disk / "stack", console=quiet())
        assert "Free some space" in caught.value.hint
    finally:
        down(tiny_disk / "stack", purge=True, console=quiet())

    lock = dataclasses.replace(next(unit for unit in read_lock() if unit.name == "mariadb").files[0])
    with maven_repository() as repository:
        repository.files = {file.filename: bytes(file.size) for unit in read_lock() for file in unit.files}
        monkeypatch.setenv("RTPIPE_MAVEN_REPOSITORY", repository.url)
        lock_file = tiny_disk / "one.lock"
        fields = {name: getattr(lock, name) for name in lock.__slots__}
        lock_file.write_text("[[file]]\n" + "\n".join(f"{name} = {value!r}" for name, value in fields.items()))
        with pytest.raises(DiskFullError, match=f"the disk of {tiny_disk}/cache is full") as caught:
            ensure_artifacts(tiny_disk / "cache", quiet(), lock_file)
        assert "RTPIPE_CACHE_DIR" in caught.value.hint


def test_layout_is_private(own: Path) -> None:
    assert load_layout(own) is not None
    assert (own / MARKER).stat().st_mode & 0o777 == 0o600
