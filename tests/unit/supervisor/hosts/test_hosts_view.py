"""All hosts on a terminal, whatever stands in the table."""

from __future__ import annotations

import pytest

from supervisor.hosts.host_said import HostSaid
from supervisor.hosts.hosts_view import print_hosts
from tests.support.samples.statuses import pipeline_status


def test_no_name_moves_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    for age in (1.0, 60.0):
        print_hosts([HostSaid("host\x1b[2J", "h\r\n:1", age, pipeline_status({"topic": "\x1b[2J"}))])
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\r" not in said
    assert "host\\x1b[2J  (h\\x0d\\x0a:1)  silent for 1 min, since" in said
