"""What changes in the files of a client's properties, and whether that needs a new client."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtpipe.kafka import renewal
from rtpipe.kafka.renewal import KafkaRenewal


class FakeClient:
    """Remembers the login that it is told."""

    def __init__(self) -> None:
        self.logins: list[tuple[str, str]] = []

    def set_sasl_credentials(self, username: str, password: str) -> None:
        self.logins.append((username, password))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "EVERY", 0.0)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "kafka"
    write(path, {"sasl.username": "u", "sasl.password": "old"})
    return path


def write(path: Path, properties: dict[str, str]) -> None:
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(properties))
    draft.replace(path)


def test_a_login_is_told_to_the_client_once(secret: Path) -> None:
    client, found = FakeClient(), KafkaRenewal({"a": "b"}, str(secret))
    assert found.properties == {"a": "b", "sasl.username": "u", "sasl.password": "old"}
    assert found.wanted(client) is None
    write(secret, {"sasl.username": "u", "sasl.password": "new"})
    assert found.wanted(client) is found.wanted(client) is None
    assert client.logins == [("u", "new")]
    assert found.properties["sasl.password"] == "new"


def test_any_other_property_needs_a_new_client_and_is_asked_for_until_there_is_one(secret: Path) -> None:
    client, found = FakeClient(), KafkaRenewal({"a": "b"}, str(secret))
    write(secret, {"sasl.password": "new", "ssl.key.password": "p"})
    wanted = {"a": "b", "sasl.username": "u", "sasl.password": "new", "ssl.key.password": "p"}
    assert found.wanted(client) == found.wanted(client) == wanted
    assert client.logins == []
    found.taken(wanted)
    assert found.wanted(client) is None


@pytest.mark.parametrize("name", ["ssl.ca.location", "ssl.key.location", "sasl.kerberos.keytab"])
def test_a_file_that_librdkafka_reads_needs_a_new_client(tmp_path: Path, name: str) -> None:
    file = tmp_path / "file"
    found = KafkaRenewal({name: str(file)}, "")
    assert found.wanted(FakeClient()) is None
    file.write_text("a certificate")
    assert found.wanted(FakeClient()) == {name: str(file)}
    found.taken({name: str(file)})
    assert found.wanted(FakeClient()) is None


def test_a_file_that_is_half_written_changes_nothing(secret: Path) -> None:
    client, found = FakeClient(), KafkaRenewal({}, str(secret))
    secret.write_text('{"sasl.pass')
    assert found.wanted(client) is None
    write(secret, {"sasl.username": "u", "sasl.password": "new"})
    assert found.wanted(client) is None
    assert client.logins == [("u", "new")]


def test_files_are_looked_at_now_and_then(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "EVERY", 3_600.0)
    client, found = FakeClient(), KafkaRenewal({}, str(secret))
    write(secret, {"sasl.username": "u", "sasl.password": "new"})
    assert found.wanted(client) is None
    assert client.logins == []
