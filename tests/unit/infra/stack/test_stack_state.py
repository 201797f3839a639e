from __future__ import annotations

import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from infra.stack.state import Addresses, default_directory, forget_addresses, read_addresses, write_addresses
from tests.support.pages import PROJECT

ADDRESSES = Addresses("127.0.0.1:1", "http://127.0.0.1:2", "mysql://c", "mysql://i", "mysql://a")


def test_default_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "not/absolute")
    assert default_directory() == tmp_path / ".local/share/rtpipe/stack"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_directory() == Path("/data/rtpipe/stack")
    monkeypatch.setenv("RTPIPE_STACK_DIR", "~/here")
    assert default_directory() == tmp_path / "here"


def test_a_user_without_a_home_has_no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a bare number."""

    def no_entry(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    assert default_directory() == Path("/.local/share/rtpipe/stack")
    assert read_addresses(default_directory()) is None


def test_write_read_forget(tmp_path: Path) -> None:
    assert read_addresses(tmp_path) is None
    write_addresses(tmp_path, ADDRESSES)
    assert read_addresses(tmp_path) == ADDRESSES
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]
    forget_addresses(tmp_path)
    forget_addresses(tmp_path)
    assert read_addresses(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"bootstrap_servers": "x"}', '{"other": 1}'])
def test_damaged_file_is_no_address(tmp_path: Path, content: str) -> None:
    (tmp_path / "addresses.json").write_text(content)
    assert read_addresses(tmp_path) is None


def test_is_light() -> None:
    heavy = "{'confluent_kafka', 'pymysql', 'rich', 'psutil', 'requests', 'jgo'}"
    code = f"import sys, infra.stack.state; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT)
