"""The names of group and member, chosen or not."""

from __future__ import annotations

import re
import socket
from typing import Any

import pytest
from pydantic import SecretStr

from rtpipe.errors import SettingsError
from supervisor.membership.names import group_apart_from, group_name, instance_id
from supervisor.settings.settings import Settings


def settings(place: str = "db:3306/bank", **given: Any) -> Settings:
    return Settings(database_url=SecretStr(f"mysql+pymysql://u:p@{place}"), **given)


def test_each_database_has_a_group_of_its_own_unless_somebody_chose_one() -> None:
    name = group_apart_from(settings(), {"group-orders"})
    assert re.fullmatch(r"rtpipe-bank-[0-9a-f]{8}", name)
    assert name == group_name(settings()) == group_name(settings("db/bank"))
    assert name != group_name(settings("other:3306/bank"))
    assert group_name(settings(membership_group="ours")) == "ours"
    assert re.fullmatch(r"rtpipe-b-nk-[0-9a-f]{8}", group_name(settings("db:1/b+nk")))


def test_it_is_none_of_those_that_offsets_are_mirrored_to() -> None:
    with pytest.raises(SettingsError, match="group-orders, which is also the `group` of a topic"):
        group_apart_from(settings(membership_group="group-orders"), {"group-orders"})


def test_a_host_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "höst 1.example")
    assert instance_id(settings()) == "h-st-1.example"
    assert instance_id(settings(instance_id="rtpipe-0")) == "rtpipe-0"
