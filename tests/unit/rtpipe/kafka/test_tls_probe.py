"""Why a broker cannot be reached by TLS, found out by a real handshake."""

from __future__ import annotations

import datetime as dt
import socket
from pathlib import Path

import pytest

from infra.stack.security.certificates import Authority, new_authority
from rtpipe.kafka.tls_probe import tls_error_of
from tests.support.stack.secure_stack import HOST, handshakes


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = new_authority("test")
    (tmp_path / "ca.pem").write_bytes(made.pem)
    return made


def properties(tmp_path: Path, port: int, **more: str) -> dict[str, str]:
    known = {"security.protocol": "sasl_ssl", "ssl.ca.location": str(tmp_path / "ca.pem")}
    return (
        known | {"bootstrap.servers": f"{HOST}:{port}"} | {name.replace("_", "."): text for name, text in more.items()}
    )


def test_each_fault_of_a_certificate_is_told_with_its_broker(authority: Authority, tmp_path: Path) -> None:
    faults = {
        "has expired": authority.issue("server", [HOST], life=dt.timedelta(hours=-1)),
        "another host name": authority.issue("server", ["elsewhere.example"]),
        "authority that is not trusted": new_authority("other").issue("server", [HOST]),
    }
    for words, pem in faults.items():
        with handshakes(pem, tmp_path) as port:
            found = tls_error_of(properties(tmp_path, port))
        assert found is not None
        assert f"Kafka at {HOST}:{port}: " in found.message
        assert words in found.message


def test_what_is_right_or_not_asked_for_is_no_fault(authority: Authority, tmp_path: Path) -> None:
    with handshakes(authority.issue("server", [HOST]), tmp_path) as port:
        assert tls_error_of(properties(tmp_path, port)) is None
    with handshakes(authority.issue("server", ["elsewhere.example"]), tmp_path) as port:
        assert tls_error_of(properties(tmp_path, port, ssl_endpoint_identification_algorithm="none")) is None
        assert tls_error_of(properties(tmp_path, port, enable_ssl_certificate_verification="false")) is None
        assert tls_error_of(properties(tmp_path, port, security_protocol="PLAINTEXT")) is None


def test_nobody_there_and_files_that_cannot_be_read_tell_nothing(authority: Authority, tmp_path: Path) -> None:
    assert authority.pem
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    assert tls_error_of(properties(tmp_path, port)) is None
    assert tls_error_of(properties(tmp_path, port) | {"ssl.ca.location": "/nowhere"}) is None
