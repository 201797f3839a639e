from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rtpipe.errors import SettingsError
from rtpipe.kafka.properties import EXACT_READER
from supervisor.partition_plan import check_tables
from supervisor.settings import settings as settings_module
from supervisor.settings.accounts import accounts
from supervisor.settings.option_values import topic_names
from supervisor.settings.settings import as_environment, load, require

URL = "mysql+pymysql://me:hunter2@db:3306/bank"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working directory without settings."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_flags_over_environment_over_file(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nowhere / "rtpipe.toml").write_text('bootstrap_servers = "file:1"\nlog_level = "DEBUG"\n')
    assert load().bootstrap_servers == "file:1"
    monkeypatch.setenv("RTPIPE_BOOTSTRAP_SERVERS", "environment:1")
    assert load().bootstrap_servers == "environment:1"
    assert load(bootstrap_servers="flag:1").bootstrap_servers == "flag:1"
    assert load(bootstrap_servers=None).log_level == "DEBUG"


def test_a_secret_may_come_from_a_file(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nowhere / "url").write_text(URL + "\n")
    (nowhere / "url").chmod(0o600)
    monkeypatch.setenv("RTPIPE_DATABASE_URL_FILE", str(nowhere / "url"))
    assert load().database_url.get_secret_value() == URL


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_secret_that_others_can_read_is_refused(nowhere: Path, monkeypatch: pytest.MonkeyPatch, mode: int) -> None:
    (nowhere / "url").write_text(URL)
    (nowhere / "url").chmod(mode)
    monkeypatch.setenv("RTPIPE_DATABASE_URL_FILE", str(nowhere / "url"))
    with pytest.raises(SettingsError, match="can be read by other users") as caught:
        load()
    assert caught.value.hint == f"chmod 600 {nowhere / 'url'}"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(nowhere))  # systemd's own: nobody else may enter it
    assert load().database_url.get_secret_value() == URL


def test_a_secret_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTPIPE_DATABASE_URL_FILE", "/nowhere/url")
    with pytest.raises(SettingsError, match="RTPIPE_DATABASE_URL_FILE: /nowhere/url"):
        load()


def test_properties_of_kafka_may_come_from_a_file(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nowhere / "kafka").write_text('{"sasl.password": "hunter2"}')
    (nowhere / "kafka").chmod(0o600)
    monkeypatch.setenv("RTPIPE_KAFKA_FILE", str(nowhere / "kafka"))
    assert load().kafka == {"sasl.password": "hunter2"}
    (nowhere / "kafka").write_text("sasl.password=hunter2")
    with pytest.raises(SettingsError, match=r"RTPIPE_KAFKA_FILE: .*: takes JSON") as caught:
        load()
    assert "hunter2" not in caught.value.message + caught.value.hint


def test_properties_of_kafka_may_be_numbers_and_flags(nowhere: Path) -> None:
    (nowhere / "rtpipe.toml").write_text('[kafka]\n"socket.timeout.ms" = 3000\n"check.crcs" = true\n"a" = "b"\n')
    assert load().kafka == {"socket.timeout.ms": "3000", "check.crcs": "true", "a": "b"}
    assert load(bootstrap_servers="k:1").librdkafka()["bootstrap.servers"] == "k:1"


@pytest.mark.parametrize(("name", "value"), EXACT_READER.items())
def test_a_property_that_exactly_once_rests_on_is_refused_and_never_set_aside_in_silence(name: str, value: str) -> None:
    assert load(kafka={name: value.upper()}).kafka  # what it is anyhow
    with pytest.raises(SettingsError, match=rf"^kafka: {name} must be {value}: exactly once rests on it$"):
        load(kafka={name: "hunter2"})


@pytest.mark.parametrize("name", ["bootstrap.servers", "metadata.broker.list", "group.id"])
def test_a_property_that_has_a_setting_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=f"kafka: {name} has a setting of its own: ") as caught:
        load(kafka={name: "hunter2"})
    assert "hunter2" not in caught.value.message


def test_properties_of_the_registry(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nowhere / "rtpipe.toml").write_text('[registry]\n"ssl.ca.location" = "ca.pem"\ntimeout = 8\n')
    assert load().registry == {"ssl.ca.location": "ca.pem", "timeout": "8"}
    monkeypatch.setenv("RTPIPE_REGISTRY", '{"bearer.auth.token": "hunter2"}')
    settings = load()
    assert settings.registry["bearer.auth.token"] == "hunter2"
    assert "hunter2" not in repr(settings)
    assert as_environment(settings)["RTPIPE_REGISTRY"] == json.dumps(settings.registry)
    monkeypatch.setenv("RTPIPE_REGISTRY", '{"bearer.auth.tokn": "hunter2"}')
    with pytest.raises(SettingsError, match=r"registry: bearer\.auth\.tokn is no property") as caught:
        load()
    assert "hunter2" not in caught.value.message + caught.value.hint
    monkeypatch.delenv("RTPIPE_REGISTRY")
    (nowhere / "rtpipe.toml").unlink()
    (nowhere / "registry").write_text('{"basic.auth.user.info": "me:hunter2"}')
    (nowhere / "registry").chmod(0o644)
    monkeypatch.setenv("RTPIPE_REGISTRY_FILE", str(nowhere / "registry"))
    with pytest.raises(SettingsError, match="can be read by other users"):
        load()
    (nowhere / "registry").chmod(0o600)
    assert load().registry == {"basic.auth.user.info": "me:hunter2"}


