"""`rtpipe config show`: each value with its source, and no secret anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from supervisor.settings.fields.topic_settings import TopicSettings
from supervisor.settings.masking import secrets_of, shown_setting, shown_url
from supervisor.settings.secrets_in_files import SECRET
from supervisor.settings.settings import Settings, load
from tests.support.command_answers import CANARY, Command

FILE = f"""
drain_seconds = 12
infra_database_url = "mysql+pymysql://infra:{CANARY}@db:3306/bank?ssl_key_password={CANARY}"
[kafka]
"security.protocol" = "SASL_SSL"
"sasl.password" = "{CANARY}"
"client.id" = "from the file"
[registry]
"basic.auth.user.info" = "me:{CANARY}"
[throttle]
threads_running = 64
[defaults]
batch_rows = 100
[[topics]]
match = "ord.*"
table = "t"
[[topics]]
match = "orders"
table = "never"
"""


@pytest.fixture(autouse=True)
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "registry_url"
    secret.write_text(f"http://me:{CANARY}@registry:8081")
    secret.chmod(0o600)
    (tmp_path / "rtpipe.toml").write_text(FILE)
    monkeypatch.setenv("RTPIPE_DATABASE_URL", f"mysql+pymysql://app:{CANARY}@db:3306/bank")
    monkeypatch.setenv("RTPIPE_SCHEMA_REGISTRY_URL_FILE", str(secret))
    monkeypatch.setenv("RTPIPE_KAFKA", '{"client.id": "from the environment"}')
    monkeypatch.setenv("RTPIPE_BOOTSTRAP_SERVERS", "env:1")


def shown(rtpipe: Command, *words: str) -> dict[str, Any]:
    answer = rtpipe("config", "show", "--json", *words)
    assert answer.returncode == 0, answer.stderr
    assert CANARY not in answer.stdout + answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def by_name(settings: list[dict[str, Any]]) -> dict[str, tuple[Any, str]]:
    return {one["name"]: (one["value"], one["origin"]) for one in settings}


def test_each_setting_with_its_source(rtpipe: Command, tmp_path: Path) -> None:
    found = by_name(shown(rtpipe, "-b", "option:1")["settings"])
    file = f"file {tmp_path / 'rtpipe.toml'}"
    assert found["bootstrap_servers"] == ("option:1", "option --bootstrap-servers")
    assert found["drain_seconds"] == (12, file)
    assert found["heartbeat_seconds"] == (30, "default")
    assert found["database_url"] == ("mysql+pymysql://app:***@db:3306/bank", "environment RTPIPE_DATABASE_URL")
    assert found["infra_database_url"] == ("mysql+pymysql://infra:***@db:3306/bank?ssl_key_password=***", file)
    where = f"file {tmp_path / 'registry_url'} (RTPIPE_SCHEMA_REGISTRY_URL_FILE)"
    assert found["schema_registry_url"] == ("http://me:***@registry:8081", where)
    assert found["kafka.security.protocol"] == ("SASL_SSL", file)
    assert found["kafka.sasl.password"] == ("***", file)
    assert found["kafka.client.id"] == ("from the environment", "environment RTPIPE_KAFKA")
    assert found["registry.basic.auth.user.info"] == ("***", file)
    assert found["topics 2.table"] == ("never", file)
    told = {name.partition(".")[0].partition(" ")[0] for name in found}
    assert told == set(Settings.model_fields)


def test_the_settings_of_a_topic(rtpipe: Command) -> None:
    found = by_name(shown(rtpipe, "--topics", "orders,others")["topics"]["orders"])
    assert found.keys() == TopicSettings.model_fields.keys()
    assert found["table"] == ("t", "[[topics]] 1, match 'ord.*'")
    assert found["batch_rows"] == (100, "[defaults]")
    assert found["linger_ms"] == (1, "default")


def test_for_a_person(rtpipe: Command) -> None:
    plain = rtpipe("config", "show")
    assert "environment RTPIPE_DATABASE_URL" not in plain.stdout
    answer = rtpipe("config", "show", "--origin", "-t", "orders")
    assert "environment RTPIPE_DATABASE_URL" in answer.stdout
    assert "[[topics]] 1, match 'ord.*'" in answer.stdout
    assert CANARY not in answer.stdout


def test_the_embedded_stack_is_a_source(rtpipe: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from infra.stack.state import Addresses  # noqa: PLC0415

    (tmp_path / "rtpipe.toml").unlink()
    for name in ("RTPIPE_DATABASE_URL", "RTPIPE_BOOTSTRAP_SERVERS", "RTPIPE_SCHEMA_REGISTRY_URL_FILE"):
        monkeypatch.delenv(name)
    url = "mysql+pymysql://u:p@h:1/bank"
    addresses = Addresses("stack:1", "http://stack:2", url, url, url)
    monkeypatch.setattr("supervisor.settings.settings.read_addresses", lambda _: addresses)
    found = by_name(shown(rtpipe)["settings"])
    assert found["bootstrap_servers"] == ("stack:1", "the embedded stack")
    assert found["database_url"][1] == "the embedded stack"
    assert found["drain_seconds"] == (25, "default")


def test_no_secret_setting_is_shown_whatever_it_is() -> None:
    """A new setting that holds a secret is masked without anybody having thought of it here."""
    for name, field in Settings.model_fields.items():
        if field.annotation is SecretStr:
            assert name in SECRET
            for text in (CANARY, f"http://me:{CANARY}@h:1", f"{CANARY}:1@h"):
                assert CANARY not in shown_setting(name, SecretStr(text))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("kafka.socket.timeout.ms", "5000", "5000"),
        ("kafka.sasl.password", "5000", "***"),
        ("kafka.sasl.username", "me", "***"),
        ("kafka.some.new.property", "text", "***"),
        ("kafka.ssl.ca.location", "/etc/ca.pem", "/etc/ca.pem"),
        ("kafka.ssl.key.pem", "-----BEGIN", "***"),
    ],
)
def test_a_property_is_a_secret_unless_it_is_known_for_none(name: str, value: str, expected: str) -> None:
    assert shown_setting(name, value) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", ""),
        ("http://r:8081/apis", "http://r:8081/apis"),
        ("http://token@r:8081", "http://***@r:8081"),
        ("http://u:p%40@[::1]:8081", "http://u:***@[::1]:8081"),
        ("http://r:port", "***"),
        ("mysql+pymysql://u:p@[a:3306,b:3307]/bank?ssl_ca=x", "mysql+pymysql://u:***@a:3306,b:3307/bank?ssl_ca=***"),
    ],
)
def test_urls(url: str, expected: str) -> None:
    assert shown_url(url) == expected


def test_the_password_of_a_url_that_names_several_servers_is_known_for_a_secret() -> None:
    """As a settings file has it, and as it is kept: a bundle is searched for it."""
    settings = Settings(database_url=SecretStr("mysql://u:p%40ss@a:3306,b/bank"))
    assert {"p%40ss", "p@ss"} <= secrets_of(settings)
    assert settings.database_url.get_secret_value() not in secrets_of(settings)


def test_only_what_is_secret_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of an account stands in other texts, too: a bundle without it would say nothing."""
    kafka = {"sasl.username": "rtpipe", "sasl.password": "hidden-1", "sasl.oauthbearer.client.id": "rtpipe"}
    monkeypatch.setenv("RTPIPE_KAFKA", json.dumps(kafka | {"sasl.oauthbearer.client.secret": "hidden-2"}))
    monkeypatch.setenv("RTPIPE_REGISTRY", json.dumps({"basic.auth.user.info": "rtpipe:hidden-3"}))
    monkeypatch.setenv("RTPIPE_DATABASE_URL", "mysql+pymysql://rtpipe:hidden-4@db/bank?ssl_verify_identity=true")
    found = secrets_of(load())
    assert {"hidden-1", "hidden-2", "hidden-3", "rtpipe:hidden-3", "hidden-4"} <= found
    assert not {"rtpipe", "true"} & found
