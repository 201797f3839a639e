"""What `rtpipe doctor` looks at: settings that name services, and a server as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from supervisor.settings.settings import Settings, load
from tests.support.command_answers import CANARY

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {
    "version": "8.4.3",
    "sync_binlog": "1",
    "log_bin": "ON",
    "binlog_format": "ROW",
    "innodb_flush_log_at_trx_commit": "1",
    "max_allowed_packet": str(64 << 20),
    "local_infile": "ON",
    "read_only": "OFF",
    "max_connections": "151",
    "max_user_connections": "0",
}


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Settings that name services, with secrets that nobody may see."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RTPIPE_BOOTSTRAP_SERVERS", "k:1")
    monkeypatch.setenv("RTPIPE_SCHEMA_REGISTRY_URL", f"http://u:{CANARY}@r:1")
    monkeypatch.setenv("RTPIPE_DATABASE_URL", f"mysql+pymysql://writer:{CANARY}@db:1/bank")
    return load()
