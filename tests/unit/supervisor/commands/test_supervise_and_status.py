"""`supervise`, `status` and `health`: their options reach the feature, what it says is printed, the exit code follows.

The features are fakes; the command runs through the front door, as the console script does.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rtpipe.errors import ExitCode
from supervisor.hosts.host_said import HostSaid
from supervisor.settings.topic_choice import TopicChoice
from supervisor.status.facts.pipeline_status import PipelineStatus
from tests.support.command_answers import Command, Spy, refused

pytestmark = pytest.mark.usefixtures("addresses")


@pytest.fixture
def assembly(spy: Any) -> Spy:
    spy("supervisor.lifecycle.generation.worker_context.start_forkserver", "context")
    found: Spy = spy("supervisor.assembly.run", ExitCode.DEAD_LETTERS)
    return found


def test_supervise(rtpipe: Command, assembly: Spy) -> None:
    options = ("--until-caught-up", "--take-over", "--fail-on-dead-letters", "--no-live", "-b", "other:1")
    assert rtpipe("supervise", "-t", "a,b", *options).returncode == 6
    (settings, request, context), _ = assembly.only
    assert (settings.bootstrap_servers, settings.log_format, context) == ("other:1", "json", "context")
    assert (request.topics, request.until_caught_up, request.take_over) == (TopicChoice(("a", "b")), True, True)
    assert request.of_settings is False
    assert (request.fail_on_dead_letters, request.show, request.page) == (True, None, None)


def test_supervise_serves_what_the_settings_say(
    rtpipe: Command, assembly: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(rtpipe("supervise"), 2, "E_SETTINGS", "no topic given", "--topics dataset1")
    monkeypatch.setenv("RTPIPE_SERVE", "a,^b")
    assert rtpipe("supervise").returncode == 6
    (_, request, _), _ = assembly.only
    assert (request.topics, request.of_settings) == (TopicChoice(("a",), ("^b",)), True)


def test_supervise_with_the_page(rtpipe: Command, assembly: Spy, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rtpipe("supervise", "-t", "a", "--page").returncode == 6
    (_, request, _), _ = assembly.only
    assert request.page.url == "http://127.0.0.1:8480"
    monkeypatch.setenv("RTPIPE_PAGE_ADDRESS", "0.0.0.0:80")
    refused(rtpipe("supervise", "-t", "a", "--page"), 2, "E_SETTINGS", "no page_token", "RTPIPE_PAGE_TOKEN_FILE")


def test_supervise_with_the_live_table(rtpipe: Command, assembly: Spy, spy: Any) -> None:
    view = spy("supervisor.status.status_view.LiveView", contextlib.nullcontext(SimpleNamespace(show=print)))
    rtpipe("supervise", "-t", "a", "--live", "--log-format", "text")
    (settings, request, _), _ = assembly.only
    assert settings.log_format == "text"
    assert request.show is print
    assert view.only[1] == {"wanted": True}


def status_reply(*states: str) -> dict[str, Any]:
    partitions = [
        {"topic": "t", "partition": number, "state": state, "reason": "", "rows": 0, "dead": 0, "restarts": 0}
        for number, state in enumerate(states)
    ]
    return {"schema_version": 3, "supervisor_pid": 1, "uptime_seconds": 1, "draining": False, "partitions": partitions}


@pytest.mark.parametrize(
    ("replies", "sockets", "code"),
    [
        ([status_reply("running", "stopping")], 1, 0),
        ([status_reply("running"), status_reply("halted")], 2, 3),
        ([status_reply("running")], 2, 3),
        ([status_reply()], 1, 3),
    ],
)
def test_status(rtpipe: Command, spy: Any, replies: list[Any], sockets: int, code: int) -> None:
    spy("supervisor.status.running_supervisors.ask_all", replies)
    spy("supervisor.status.running_supervisors.sockets_in", [Path("s")] * sockets)
    answer = rtpipe("status")
    assert answer.returncode == code, answer.stderr
    assert ("do not answer" in answer.stderr) is (sockets > len(replies))
    told = rtpipe("status", "--json")
    assert told.returncode == code
    assert json.loads(told.stdout) == {"schema_version": 3, "supervisors": replies}


@pytest.mark.parametrize(("age", "code"), [(1.0, 0), (60.0, 3)])
def test_status_of_all_hosts(rtpipe: Command, spy: Any, age: float, code: int) -> None:
    status = PipelineStatus.from_json(status_reply("running"))
    spy("supervisor.hosts.all_hosts.known_hosts", [HostSaid("host-1", "h:1", age, status)])
    answer = rtpipe("status", "--all-hosts")
    assert answer.returncode == code, answer.stderr
    assert "host-1  (h:1)" in answer.stdout
    told = rtpipe("status", "--all-hosts", "--json")
    assert told.returncode == code
    assert [one["silent"] for one in json.loads(told.stdout)["hosts"]] == [age > 15]
    forgotten = spy("supervisor.hosts.all_hosts.forget_host", None)
    assert rtpipe("status", "--all-hosts", "--forget", "host-3").returncode == code
    assert forgotten.calls[-1][0][1] == "host-3"
    assert rtpipe("status", "--forget", "host-3").returncode == 2


def test_with_membership_the_hosts_that_have_the_partitions_are_asked(
    rtpipe: Command, spy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTPIPE_MEMBERSHIP", "kafka")
    asked = spy("supervisor.hosts.all_hosts.ask_hosts", [{"done": ["orders/0"], "refused": {}, "unknown": []}])
    answer = rtpipe("pause", "orders/0")
    assert (answer.returncode, answer.stdout) == (0, "pausing orders/0\n"), answer.stderr
    assert asked.calls[-1][0][1:] == ("pause", ["orders/0"], {"dry_run": False})


def test_status_where_nobody_answers(rtpipe: Command, spy: Any) -> None:
    spy("supervisor.status.running_supervisors.ask_all", [])
    spy("supervisor.status.running_supervisors.sockets_in", [])
    elsewhere = spy("supervisor.status.running_supervisors.find_elsewhere", [])
    refused(rtpipe("status"), 4, "E_UNREACHABLE", "no supervisor runs here", "rtpipe supervise")
    elsewhere.answer = [SimpleNamespace(pid=7, user="ann", user_id=0, directory="/run/x")]
    refused(rtpipe("status"), 4, "E_UNREACHABLE", "user ann runs one (pid 7", "RTPIPE_RUNTIME_DIR=/run/x")
    spy("supervisor.status.running_supervisors.sockets_in", ["s.sock"])
    refused(rtpipe("status"), 4, "E_UNREACHABLE", "the supervisor that listens at s.sock does not answer")


@pytest.mark.parametrize(
    ("replies", "sockets", "code", "said"),
    [
        ([status_reply("running", "running")], 1, 0, "All 2 partitions run, and all data is on time."),
        ([status_reply("running", "waiting")], 1, 3, "t/1 is waiting. It goes on by itself"),
        ([status_reply("running")], 2, 3, "t/0 runs, and all data is on time."),
    ],
)
def test_health(  # noqa: PLR0917 - as the table has it
    rtpipe: Command, spy: Any, replies: list[Any], sockets: int, code: int, said: str
) -> None:
    spy("supervisor.status.running_supervisors.ask_all", replies)
    spy("supervisor.status.running_supervisors.sockets_in", [Path("s")] * sockets)
    answer = rtpipe("health")
    assert answer.returncode == code, answer.stderr
    assert said in answer.stdout
    assert ("do not answer" in answer.stderr) is (sockets > len(replies))
    told = json.loads(rtpipe("health", "--json").stdout)
    assert [one["who"] for one in told["not_ready"]] == (["t/1"] if "t/1" in said else [])
    assert said in told["verdicts"][0]


def test_health_where_nobody_answers(rtpipe: Command, spy: Any) -> None:
    spy("supervisor.status.running_supervisors.ask_all", [])
    spy("supervisor.status.running_supervisors.sockets_in", [])
    spy("supervisor.status.running_supervisors.find_elsewhere", [])
    refused(rtpipe("health"), 4, "E_UNREACHABLE", "no supervisor runs here")
