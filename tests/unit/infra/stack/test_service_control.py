from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from infra.stack.services import control as service_control
from infra.stack.services.control import Running
from infra.stack.services.service import Service
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAITS = "import signal, sys; print('ready', flush=True); signal.pause()"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"


def nothing(*_anything: object) -> None:
    """A stand-in has no data and no questions."""


def service(directory: Path, code: str = WAITS, version: str = "1") -> Service:
    mark = f"--mark={directory}/fake"
    return Service(
        name="fake",
        port=1,
        ports={},
        mark=mark,
        directory=directory / "fake",
        program=directory / f"programs-{version}",
        prepare=nothing,
        before_start=nothing,
        command=lambda: [sys.executable, "-c", code, mark, f"-cp={directory}/programs-{version}/*"],
        check=nothing,
    )


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Service]:
    made = service(tmp_path)
    yield made
    service_control.stop(service_control.find([made]).values(), grace=0)


def test_spawn_find_stop(fake: Service) -> None:
    assert service_control.find([fake]) == {}
    assert not service_control.was_started(fake)
    running = service_control.spawn(fake)
    assert os.getsid(running.pid) not in {os.getsid(0), 0}
    assert service_control.find([fake]) == {"fake": running}
    eventually(lambda: fake.log.read_text() == "ready\n")
    assert service_control.stop([running], grace=10) == []
    assert not running.alive
    assert service_control.was_started(fake), "not forgotten: it counts as dead"
    service_control.forget(fake)
    assert not service_control.was_started(fake)


def test_unrecorded_process_is_adopted(fake: Service) -> None:
    running = service_control.spawn(fake)
    service_control.forget(fake)  # as if the command had been killed before it wrote the record
    eventually(lambda: service_control.adopt([fake]) == {"fake": running})
    assert service_control.was_started(fake)


def test_what_runs_on_programs_of_another_version_is_told(fake: Service, tmp_path: Path) -> None:
    running = {"fake": service_control.spawn(fake)}
    newer = service(tmp_path, version="2")
    assert service_control.on_other_programs([fake], running) == []
    assert service_control.on_other_programs([newer], running) == [newer]
    assert service_control.on_other_programs([newer], {}) == [], "what does not run is started on this version's"
    service_control.stop(running.values(), grace=10)
    assert service_control.on_other_programs([newer], running) == [], "gone by now"


def test_reused_pid_is_never_touched(fake: Service) -> None:
    running = service_control.spawn(fake)
    other = Running(running.pid, running.started - 1)  # the same pid in an earlier life
    assert not other.alive
    assert service_control.stop([other], grace=10) == []
    assert running.alive


def test_record_of_an_earlier_boot_counts_not(fake: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(service_control, "_boot", lambda: "another")
        running = service_control.spawn(fake)
    assert service_control._recorded(fake) is None
    eventually(lambda: service_control.find([fake]) == {"fake": running}, what="it is found by its mark instead")


def test_stubborn_process_is_killed(tmp_path: Path) -> None:
    stubborn = service(tmp_path, STUBBORN)
    running = service_control.spawn(stubborn)
    eventually(lambda: stubborn.log.read_text() == "ready\n")
    assert service_control.stop([running], grace=0.1) == [running]
    assert not running.alive


def test_zombie_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.DEVNULL) as child:
        tick = service_control.start_tick(child.pid)
        assert tick is not None
        child.send_signal(signal.SIGKILL)
        eventually(lambda: service_control.start_tick(child.pid) is None)


def test_last_log_is_kept(fake: Service) -> None:
    first = service_control.spawn(fake)
    eventually(lambda: fake.log.read_text() == "ready\n")
    service_control.stop([first], grace=10)
    fake.log.write_text("of the first\n")
    service_control.spawn(fake)
    assert fake.log.with_suffix(".log.1").read_text() == "of the first\n"


def test_interrupted_preparation_is_ended(tmp_path: Path) -> None:
    """What `up` was running when it was killed: a process at work in a draft directory."""
    draft = f"{tmp_path}/kafka-1.draft-abc/server.properties"
    with subprocess.Popen([sys.executable, "-c", WAITS, draft], stdout=subprocess.PIPE) as helper:
        assert helper.stdout is not None
        helper.stdout.readline()
        service_control.end_left_overs(tmp_path)
        assert helper.wait(10) == -signal.SIGKILL


def test_secrets_of_the_caller_stay_out(fake: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTPIPE_DATABASE_URL", "secret")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Dsurprise")
    running = service_control.spawn(fake)
    with open(f"/proc/{running.pid}/environ", encoding="utf-8") as environment:  # noqa: PTH123 - not a real file
        names = {entry.partition("=")[0] for entry in environment.read().split("\0")}
    assert not names & {"RTPIPE_DATABASE_URL", "JAVA_TOOL_OPTIONS"}
