"""The systemd unit: valid, hardened, and in agreement with the program's own numbers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from rtpipe.errors import ExitCode
from supervisor.settings import settings as rtpipe_settings
from tests.support.pages import PROJECT

FOLDER = PROJECT / "infra" / "systemd"
UNIT = FOLDER / "rtpipe.service"
PROGRAM = "/opt/rtpipe/.venv/bin/rtpipe"
DRAIN_SECONDS = 25
#: starting again could do these good
WORTH_A_RESTART = {
    ExitCode.FAILED,
    ExitCode.UNREACHABLE,
    ExitCode.BUG,
    ExitCode.TEMPORARY,
    ExitCode.ACCESS_DENIED,  # a password may be changed on one side first
}
#: what a supervisor without the option for it never ends with
NOT_OURS = {ExitCode.DIFFERENT, ExitCode.DEAD_LETTERS}


def settings(name: str) -> list[str]:
    """Every value that the unit gives this directive."""
    lines = [line.partition("=") for line in UNIT.read_text().splitlines() if not line.startswith("#")]
    return [value for key, _, value in lines if key == name]


def systemd_analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    if not shutil.which("systemd-analyze"):
        pytest.skip("the unit was not checked by systemd-analyze: it is missing (Debian package systemd)")
    return subprocess.run(["systemd-analyze", *arguments], check=False, capture_output=True, text=True)


@pytest.mark.no_skip
def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    program = tmp_path / "rtpipe"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(f"ExecStart={PROGRAM}", f"ExecStart={program}"))
    result = systemd_analyze("verify", "--man=no", copy)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


@pytest.mark.no_skip
def test_its_exposure_is_below_two_of_ten() -> None:
    result = systemd_analyze("security", "--no-pager", "--offline=true", "--threshold=20", UNIT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_restart_where_a_restart_cannot_help() -> None:
    [listed] = settings("RestartPreventExitStatus")
    final = set(ExitCode) - WORTH_A_RESTART - NOT_OURS - {ExitCode.DONE}
    assert {int(code) for code in listed.split()} == {int(code) for code in final} | {64}


def test_stopping_leaves_time_to_drain() -> None:
    assert int(settings("TimeoutStopSec")[0]) > DRAIN_SECONDS
    assert settings("KillMode") == ["mixed"]


def test_passwords_are_credentials() -> None:
    names = ["database_url", "infra_database_url"]
    assert settings("LoadCredential") == [f"{name}:/etc/rtpipe/{name}" for name in names]
    for name in names:
        assert f"RTPIPE_{name.upper()}_FILE=%d/{name}" in settings("Environment")
    for text in (settings("ExecStart")[0], (FOLDER / "rtpipe.env.example").read_text()):
        assert "://" not in text.replace("http://registry:8081", "")


def test_no_number_of_refused_logins_ends_the_service() -> None:
    assert settings("StartLimitIntervalSec") == ["0"]
    assert str(int(ExitCode.ACCESS_DENIED)) not in settings("RestartPreventExitStatus")[0].split()


def test_psutil_still_sees_proc() -> None:
    assert settings("ProtectProc") == ["invisible"]
    assert settings("ProcSubset") == []


def test_the_example_files_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in (FOLDER / "rtpipe.env.example").read_text().splitlines():
        if not line.startswith("#"):
            monkeypatch.setenv(*line.split("=", 1))
    monkeypatch.setenv("RTPIPE_CONFIG", str(FOLDER / "rtpipe.toml.example"))
    loaded = rtpipe_settings.load()
    assert loaded.bootstrap_servers == "kafka-1:9092,kafka-2:9092,kafka-3:9092"
    assert loaded.topic("dataset2").metadata_columns == ("_kafka_partition", "_kafka_offset")
    assert loaded.topic("dataset3") == loaded.defaults
    for name, field in type(loaded.defaults).model_fields.items():
        assert getattr(loaded.defaults, name) == field.get_default(call_default_factory=True), (
            f"the example shows the default of {name}"
        )


def test_the_drain_fits_the_program() -> None:
    assert rtpipe_settings.Settings.model_fields["drain_seconds"].default == DRAIN_SECONDS
    assert "RTPIPE_RUNTIME_DIR=%t/rtpipe" in " ".join(settings("Environment"))
