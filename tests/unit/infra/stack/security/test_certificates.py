"""The certificates, passwords and settings of a secure stack."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy.engine import make_url

from infra.stack.errors import StackError
from infra.stack.layout import StackOptions, changed_layout, load_layout, new_layout, save_layout
from infra.stack.security.certificates import AUTHORITY, CLIENT, SERVER, make_certificates
from infra.stack.security.client_files import SETTINGS, write_client_files
from supervisor.settings.settings import load


def test_an_authority_issues_certificates_that_only_their_owner_can_read(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    authority = x509.load_pem_x509_certificate((tmp_path / AUTHORITY).read_bytes())
    for name in (SERVER, CLIENT):
        issued = x509.load_pem_x509_certificate((tmp_path / name).read_bytes())
        issued.verify_directly_issued_by(authority)
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    before = (tmp_path / AUTHORITY).read_bytes()
    make_certificates(tmp_path)
    assert (tmp_path / AUTHORITY).read_bytes() == before


def test_a_secure_layout_is_kept_and_shows_no_password(tmp_path: Path) -> None:
    layout = new_layout(tmp_path, StackOptions(secure=True))
    save_layout(layout)
    assert load_layout(tmp_path) == layout
    shown = json.dumps(layout.shown)
    passwords = [layout.passwords.consumer, layout.passwords.kafka, layout.passwords.registry]
    assert [password for password in passwords if not password or password in shown] == []
    assert changed_layout(layout, StackOptions()) == layout
    plain = new_layout(tmp_path, StackOptions())
    assert "consumer1%21" in json.dumps(plain.shown)
    with pytest.raises(StackError, match="was made without --secure"):
        changed_layout(plain, StackOptions(secure=True))


def test_the_settings_of_a_client_are_those_of_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = new_layout(tmp_path, StackOptions(secure=True)).addresses
    write_client_files(tmp_path, addresses)
    monkeypatch.setenv("RTPIPE_CONFIG", str(tmp_path / SETTINGS))
    settings = load()
    assert settings.librdkafka() == {**addresses.kafka, "bootstrap.servers": addresses.bootstrap_servers}
    assert settings.registry == addresses.registry
    assert make_url(settings.database_url.get_secret_value()) == make_url(addresses.database_url)
    assert settings.secret_file("kafka") == str(tmp_path / "client/kafka")
    said = tomllib.loads((tmp_path / SETTINGS).read_text())
    assert "sasl.password" not in said["kafka"]
