"""What people ask of a running supervisor: the order goes out, and the answer decides the exit code.

The features are fakes; the command runs through the front door, as the console script does.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.command_answers import Command, refused

pytestmark = pytest.mark.usefixtures("addresses")


@pytest.mark.parametrize(
    ("verb", "word"),
    [("pause", "pausing"), ("resume", "resumed"), ("restart", "restarting"), ("drain", "draining")],
)
def test_pause_resume_restart_drain(rtpipe: Command, spy: Any, typed: Any, verb: str, word: str) -> None:
    reply = {"done": ["t/0", "t/1"], "refused": {"t/2": "it is halted"}, "unknown": [], "warning": "not kept"}
    asked = spy("supervisor.steering.asking.ask_all", [reply, {"error": "unknown command"}])
    answer = rtpipe(verb, "t", "u/00")
    assert (answer.returncode, answer.stdout) == (0, f"{word} t/0, t/1\n")
    assert answer.stderr == "t/2: it is halted\nwarning: not kept\n"
    assert asked.only[0][1] == verb
    assert asked.only[1] == {"where": ["t", "u/0"], "dry_run": False}
    assert json.loads(rtpipe(verb, "t", "--json").stdout)["done"] == ["t/0", "t/1"]
    typed("n")
    asked.calls.clear()
    assert rtpipe(verb, "t").returncode == 1
    assert asked.only[1]["dry_run"] is True
    typed("y")
    assert rtpipe(verb, "t").returncode == 0
    assert [call[1]["dry_run"] for call in asked.calls] == [True, True, False]


def test_limit(rtpipe: Command, spy: Any) -> None:
    asked = spy("supervisor.steering.asking.ask_all", [{"done": ["t"], "refused": {}, "unknown": [], "warning": ""}])
    assert rtpipe("limit", "t", "500").stdout.startswith("t: 500 rows/s until you change it")
    assert rtpipe("limit", "t", "off").stdout.startswith("t: no limit until")
    assert [call[1]["rows_per_second"] for call in asked.calls] == [500.0, 0.0]
    for wrong in ("-1", "much", "nan", "inf"):
        assert rtpipe("limit", "t", "--", wrong).returncode == 2


def test_step_over(rtpipe: Command, spy: Any, typed: Any) -> None:
    reply = {"done": ["t/0"], "refused": {}, "unknown": [], "warning": "", "message": "t/0 offset 7 E_VALUE"}
    asked = spy("supervisor.steering.asking.ask_all", [reply])
    assert rtpipe("step-over", "t/0").stdout == "stepping over a message of t/0: t/0 offset 7 E_VALUE\n"
    assert asked.only[0][1] == "step-over"
    typed("n")
    refusal = rtpipe("step-over", "t/0")
    assert (refusal.returncode, "offset 7" in refusal.stdout) == (1, True)
    assert asked.calls[-1][1]["dry_run"] is True
    refused(rtpipe("step-over", "t"), 2, "E_SETTINGS", "is not TOPIC/PARTITION")


def test_reload(rtpipe: Command, spy: Any) -> None:
    reply = {"changes": ["t: linger_ms 10 -> 20"], "not_live": ["drain_seconds"], "restarted": ["t/0"]}
    reply["notes"] = ["serve: not looked at"]
    asked = spy("supervisor.steering.asking.ask_all", [reply])
    said = "t: linger_ms 10 -> 20\ndrain_seconds: only when the supervisor starts again\nserve: not looked at\n"
    said += "restarting t/0\n"
    assert rtpipe("reload").stdout == said
    assert json.loads(rtpipe("reload", "--dry-run", "--json").stdout)["supervisors"] == [reply]
    assert [call[1]["dry_run"] for call in asked.calls] == [False, True]
    asked.answer = [{"changes": [], "not_live": [], "restarted": []}]
    assert rtpipe("reload").stdout == "nothing changes\n"
    asked.answer = [{"error": "rtpipe.toml: not valid TOML"}]
    refused(rtpipe("reload"), 2, "E_SETTINGS", "nothing was changed: rtpipe.toml: not valid TOML")
    asked.answer = []
    refused(rtpipe("reload"), 4, "E_UNREACHABLE", "no supervisor runs here")


def test_what_no_supervisor_does_for_a_person(rtpipe: Command, spy: Any) -> None:
    asked = spy("supervisor.steering.asking.ask_all", [{"done": [], "refused": {}, "unknown": ["t/7"], "warning": ""}])
    refused(rtpipe("pause", "t/7"), 2, "E_SETTINGS", "no supervisor here has t/7")
    asked.answer = [{"done": [], "refused": {"t/0": "it runs", "t/1": "it runs"}, "unknown": [], "warning": ""}]
    refused(rtpipe("resume", "t"), 2, "E_SETTINGS", "t/0: it runs; and 1 more")
    asked.answer = [{"error": "unknown command"}]
    refused(rtpipe("drain", "t"), 2, "E_SETTINGS", "unknown command")
    asked.answer = []
    refused(rtpipe("resume", "t"), 4, "E_UNREACHABLE", "no supervisor runs here")
    refused(rtpipe("resume", "t/x"), 2, "E_SETTINGS", "neither TOPIC nor TOPIC/PARTITION")
