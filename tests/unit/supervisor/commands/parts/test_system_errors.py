"""What the operating system refuses is the user's matter and no bug; output goes to any terminal in any locale."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rtpipe.errors import ExitCode
from supervisor.commands.parts.system_errors import refusal_of
from supervisor.control.control_socket import ControlServer
from tests.support.command_answers import Command, refused
from tests.support.pages import PROJECT


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ELOOP])
def test_a_path_is_named_with_its_user(number: int) -> None:
    told = refusal_of(OSError(number, os.strerror(number), "/var/x"))
    assert told is not None
    assert (told.name, told.exit_code) == ("E_SYSTEM", ExitCode.USAGE)
    assert told.message.startswith("/var/x cannot be used by ")
    assert os.strerror(number).lower() in told.message
    assert "RTPIPE_RUNTIME_DIR" in told.hint


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("path", [None, "/var/x"])
def test_a_full_disk(number: int, path: str | None) -> None:
    told = refusal_of(OSError(number, "full", path))
    assert told is not None
    assert told.name == "E_DISK_FULL"
    assert (path or "what was written to") in told.message


def test_limits_of_the_machine() -> None:
    for number in (errno.EMFILE, errno.EAGAIN, errno.ENOMEM):
        told = refusal_of(OSError(number, os.strerror(number)))
        assert told is not None
        assert told.name == "E_SYSTEM"
    assert refusal_of(MemoryError()) is not None


def test_a_bug_stays_one() -> None:
    for bug in (
        ValueError("x"),
        OSError("x"),
        OSError(errno.EBADF, "bad file descriptor"),
        ConnectionResetError(104, "x"),
    ):
        assert refusal_of(bug) is None


@pytest.mark.parametrize("below", ["/proc/nowhere", "file/x"])
def test_a_runtime_directory_that_cannot_be(below: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    directory = tmp_path / below
    with pytest.raises(Exception, match="cannot hold the supervisor's socket") as caught:
        ControlServer(str(directory / "supervisor-1.sock")).open(lambda: None)
    told = caught.value
    assert str(directory) in str(told)
    assert "RTPIPE_RUNTIME_DIR" in getattr(told, "hint", "")


def test_a_home_that_cannot_be_written_to(rtpipe: Command) -> None:
    home = {"XDG_DATA_HOME": "", "XDG_CACHE_HOME": "", "HOME": "/proc/nowhere"}
    refused(rtpipe("demo", **home), 2, "E_SYSTEM", "/proc/nowhere cannot be used by ", "no such file or directory")


# -- in a process of its own, whose streams are real -----------------------------------------------------------------

SCHEMA = {"type": "record", "name": "r", "doc": "Größe €", "fields": [{"name": "a", "type": "int", "doc": "…→𝄞"}]}


def run(script: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = script.replace("rtpipe", f"{sys.executable} -m rtpipe")
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("RTPIPE_", "LC_", "LANG"))}
    return subprocess.run(
        ["sh", "-c", command],
        check=False,
        cwd=directory,
        env=settings | {"PYTHONPATH": str(PROJECT), "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"} | environment,
        capture_output=True,
    )


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-8"])
def test_no_character_is_too_much_for_a_locale(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "r.avsc").write_text(json.dumps(SCHEMA, ensure_ascii=False), encoding="utf-8")
    answer = run("rtpipe schema convert r.avsc", tmp_path, PYTHONIOENCODING=encoding)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout.decode(encoding)) == SCHEMA  # nothing altered on the way
    answer = run("rtpipe status", tmp_path, PYTHONIOENCODING=encoding, RTPIPE_RUNTIME_DIR=str(tmp_path))
    assert answer.returncode == 4
    assert ("--topics …" if encoding in {"utf-8", "cp1252"} else "--topics ...") in answer.stderr.decode(encoding)


def test_a_reader_that_has_read_enough_and_a_disk_that_is_full(tmp_path: Path) -> None:
    (tmp_path / "r.avsc").write_text(json.dumps(SCHEMA), encoding="utf-8")
    answer = run("rtpipe schema convert r.avsc | true", tmp_path)
    assert (answer.returncode, answer.stderr) == (0, b"")
    answer = run("rtpipe schema convert r.avsc > /dev/full", tmp_path)
    assert answer.returncode == 4
    assert answer.stderr.startswith(b"error E_DISK_FULL  the disk of what was written to is full")
    assert b"bug" not in answer.stderr
    assert run("rtpipe schema convert r.avsc >&-", tmp_path).stderr == b""
