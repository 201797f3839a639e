"""What is said of each setting of the server."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from supervisor.doctor import (
    server_settings,
)
from supervisor.doctor.finding import Finding, Verdict
from tests.support.samples.examined import GOOD

OK, WARN, FAIL = Verdict


def server(changed: Mapping[str, str], *, partitions: int = 3, loads: bool = True) -> dict[str, Finding]:
    found = server_settings.judged({**GOOD, **changed}, partitions=partitions, batch_bytes=4 << 20, loads=loads)
    return {finding.name: finding for finding in found}


def test_a_server_as_it_should_be() -> None:
    assert {finding.verdict for finding in server({}).values()} == {OK}
    assert "max_user_connections" not in server({})  # 0: there is no such limit
    assert "MariaDB" in server({"version": "11.4.5-MariaDB-log"})["version"].found


@pytest.mark.parametrize(
    ("changed", "name", "verdict", "fix"),
    [
        ({"version": "5.7.44"}, "version", WARN, "8.0"),
        ({"version": "10.3.2-MariaDB"}, "version", WARN, "10.6"),
        ({"version": "unknown"}, "version", OK, ""),
        ({"read_only": "ON"}, "read_only", FAIL, "primary"),
        ({"read_only": "NO_LOCK_NO_ADMIN"}, "read_only", FAIL, "primary"),
        ({"innodb_flush_log_at_trx_commit": "2"}, "innodb_flush_log_at_trx_commit", WARN, "= 1;"),
        ({"sync_binlog": "0"}, "sync_binlog", WARN, "SET GLOBAL sync_binlog = 1;"),
        ({"binlog_format": "STATEMENT"}, "binlog_format", FAIL, "'ROW'"),
        ({"max_allowed_packet": "1048576"}, "max_allowed_packet", WARN, "67108864"),
        ({"local_infile": "OFF"}, "local_infile", WARN, "local_infile = 1"),
        ({"wsrep_on": "ON"}, "wsrep_on", WARN, "same node"),
        ({"max_connections": "6"}, "max_connections", FAIL, "= 14;"),
        ({"max_user_connections": "2"}, "max_user_connections", FAIL, "= 14;"),
    ],
)
def test_a_setting_of_the_server(changed: dict[str, str], name: str, verdict: Verdict, fix: str) -> None:
    found = server(changed)
    assert found.pop(name).verdict is verdict
    assert fix in server(changed)[name].fix
    assert {finding.verdict for finding in found.values()} == {OK}


def test_settings_that_do_not_matter() -> None:
    without_log = server({"log_bin": "OFF", "binlog_format": "STATEMENT", "sync_binlog": "0"})
    assert without_log["log_bin"].verdict is OK
    assert "binlog_format" not in without_log
    assert server({"local_infile": "OFF"}, loads=False)["local_infile"].verdict is OK
