"""Names and regular expressions of topics: how they are read, what they mean, where they may stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtpipe.errors import SettingsError
from supervisor.settings.option_values import topic_names
from supervisor.settings.settings import load
from supervisor.settings.topic_choice import TopicChoice

KAFKA = ["orders", "bank.a", "bank.b", "mybank.c", "__consumer_offsets", "_schemas"]


def test_an_entry_that_begins_with_a_caret_is_a_pattern() -> None:
    choice = TopicChoice.of(["payments,^bank\\.", "orders"])
    assert (choice.names, choice.patterns) == (("payments", "orders"), ("^bank\\.",))
    assert str(choice) == "payments,orders,^bank\\."


def test_a_pattern_fits_from_the_begin_of_a_name_and_names_come_first() -> None:
    assert TopicChoice.of(["^bank", "payments"]).among(KAFKA) == ["payments", "bank.a", "bank.b"]
    assert TopicChoice.of(["^bank", "bank.b"]).among(KAFKA) == ["bank.b", "bank.a"]


def test_no_pattern_means_what_is_kafkas_own() -> None:
    choice = TopicChoice.of(["^.*"])
    assert choice.among(KAFKA) == ["_schemas", "bank.a", "bank.b", "mybank.c", "orders"]
    assert not choice.fits("__consumer_offsets")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "no topic given"),
        (["a,a"], "named twice: a"),
        (["^a,^a"], "named twice"),
        (["^(bank"], "not a regular expression"),
        (["^a{1,2}"], "'2}' is neither a topic nor a regular expression"),
        (["bank.*"], "neither a topic nor"),
    ],
)
def test_what_is_neither_is_refused(given: list[str], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TopicChoice.of(given)
    assert said in caught.value.message


def test_a_command_that_takes_names_says_so_of_a_pattern() -> None:
    with pytest.raises(SettingsError, match="takes topics by their names"):
        topic_names(["orders,^bank"])


@pytest.mark.parametrize("where", ["file", "environment"])
def test_the_settings_name_what_is_served(where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    if where == "file":
        Path("rtpipe.toml").write_text("serve = ['orders', '^bank\\.']\n")
    else:
        monkeypatch.setenv("RTPIPE_SERVE", "orders,^bank\\.")
    assert load().serve == ("orders", "^bank\\.")


def test_what_the_settings_name_is_judged_as_they_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert load().serve == ()
    monkeypatch.setenv("RTPIPE_SERVE", "^(")
    with pytest.raises(SettingsError, match=r"serve: .*not a regular expression"):
        load()
