"""Secrets in files: what is read again, and what is kept while there is nothing to read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import make_url

from infra.provision.accounts import accounts_of
from rtpipe.secret_files import FileWatch, current_properties, current_url, stamp
from supervisor.settings.settings import load
from tests.support.samples.specs import default_spec
from workers.contract.partition_spec import PartitionKey

OLD = "mysql+pymysql://consumer:old@db:3306/bank"
NEW = "mysql+pymysql://consumer:new%21@db:3306/bank"


def test_a_url_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(NEW + "\n")
    assert current_url(OLD, str(file)) == NEW
    assert current_url(OLD, "") == OLD
    file.write_text("mysql://consumer:new%21@db:3306/bank")
    assert current_url(OLD, str(file)) == NEW


@pytest.mark.parametrize("content", [None, b"", b"   \n", b"not a url", b"mysql://c:p@ss@db/bank", b"\xff\xfe"])
def test_what_is_no_url_leaves_the_old_one(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    assert current_url(OLD, str(file)) == OLD


def test_a_partition_starts_again_with_what_the_files_hold(tmp_path: Path) -> None:
    url, kafka = tmp_path / "url", tmp_path / "kafka"
    known = {"bootstrap.servers": "k:9092", "sasl.password": "old"}
    spec = default_spec(
        PartitionKey("t", 0), kafka=known, database_url=OLD, database_url_file=str(url), kafka_file=str(kafka)
    )
    assert (spec.current_database_url(), spec.renewed().kafka) == (OLD, known)
    url.write_text(NEW)
    kafka.write_text('{"sasl.password": "new"}')
    assert spec.current_database_url() == NEW
    assert spec.renewed().kafka == known | {"sasl.password": "new"}


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', "{"])
def test_what_are_no_properties_leaves_the_old_ones(tmp_path: Path, content: str) -> None:
    file = tmp_path / "kafka"
    file.write_text(content)
    assert current_properties({"a": "b"}, str(file)) == {"a": "b"}


def test_a_file_that_was_replaced_is_another(tmp_path: Path) -> None:
    file, other = tmp_path / "url", tmp_path / "new"
    assert stamp("") is stamp(str(file)) is None
    file.write_text(OLD)
    before = stamp(str(file))
    assert stamp(str(file)) == before
    other.write_text(NEW)
    os.replace(other, file)  # noqa: PTH105
    assert stamp(str(file)) != before


def test_the_account_that_alters_tables_reads_its_url_again(tmp_path: Path) -> None:
    file = tmp_path / "url"
    infra = accounts_of(OLD, OLD, None, infra_file=str(file)).infra
    assert infra.current_url().password == "old"
    file.write_text(NEW)
    assert infra.current_url() == make_url(NEW)._replace(database=None)


def test_a_setting_from_the_environment_has_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.touch(0o600)
    file.write_text(NEW)
    monkeypatch.delenv("RTPIPE_DATABASE_URL", raising=False)
    monkeypatch.setenv("RTPIPE_DATABASE_URL_FILE", str(file))
    settings = load(bootstrap_servers="k:9092")
    monkeypatch.delenv("RTPIPE_DATABASE_URL_FILE")  # as a supervisor does before its workers start
    assert settings.model_copy(update={"log_format": "json"}).secret_file("database_url") == str(file)
    assert settings.secret_file("kafka") == ""
    monkeypatch.setenv("RTPIPE_DATABASE_URL_FILE", str(file))
    monkeypatch.setenv("RTPIPE_DATABASE_URL", OLD)
    assert load(bootstrap_servers="k:9092").secret_file("database_url") == ""


def test_files_are_new_until_they_were_seen(tmp_path: Path) -> None:
    file = tmp_path / "url"
    watch = FileWatch([str(file)])
    assert not watch.changed()
    file.write_text(OLD)
    assert watch.changed()
    assert watch.changed()
    watch.seen()
    assert not watch.changed()