@pytest.mark.parametrize("name", ["RTPIPE_DATABSE_URL", "RTPIPE_DATABASE_URL_FIL", "RTPIPE_LOGLEVEL"])
def test_a_misspelt_variable_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(SettingsError, match=f"{name}: no such variable"):
        load()


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RTPIPE_DEBUG", "RTPIPE_CACHE_DIR", "RTPIPE_SITE", "RTPIPE_NO_SKIPS"):
        monkeypatch.setenv(name, "x")
    load()


def test_settings_hide_their_secrets() -> None:
    settings = load(database_url=URL, kafka={"sasl.password": "hunter2"})
    assert "hunter2" not in repr(settings)


def test_other_spellings_of_the_driver_mean_the_same() -> None:
    for scheme in ("mysql", "mariadb", "mysql+mysqldb"):
        url = load(database_url=URL.replace("mysql+pymysql", scheme)).database_url
        assert url.get_secret_value() == URL


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"bootstrap_servers": "kafka://host:9092"}, "host:port"),
        ({"bootstrap_servers": "host"}, "host:port"),
        ({"schema_registry_url": "host:8081"}, "http"),
        ({"database_url": "postgresql://me:hunter2@host/db"}, "mysql"),
        ({"database_url": "hunter2"}, "mysql"),
        ({"log_format": "xml"}, "log_format"),
    ],
)
def test_a_wrong_value_is_named_and_never_quoted_if_secret(flags: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**flags)
    assert words in caught.value.message
    assert "hunter2" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("boostrap_servers = 'x:1'", "did you mean bootstrap_servers?"),
        ("[defaults]\nbatch_row = 5", "did you mean batch_rows?"),
        ("[[topics]]\nmatch = '('", "topics.0.match"),
        ("[[topics]]\ntable = 't'", "topics.0.match"),
        ("[defaults]\nbatch_rows = 0", "defaults.batch_rows"),
        ("log_level = ", "not valid TOML"),
        ("a = 1\na = 2", "not valid TOML"),
    ],
)
def test_a_wrong_settings_file_is_explained(nowhere: Path, text: str, words: str) -> None:
    (nowhere / "rtpipe.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load()
    assert words in caught.value.message


def test_a_named_settings_file_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTPIPE_CONFIG", "/nowhere.toml")
    with pytest.raises(SettingsError, match=r"/nowhere\.toml"):
        load()


def test_a_huge_settings_file_is_refused(nowhere: Path) -> None:
    (nowhere / "rtpipe.toml").write_text("# x" * 400_000)
    with pytest.raises(SettingsError, match="larger than 1 MB"):
        load()


def test_the_first_block_that_fits_a_topic_rules_over_the_defaults(nowhere: Path) -> None:
    (nowhere / "rtpipe.toml").write_text(
        "[defaults]\nbatch_rows = 7\nlinger_ms = 1\n"
        '[[topics]]\nmatch = "orders.*"\nbatch_rows = 9\n[[topics]]\nmatch = "orders"\nbatch_rows = 11\n'
    )
    settings = load()
    assert (settings.topic("orders").batch_rows, settings.topic("orders").linger_ms) == (9, 1)
    assert settings.topic("other").batch_rows == 7


def test_missing_addresses_are_all_named() -> None:
    with pytest.raises(SettingsError, match="RTPIPE_BOOTSTRAP_SERVERS, RTPIPE_DATABASE_URL"):
        require(load(), "bootstrap_servers", "database_url")


def test_the_running_embedded_stack_is_the_default(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from infra.stack.state import Addresses, write_addresses  # noqa: PLC0415

    write_addresses(nowhere, Addresses("k:1", "http://r:2", URL, URL, URL))
    monkeypatch.setenv("RTPIPE_STACK_DIR", str(nowhere))
    assert load().bootstrap_servers == "k:1"
    assert load(bootstrap_servers="mine:9").database_url.get_secret_value() == ""
    assert settings_module.load().librdkafka() == {"bootstrap.servers": "k:1"}


def test_topics_may_be_split_by_commas_or_repeated() -> None:
    assert topic_names(["a, b", "c"]) == ["a", "b", "c"]
    for wrong in ([" , "], ["a,b", "a"]):
        with pytest.raises(SettingsError):
            topic_names(wrong)


def test_two_topics_never_share_a_table_by_accident(nowhere: Path) -> None:
    with pytest.raises(SettingsError, match=r"orders, ORDERS would all go to table orders"):
        check_tables(load().topic, ["orders", "ORDERS"])
    (nowhere / "rtpipe.toml").write_text('[[topics]]\nmatch = "ORDERS"\ntable = "old_orders"\n')
    check_tables(load().topic, ["orders", "ORDERS"])
    shared = '[defaults]\ntable = "orders"\nshared_table = true\nmetadata_columns = '
    (nowhere / "rtpipe.toml").write_text(f'{shared}["_schema_id"]\n')
    check_tables(load().topic, ["orders", "ORDERS"])
    (nowhere / "rtpipe.toml").write_text(f'{shared}["_kafka_offset", "_kafka_partition"]\n')
    with pytest.raises(SettingsError, match=r"topic orders: shared_table = true, and .* says nothing of the topic"):
        check_tables(load().topic, ["orders", "ORDERS"])


#: What a command loads before it does anything: all of them for `--help`, and what `rtpipe status` asks and prints.
AT_ONCE = {
    "settings": ["supervisor.settings.settings"],
    "--help": ["supervisor.cli"],
    "status": ["supervisor.cli", "supervisor.status.running_supervisors", "supervisor.status.status_view"],
}
#: Each takes longer to load than such a command may take in all.
HEAVY = {"sqlalchemy", "pymysql", "confluent_kafka", "fastavro", "psutil", "multiprocessing.forkserver"}


@pytest.mark.parametrize("modules", AT_ONCE.values(), ids=AT_ONCE)
def test_what_answers_at_once_loads_nothing_heavy(modules: list[str]) -> None:
    """`supervise` reads its settings before it starts its forkserver, and every short command before anything else."""
    code = f"import sys, {', '.join(modules)}; print(*({HEAVY!r} & sys.modules.keys()))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert loaded.stdout.split() == []


def test_the_three_accounts_and_the_file_of_the_one_that_alters_tables(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = accounts(load(database_url=URL))
    assert (found.database, found.admin, found.infra == found.consumer) == ("bank", None, True)
    (nowhere / "infra").write_text("mysql+pymysql://infra:secret@db:3306/bank")
    (nowhere / "infra").chmod(0o600)
    monkeypatch.setenv("RTPIPE_INFRA_DATABASE_URL_FILE", str(nowhere / "infra"))
    settings = load(database_url=URL, admin_database_url="mysql+pymysql://root:secret@db:3306/")
    assert settings.infra_url == "mysql+pymysql://infra:secret@db:3306/bank"
    assert accounts(settings).admin is not None
    with pytest.raises(SettingsError):
        accounts(load(database_url=URL, infra_database_url="mysql+pymysql://i:p@db:3306/other"))


def secret(path: Path, text: str) -> Path:
    path.touch(0o600)
    path.write_text(text)
    return path


def test_rtpipe_toml_names_files_of_secrets_beside_it(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret(nowhere / "url", URL)
    secret(nowhere / "kafka", '{"sasl.password": "of the file"}')
    (nowhere / "rtpipe.toml").write_text(
        'bootstrap_servers = "k:1"\ndatabase_url_file = "url"\nkafka_file = "kafka"\n'
        '[kafka]\n"sasl.username" = "u"\n"sasl.password" = "of the block"\n'
    )
    settings = load()
    assert settings.database_url.get_secret_value() == URL
    assert settings.kafka == {"sasl.username": "u", "sasl.password": "of the file"}
    assert Path(settings.secret_file("kafka")).resolve() == (nowhere / "kafka").resolve()
    assert load(schema_registry_url="http://r:1").secret_file("schema_registry_url") == ""
    monkeypatch.setenv("RTPIPE_DATABASE_URL", URL)
    assert load().secret_file("database_url") == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("database_url_file = 5", "database_url_file takes the name of a file"),
        (
            'database_url = "mysql://u:hunter2@h/b"\ndatabase_url_file = "url"',
            "both database_url and database_url_file",
        ),
        ('database_url_file = "gone"', "database_url_file: .*gone: No such file"),
        ('log_level_file = "url"', "log_level_file"),
    ],
)
def test_a_file_that_rtpipe_toml_names_wrongly_is_told(nowhere: Path, text: str, words: str) -> None:
    secret(nowhere / "url", URL)
    (nowhere / "rtpipe.toml").write_text(text)
    with pytest.raises(SettingsError, match=words) as caught:
        load()
    assert "hunter2" not in caught.value.message + caught.value.hint


def test_the_credentials_directory_gives_secrets_by_their_names(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = nowhere / "credentials"
    kept.mkdir()
    (kept / "database_url").write_text(URL)  # readable for others: the directory is closed to them
    (kept / "log_level").write_text("DEBUG")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(kept))
    (nowhere / "rtpipe.toml").write_text('database_url = "mysql://other:p@h/b"')
    settings = load()
    assert settings.database_url.get_secret_value() == URL
    assert settings.secret_file("database_url") == str(kept / "database_url")
    assert settings.log_level == "INFO"
