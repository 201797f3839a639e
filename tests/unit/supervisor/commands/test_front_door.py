"""What all commands have in common: the version, the exit code of each end, who sees a traceback.

The features are fakes; the command runs through the front door, as the console script does.
"""

from __future__ import annotations

from typing import Any

import pytest

from rtpipe.errors import SettingsError, UnreachableError
from tests.support.command_answers import Command, Spy, refused

pytestmark = pytest.mark.usefixtures("addresses")


def test_version(rtpipe: Command) -> None:
    answer = rtpipe("--version")
    assert answer.returncode == 0
    assert answer.stdout.startswith("rtpipe ")
    assert "librdkafka" in answer.stdout


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (UnreachableError("away", hint="look"), 4),
        (SettingsError("wrong"), 2),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 0),
        (PermissionError(13, "denied", "/x"), 2),
        (ZeroDivisionError("x"), 1),
    ],
    ids=lambda value: str(getattr(value, "__class__", value).__name__),
)
def test_every_end_has_its_code(
    rtpipe: Command, spy: Any, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int
) -> None:
    dropped = Spy()
    monkeypatch.setattr("supervisor.cli._drop_output", dropped)
    spy("supervisor.status.running_supervisors.ask_for_status", raised)
    answer = rtpipe("status")
    assert answer.returncode == code
    assert bool(dropped.calls) is isinstance(raised, BrokenPipeError)
    assert "Traceback" not in answer.stderr
    if isinstance(raised, ZeroDivisionError):
        assert "this is a bug of rtpipe" in answer.stderr


def test_a_bug_shows_its_traceback_to_who_asks(rtpipe: Command, spy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTPIPE_DEBUG", "1")
    spy("supervisor.status.running_supervisors.ask_for_status", ZeroDivisionError("x"))
    with pytest.raises(ZeroDivisionError):
        rtpipe("status")


def test_a_property_that_librdkafka_does_not_know_is_a_setting_and_no_bug(rtpipe: Command) -> None:
    unknown = {"RTPIPE_KAFKA": '{"nosuch": "x"}'}
    refused(rtpipe("offsets", "list", **unknown), 2, "E_SETTINGS", "Kafka settings: ", '"nosuch"')
    refused(rtpipe("verify", "-t", "a", **unknown), 2, "E_SETTINGS", "Kafka settings: ", '"nosuch"')
    refused(rtpipe("setup", "-t", "a", **unknown), 2, "E_SETTINGS", "Kafka settings: ", '"nosuch"')
