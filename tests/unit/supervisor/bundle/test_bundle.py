"""`rtpipe support-bundle`: complete or not there, and no planted secret is in it, whoever lets one in."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from rtpipe.errors import UnreachableError
from supervisor.bundle.archive import without, write_bundle
from tests.support.command_answers import CANARY, Command, refused

#: A password with characters that a URL spells in another way.
STRANGE = f"{CANARY}/@ä"
WRITTEN = f"{CANARY}%2F%40%C3%A4"
FILE = f"""
infra_database_url = "mysql+pymysql://infra:{WRITTEN}@127.0.0.1:9/bank"
[kafka]
"sasl.password" = "{CANARY}-kafka"
"some.new.property" = "{CANARY}-new"
[registry]
"basic.auth.user.info" = "me:{CANARY}-registry"
"""
PARTS = {"about.json", "packages.json", "settings.json", "status.json", "doctor.json", "events.json"}


def content(path: Path) -> dict[str, Any]:
    with tarfile.open(path) as archive:
        found = {Path(entry.name).name: archive.extractfile(entry).read().decode() for entry in archive.getmembers()}  # type: ignore[union-attr]
        assert {Path(entry.name).parent.name for entry in archive.getmembers()} == {path.name.removesuffix(".tar.gz")}
    for text in found.values():
        assert CANARY not in text
    return {name: json.loads(text) for name, text in found.items()}


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets in a URL of the environment, in properties of the file, in a file of its own, and in no setting."""
    secret = tmp_path / "registry_url"
    secret.write_text(f"http://me:{WRITTEN}@127.0.0.1:9")
    secret.chmod(0o600)
    (tmp_path / "rtpipe.toml").write_text(FILE)
    monkeypatch.setenv("RTPIPE_DATABASE_URL", f"mysql+pymysql://app:{WRITTEN}@127.0.0.1:9/bank")
    monkeypatch.setenv("RTPIPE_SCHEMA_REGISTRY_URL_FILE", str(secret))
    monkeypatch.setenv("RTPIPE_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("RTPIPE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("UNRELATED_PASSWORD", f"{CANARY}-unrelated")


@pytest.mark.usefixtures("planted")
def test_no_planted_secret_is_in_it(rtpipe: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leaks = [{"found": f"password {text} is wrong", text: text} for text in (STRANGE, WRITTEN, f"{CANARY}-kafka")]
    monkeypatch.setattr("supervisor.bundle.parts.diagnose", lambda *_: None)
    monkeypatch.setattr("supervisor.bundle.parts.facts_of_checks", lambda _: {"checks": leaks})
    answer = rtpipe("support-bundle", "-o", "bundle.tar.gz", "--topics", "orders")
    assert answer.returncode == 0, answer.stderr
    assert CANARY not in answer.stdout + answer.stderr
    found = content(tmp_path / "bundle.tar.gz")
    assert found.keys() == PARTS
    for name in PARTS:
        assert name in answer.stdout
    assert "***" in json.dumps(found["doctor.json"])
    assert found["about.json"]["rtpipe"]
    assert "SQLAlchemy" in found["packages.json"]
    assert found["settings.json"]["topics"]["orders"]
    assert (tmp_path / "bundle.tar.gz").stat().st_mode & 0o077 == 0
    assert not list(tmp_path.glob(".bundle*"))
    refused(rtpipe("support-bundle", "-o", "bundle.tar.gz"), 2, "E_SETTINGS", "is there already")


@pytest.mark.usefixtures("planted")
def test_what_is_not_to_be_had_says_why(rtpipe: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise UnreachableError(f"no answer for {STRANGE}")

    def broken(*_: object) -> None:
        raise ZeroDivisionError(f"{CANARY}-unrelated")

    monkeypatch.setattr("supervisor.bundle.parts.diagnose", away)
    monkeypatch.setattr("supervisor.bundle.parts.ask_for_status", broken)
    answer = rtpipe("support-bundle", "-o", "bundle.tar.gz")
    assert answer.returncode == 0, answer.stderr
    assert "doctor.json  (E_UNREACHABLE)" in answer.stdout
    found = content(tmp_path / "bundle.tar.gz")
    assert found["doctor.json"]["error_text"] == "no answer for ***"
    assert found["status.json"]["error_name"] == "ZeroDivisionError"


def test_settings_that_cannot_be_read(rtpipe: Command, tmp_path: Path) -> None:
    (tmp_path / "rtpipe.toml").write_text(f'database_url = "nonsense:{CANARY}"\ndrain_second = 3\n')
    answer = rtpipe("support-bundle", "-o", "bundle.tar.gz")
    assert answer.returncode == 0, answer.stderr
    found = content(tmp_path / "bundle.tar.gz")
    assert "did you mean drain_seconds" in found["settings.json"]["error_text"]


def test_a_bundle_that_cannot_be_finished_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("supervisor.bundle.archive.json.dumps", full)
    with pytest.raises(OSError, match="No space"):
        write_bundle(tmp_path / "bundle.tar.gz", {"about.json": {}}, ())
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_taken_out_of_texts_and_names() -> None:
    facts = {"a": [1, None, True, "x secret y"], "secret": "ab", "b": "xaby"}
    assert without(facts, ["secret", "ab"]) == {"a": [1, None, True, "x *** y"], "***": "***", "b": "xaby"}
