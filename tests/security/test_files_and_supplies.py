"""Files, sockets and packages: nothing that another user can take over, nothing that was not locked."""

from __future__ import annotations

import ast
import os
import re
import stat
from pathlib import Path

import pytest

from rtpipe.errors import SettingsError
from supervisor.control.control_socket import ControlServer, ask_all
from tests.support.command_answers import Command

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("rtpipe", "avro_schemas", "workers", "supervisor", "infra")


def trees() -> list[tuple[Path, ast.Module]]:
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    assert len(files) > 100
    return [(path, ast.parse(path.read_text())) for path in files]


def test_only_what_our_own_processes_send_each_other_is_unpickled() -> None:
    def users(*modules: str) -> set[str]:
        return {
            path.name
            for path, tree in trees()
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            and {*modules} & {getattr(node, "module", None), *(one.name for one in node.names)}
        }

    assert users("pickle", "shelve", "dill") == {"batch_queue.py", "schema_answers.py"}  # batches, answers to a writer
    assert users("marshal") == {"values.py"}  # digests: what it makes is never read
    reading = [
        node for _, tree in trees() for node in ast.walk(tree) if _name_of(node) in {"marshal.load", "marshal.loads"}
    ]
    assert not reading


def _name_of(node: ast.AST) -> str:
    return f"{getattr(node.value, 'id', '')}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def test_nothing_is_evaluated_and_no_shell_gets_a_name() -> None:
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", "")
                assert name not in {"eval", "exec"}, path
                assert not any(word.arg == "shell" for word in node.keywords), path


@pytest.mark.parametrize("how", ["others may write", "a link"])
def test_a_socket_is_never_made_where_others_can_replace_it(tmp_path: Path, how: str) -> None:
    directory = tmp_path / "run"
    (tmp_path / "elsewhere").mkdir()
    if how == "a link":
        directory.symlink_to(tmp_path / "elsewhere")
    else:
        directory.mkdir()
        directory.chmod(0o777)
    with pytest.raises(SettingsError, match="belongs to somebody else, or others may write to it"):
        ControlServer(str(directory / "supervisor-1.sock")).open(lambda: None)
    assert not list((tmp_path / "elsewhere").iterdir())
    assert ask_all(directory, "status") == []


def test_the_socket_is_the_owners_alone(tmp_path: Path) -> None:
    server = ControlServer(str(tmp_path / "run" / "supervisor-1.sock"))
    server.open(lambda: None)
    try:
        mode = (tmp_path / "run" / "supervisor-1.sock").stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert not mode & 0o077
        assert not (tmp_path / "run").stat().st_mode & 0o077
    finally:
        server.close()


def test_what_a_command_writes_is_the_owners_alone(rtpipe: Command, tmp_path: Path) -> None:
    """The embedded stack's addresses hold passwords."""
    from infra.stack.state import write_private  # noqa: PLC0415

    before = os.umask(0)
    try:
        write_private(tmp_path / "addresses.json", {"password": "x"})
    finally:
        os.umask(before)
    assert (tmp_path / "addresses.json").stat().st_mode & 0o777 == 0o600
    assert rtpipe("infra", "status", "--dir", str(tmp_path / "none")).returncode != 0


def test_every_package_is_locked_by_hash_and_comes_as_a_wheel() -> None:
    for lock in ("run.txt", "dev.txt", "image.txt", "docs.txt"):
        text = (ROOT / "requirements" / lock).read_text()
        pinned = re.findall(r"^([a-z0-9._-]+)(\[[a-z,]+\])?==[\w.+!]+", text, re.MULTILINE | re.IGNORECASE)
        entries = [part for part in re.split(r"\n(?=\S)", text) if part and not part.startswith(("#", "--"))]
        assert len(entries) == len(pinned) > 20
        assert all("--hash=sha256:" in entry for entry in entries)
    installer = (ROOT / "requirements" / "install.py").read_text()
    assert "--require-hashes" in installer
    assert "--only-binary" in installer


def test_the_version_names_the_libraries_that_speak_to_the_network(rtpipe: Command) -> None:
    answer = rtpipe("--version")
    assert re.fullmatch(r"rtpipe \S+\nlibrdkafka [\d.]+, OpenSSL .+, Python 3\.\d+\.\S+\n", answer.stdout)
