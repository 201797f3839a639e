"""Each command alone: its options reach the feature, what the feature says is printed, and the exit code follows.

The features are fakes; the command runs through the front door, as the console script does.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from avro_schemas.registry.errors import SchemaNotFoundError
from infra.provision.items import ItemState, ProvisionItem, ProvisionResult
from infra.stack.status import ServiceStatus, StackStatus
from rtpipe.errors import ExitCode, SchemaError, SettingsError, UnreachableError
from supervisor.admin.offset_work import Adoption, KnownOffset, OffsetChange
from supervisor.admin.offsets import StoredOffset
from supervisor.dead_letters.admin import DeadLetterCount
from supervisor.demo.chaos import ChaosReport, Fault
from supervisor.hosts.hosts_table import HostSaid
from supervisor.kafka.cluster_view import TopicFacts
from supervisor.settings.topic_choice import TopicChoice
from supervisor.status.facts.pipeline_status import PipelineStatus
from tests.support.command_answers import Command, refused
from workers.contract.partition_spec import PartitionKey
from workers.produce.order import ProduceProgress, ProduceResult
from workers.retry.dead_letter import DeadLetter, DeadLetterSource
from workers.retry.outcome import RetryOutcome, RetryResult

ADDRESSES = {
    "RTPIPE_BOOTSTRAP_SERVERS": "k:1",
    "RTPIPE_SCHEMA_REGISTRY_URL": "http://r:1",
    "RTPIPE_DATABASE_URL": "mysql+pymysql://u:p@db:1/bank",
}
ORDERS = PartitionKey("orders", 0)


class Spy:
    """A function that keeps what it was called with, and answers."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, *given: Any, **named: Any) -> Any:
        self.calls.append((given, named))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    @property
    def only(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        [call] = self.calls
        return call


@pytest.fixture(autouse=True)
def addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ADDRESSES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a spy in the place of a name."""

    def put(where: str, answer: Any = None) -> Spy:
        found = Spy(answer)
        monkeypatch.setattr(where, found)
        return found

    return put


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the person at the terminal answers; off a terminal without."""

    def answer(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True, readline=lambda *_: text + "\n"))
        monkeypatch.setattr("click.termui.visible_prompt_func", lambda _prompt: text)
        with contextlib.suppress(AttributeError, ModuleNotFoundError):
            monkeypatch.setattr("typer._click.termui.visible_prompt_func", lambda _prompt: text)

    return answer


# -- the front door ------------------------------------------------------------------------------------------------


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


# -- supervise, status, resume -------------------------------------------------------------------------------------


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
    assert rtpipe("limit", "t", "500").stdout.startswith("t: 500 rows/s until you change it or the supervisor ends")
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


# -- stored offsets --------------------------------------------------------------------------------------------------

STORED = StoredOffset(ORDERS, "g", 10, 3, 1_000, "old", "")
KNOWN = KnownOffset(STORED, 5, 30)


@pytest.fixture
def offset_work(monkeypatch: pytest.MonkeyPatch) -> Any:
    adoption = Adoption([STORED], TopicFacts("orders", "new", (ORDERS,)), "c", {ORDERS: 5})
    found = SimpleNamespace(
        known=Spy([KNOWN]), change=Spy(OffsetChange(KNOWN, 12)), set=Spy(), adoption=Spy(adoption), adopt=Spy()
    )
    monkeypatch.setattr("supervisor.admin.offset_work.OffsetWork", lambda _settings: found)
    return found


def test_offsets_list(rtpipe: Command, offset_work: Any) -> None:
    assert "orders/0" in rtpipe("offsets", "list").stdout
    assert offset_work.known.calls[-1] == (((),), {})
    told = json.loads(rtpipe("offsets", "list", "-t", "orders", "--json").stdout)
    assert told["schema_version"] == 1
    assert [one["log_ends"] for one in told["offsets"]] == [30]
    assert offset_work.known.calls[-1] == ((["orders"],), {})


def test_offsets_set(rtpipe: Command, offset_work: Any, typed: Any) -> None:
    answer = rtpipe("offsets", "set", "orders/0", "12", "--yes")
    assert answer.returncode == 0, answer.stderr
    assert "2 offsets will be SKIPPED" in answer.stdout
    assert "orders/0: 10 -> 12; now: rtpipe resume orders/0" in answer.stdout
    assert "to undo it before the partition is resumed: rtpipe offsets set orders/0 10" in answer.stdout
    assert offset_work.change.only == ((ORDERS, 12), {})
    assert rtpipe("offsets", "set", "orders/0", "12", "--dry-run").returncode == 0
    assert len(offset_work.set.calls) == 1
    typed("n")
    assert rtpipe("offsets", "set", "orders/0", "12").returncode == 1
    assert len(offset_work.set.calls) == 1
    typed("y")
    assert rtpipe("offsets", "set", "orders/0", "12").returncode == 0
    assert len(offset_work.set.calls) == 2


def test_adopt(rtpipe: Command, offset_work: Any, typed: Any) -> None:
    answer = rtpipe("adopt", "orders", "--yes")
    assert answer.returncode == 0
    assert "topic id old -> new, 1 partitions" in answer.stdout
    assert "orders: adopted" in answer.stdout
    typed("n")
    assert rtpipe("adopt", "orders").returncode == 1
    assert len(offset_work.adopt.calls) == 1


# -- dead letters ----------------------------------------------------------------------------------------------------

MOMENT = dt.datetime(2026, 5, 1, 10, 0, 0)  # noqa: DTZ001 - UTC without a zone, as the database has it
SOURCE = DeadLetterSource(ORDERS, "g", "t")
LETTER = DeadLetter(SOURCE, 17, -1, b"k", b"\x00no", None, None, "E_VALUE", "too long", "orders", MOMENT, None)


class LetterAdmin:
    """The dead letters of one topic."""

    counts_found: tuple[DeadLetterCount, ...] = (DeadLetterCount("orders", "E_VALUE", 3, MOMENT, MOMENT),)
    letters: tuple[DeadLetter, ...] = (LETTER,)
    asked: Any = None
    values_asked = False

    def __init__(self, url: str, silence: int) -> None:
        assert url.startswith("mysql+pymysql://")
        assert silence == 20

    def counts(self, chosen: Any) -> list[DeadLetterCount]:
        LetterAdmin.asked = chosen
        return list(self.counts_found)

    def newest(self, _chosen: Any, limit: int, *, values: bool) -> list[DeadLetter]:
        LetterAdmin.values_asked = values
        return list(self.letters)[:limit]

    def at(self, key: PartitionKey, offset: int) -> list[DeadLetter]:
        return [letter for letter in self.letters if (letter.source.key, letter.offset) == (key, offset)]

    def all(self, _chosen: Any) -> Iterator[DeadLetter]:
        return iter(self.letters)

    def now(self) -> dt.datetime:
        return MOMENT

    def drop_all(self, chosen: Any, until: dt.datetime) -> Counter[str]:
        assert (chosen, until) == (self.asked, MOMENT)
        return Counter(orders=3)


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> type[LetterAdmin]:
    monkeypatch.setattr("supervisor.dead_letters.admin.DeadLetterAdmin", LetterAdmin)
    monkeypatch.setattr(LetterAdmin, "counts_found", LetterAdmin.counts_found)
    return LetterAdmin


def test_dead_letters_list(rtpipe: Command, letters: type[LetterAdmin]) -> None:
    answer = rtpipe("dead-letters", "list", "-t", "orders/0", "-e", "E_VALUE")
    assert "too long" in answer.stdout
    assert "and 2 older ones" in answer.stdout
    assert (letters.asked.topics, letters.asked.errors) == ((("orders", 0),), ("E_VALUE",))
    told = json.loads(rtpipe("dead-letters", "list", "--json").stdout)
    assert (told["schema_version"], told["summary"][0]["count"], told["dead_letters"][0]["offset"]) == (1, 3, 17)
    assert "value_text" not in told["dead_letters"][0]
    assert not letters.values_asked
    told = json.loads(rtpipe("dead-letters", "list", "--values", "--json").stdout)
    assert (told["dead_letters"][0]["value_text"], letters.values_asked) == ("0x006e6f", True)
    assert "0x006e6f" in rtpipe("dead-letters", "list", "--values").stdout
    letters.counts_found = ()
    assert rtpipe("dead-letters", "list").stdout == "no dead letters\n"
    assert rtpipe("dead-letters", "list", "--dropped").stdout == "no dead letters like that\n"


def test_dead_letters_are_read_by_whichever_account_there_is(
    rtpipe: Command, letters: type[LetterAdmin], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert letters
    monkeypatch.delenv("RTPIPE_DATABASE_URL")
    infra = {"RTPIPE_INFRA_DATABASE_URL": "mysql+pymysql://i:p@db:1/bank"}
    assert rtpipe("dead-letters", "list", **infra).returncode == 0
    monkeypatch.delenv("RTPIPE_INFRA_DATABASE_URL")
    refused(rtpipe("dead-letters", "list"), 2, "E_SETTINGS", "RTPIPE_DATABASE_URL")


def test_dead_letters_show(rtpipe: Command, letters: type[LetterAdmin], monkeypatch: pytest.MonkeyPatch) -> None:
    assert letters
    monkeypatch.delenv("RTPIPE_SCHEMA_REGISTRY_URL")
    assert "E_VALUE  too long" in rtpipe("dead-letters", "show", "orders/0", "17").stdout
    told = json.loads(rtpipe("dead-letters", "show", "orders/0", "17", "--json").stdout)
    assert told["dead_letters"][0]["decoded"] is None
    assert told["dead_letters"][0]["what_to_do"]
    refused(rtpipe("dead-letters", "show", "orders/0", "18"), 2, "E_SETTINGS", "no dead letter of orders/0 offset 18")
    refused(rtpipe("dead-letters", "show", "orders", "17"), 2, "E_SETTINGS", "'orders' is not TOPIC/PARTITION")


def test_dead_letters_retry(rtpipe: Command, spy: Any) -> None:
    written = RetryOutcome(SOURCE, 16, RetryResult.WRITTEN)
    refusal = RetryOutcome(SOURCE, 17, RetryResult.REFUSED, "E_VALUE", "too long")
    run = Spy([written, refusal])
    made = spy("supervisor.dead_letters.retry.DeadLetterRetries", SimpleNamespace(run=run))
    answer = rtpipe("dead-letters", "retry", "--force", "--dry-run", "-n", "5")
    assert answer.returncode == 6
    assert "1 refused, 1 written; this was a dry run" in answer.stdout
    assert made.calls[0][1] == {"force": True, "dry_run": True}
    assert run.calls[0][0][1] == 5
    told = json.loads(rtpipe("dead-letters", "retry", "--json").stdout)
    assert (told["dry_run"], told["written"], told["refused"], told["gone"]) == (False, 1, 1, 0)
    assert [one["offset"] for one in told["left"]] == [17]
    assert [(one["offset"], one["result"]) for one in told["done"]] == [(16, "written")]
    run.answer = [written]
    assert rtpipe("dead-letters", "retry").returncode == 0
    run.answer = []
    assert rtpipe("dead-letters", "retry").stdout == "no dead letters like that\n"


def test_dead_letters_export(rtpipe: Command, letters: type[LetterAdmin], tmp_path: Path) -> None:
    assert letters
    assert json.loads(rtpipe("dead-letters", "export", "-o", "-").stdout)["offset"] == 17
    assert json.loads(rtpipe("dead-letters", "export").stdout)["offset"] == 17
    assert rtpipe("dead-letters", "export", "-o", "all.jsonl").stderr == "1 dead letters in all.jsonl\n"
    assert rtpipe("dead-letters", "export", "--format", "files", "-o", "all").returncode == 0
    assert (tmp_path / "all" / "orders-0-17.value").read_bytes() == LETTER.value
    refused(rtpipe("dead-letters", "export", "--format", "files"), 2, "E_SETTINGS", "needs a directory")
    refused(rtpipe("dead-letters", "export", "--format", "xml"), 2, "E_SETTINGS", "neither jsonl nor files")


def test_dead_letters_drop(rtpipe: Command, letters: type[LetterAdmin], typed: Any) -> None:
    answer = rtpipe("dead-letters", "drop", "-t", "orders", "--yes")
    assert "3 dropped" in answer.stdout
    refused(rtpipe("dead-letters", "drop"), 2, "E_SETTINGS", "drop needs to know which dead letters")
    answer = rtpipe("dead-letters", "drop", "-t", "orders")
    assert (answer.returncode, "nobody is there to ask" in answer.stderr) == (2, True)
    typed("y")
    assert "3 dropped" in rtpipe("dead-letters", "drop", "-t", "orders").stdout
    typed("n")
    assert rtpipe("dead-letters", "drop", "-t", "orders").returncode == 1
    letters.counts_found = ()
    assert rtpipe("dead-letters", "drop", "-t", "orders").stdout == "no dead letters like that\n"


# -- the embedded stack, setup and tables ------------------------------------------------------------------------------


def test_infra_up_and_down(rtpipe: Command, spy: Any, tmp_path: Path) -> None:
    up, down = spy("infra.stack.embedded_stack.up"), spy("infra.stack.embedded_stack.down")
    answer = rtpipe("infra", "up", "--dir", str(tmp_path), "--brokers", "3", "--kafka-port", "9")
    assert f"export RTPIPE_STACK_DIR={tmp_path}" in answer.stderr
    (directory, options), _ = up.only
    assert (directory, options.brokers, options.kafka_port, options.registry_port) == (tmp_path, 3, 9, None)
    assert rtpipe("infra", "up", RTPIPE_STACK_DIR=str(tmp_path / "own")).stderr == ""
    assert up.calls[-1][0][0] == tmp_path / "own"
    rtpipe("infra", "down", "--purge", "--dir", str(tmp_path))
    assert down.only == ((tmp_path,), {"purge": True})


def test_infra_status(rtpipe: Command, spy: Any) -> None:
    service = ServiceStatus("kafka", "running", 9, 1, 2_000_000, "log")
    status = spy("infra.stack.embedded_stack.status", StackStatus("/d", (service,), {}))
    answer = rtpipe("infra", "status")
    assert (answer.returncode, "kafka" in answer.stdout) == (0, True)
    told = json.loads(rtpipe("infra", "status", "--json").stdout)
    assert (told["schema_version"], told["running"]) == (1, True)
    status.answer = StackStatus("/d", (), {})
    assert rtpipe("infra", "status").returncode == 3


def result(*states: ItemState) -> ProvisionResult:
    return ProvisionResult(tuple(ProvisionItem("table", f"t{at}", state) for at, state in enumerate(states)))


def test_infra_create(rtpipe: Command, spy: Any) -> None:
    plan = spy("infra.provision.provision.plan", result(ItemState.TO_CREATE))
    create = spy("infra.provision.provision.create", result(ItemState.CREATED, ItemState.DIFFERS))
    toml = '[[topics]]\nmatch = "orders"\ntable = "other"\nmode = "upsert"\nkey = ["id"]\nsubject = "s"\n'
    Path("rtpipe.toml").write_text(toml)
    answer = rtpipe("infra", "create", "--schemas", "a.json", "--dry-run", "--partitions", "6", "--topic", "x")
    assert answer.returncode == 0, answer.stderr
    assert "RTPIPE_INFRA_DATABASE_URL is not set" in answer.stderr
    (request,), _ = plan.only
    assert (request.schemas, request.partitions, request.topic) == (Path("a.json"), 6, "x")
    assert (request.table_of("orders"), request.table_of("a")) == ("other", "a")
    assert (request.rules_of("orders").key, request.subjects_of("orders").values) == (("id",), "s")
    answer = rtpipe("infra", "create", "--schemas", "a.json", "--json")
    assert answer.returncode == 3
    assert [one["state"] for one in json.loads(answer.stdout)["items"]] == ["created", "differs"]
    assert "tables that differ (t1): rtpipe table plan" in answer.stderr
    assert len(create.calls) == 1


class Setup:
    """Two topics in the database."""

    plan_found = result(ItemState.TO_CREATE)
    refusal: Exception | None = None

    def __init__(self, _settings: Any, topics: list[str]) -> None:
        assert topics == ["a", "b"]

    def plan(self) -> ProvisionResult:
        return self.plan_found

    def refuse(self) -> None:
        if self.refusal:
            raise self.refusal

    def carry_out(self) -> ProvisionResult:
        return result(ItemState.CREATED, ItemState.DIFFERS)


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch) -> type[Setup]:
    monkeypatch.setattr("supervisor.setup.database_setup.Setup", Setup)
    for name in ("plan_found", "refusal"):
        monkeypatch.setattr(Setup, name, getattr(Setup, name))
    return Setup


def test_setup(rtpipe: Command, setup: type[Setup], typed: Any) -> None:
    answer = rtpipe("setup", "-t", "a,b", "--dry-run")
    assert (answer.returncode, "to create" in answer.stdout) == (0, True)
    answer = rtpipe("setup", "-t", "a,b", "--yes")
    assert answer.returncode == 3
    assert "done; next: " in answer.stdout
    told = json.loads(rtpipe("setup", "-t", "a,b", "--yes", "--json").stdout)
    assert [one["state"] for one in told["items"]] == ["created", "differs"]
    answer = rtpipe("setup", "-t", "a,b")
    assert (answer.returncode, "setup asks before it changes the database" in answer.stderr) == (2, True)
    typed("n")
    assert rtpipe("setup", "-t", "a,b").returncode == 1
    setup.refusal = SchemaError("no")
    answer = rtpipe("setup", "-t", "a,b", "--yes")
    assert (answer.returncode, "error E_SCHEMA  no" in answer.stderr) == (5, True)
    setup.refusal, setup.plan_found = None, result(ItemState.THERE)
    assert "all is there already; next: " in rtpipe("setup", "-t", "a,b").stdout


class Tables:
    """One table, as `rtpipe table` sees it."""

    def __init__(self, *, differs: bool = True, costly: bool = False, refusal: Exception | None = None) -> None:
        self.plan = SimpleNamespace(
            statements=["ALTER TABLE `a` ADD `b` INT"],
            differs=differs,
            questions=["copies 5 rows"] if costly else [],
            target=SimpleNamespace(table="a"),
        )
        self.refusal = refusal

    def plans(self) -> list[Any]:
        return [self.plan]

    def refuse(self, plans: list[Any]) -> None:
        assert plans == [self.plan]
        if self.refusal:
            raise self.refusal

    def apply(self, plans: list[Any]) -> Iterator[str]:
        return iter([plan.target.table for plan in plans if plan.differs])


def test_table_plan(rtpipe: Command, spy: Any) -> None:
    opened = spy("supervisor.schemas.table_plans.topic_tables.open_tables", Tables())
    spy("supervisor.schemas.table_plans.table_plan_view.print_plans")
    spy("supervisor.schemas.table_plans.table_plan_view.facts_of", {"table": "a"})
    assert rtpipe("table", "plan", "-t", "a", "--accept-unrelated", "--schema-id", "4").returncode == 0
    (topics, schema, schema_id, options, url), _ = opened.calls[-1]
    assert (topics, schema, schema_id, url) == (["a"], None, 4, None)
    assert (options.accept_unrelated, options.drop) == (True, False)
    assert rtpipe("table", "plan", "-t", "a", "--check").returncode == 3
    assert rtpipe("table", "plan", "-t", "a", "--sql").stdout == "ALTER TABLE `a` ADD `b` INT;\n"
    told = json.loads(rtpipe("table", "plan", "-t", "a", "--json").stdout)
    assert told == {"schema_version": 1, "tables": [{"table": "a"}]}
    opened.answer = Tables(refusal=SchemaNotFoundError("no"))
    assert rtpipe("table", "plan", "-t", "a").returncode == 5


def test_table_apply(rtpipe: Command, spy: Any, typed: Any) -> None:
    opened = spy("supervisor.schemas.table_plans.topic_tables.open_tables", Tables())
    spy("supervisor.schemas.table_plans.table_plan_view.print_plans")
    assert rtpipe("table", "apply", "-t", "a", "--drop", "--accept-rename").stdout == "a: done\n"
    options = opened.calls[-1][0][3]
    assert (options.drop, options.accept_rename) == (True, True)
    opened.answer = Tables(costly=True)
    typed("n")
    answer = rtpipe("table", "apply", "-t", "a")
    assert (answer.returncode, "a: this copies 5 rows" in answer.stdout) == (1, True)
    assert rtpipe("table", "apply", "-t", "a", "--yes").stdout == "a: done\n"
    opened.answer = Tables(differs=False)
    assert rtpipe("table", "apply", "-t", "a").stdout == ""


# -- produce, verify, chaos, demo --------------------------------------------------------------------------------


def test_produce(rtpipe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[Any] = []

    def send(order: Any, progress: Any) -> ProduceResult:
        orders.append(order)
        progress(ProduceProgress(5, 0, None, 0.0))
        progress(ProduceProgress(10, 0, 20, 2.0))
        return ProduceResult(20, 0, 4.0, 100, {})

    monkeypatch.setattr("workers.produce.producer.produce", send)
    answer = rtpipe("produce", "-t", "a,b", "--duration", "2m", "--rate", "5", "--seed", "7")
    assert answer.stdout == "20 messages sent in 4.0 s (5/s), 0 failed\n"
    assert (orders[0].topics, orders[0].duration, orders[0].rate, orders[0].seed) == (("a", "b"), 120.0, 5.0, 7)
    assert orders[0].subjects["a"].values == "{topic}-value"
    assert json.loads(rtpipe("produce", "-t", "a", "--count", "20", "--json").stdout)["sent"] == 20


def test_verify(rtpipe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[Any] = []
    codes: list[bool] = []

    def exit_code(*, fail_on_dead_letters: bool) -> ExitCode:
        codes.append(fail_on_dead_letters)
        return ExitCode.DIFFERENT

    def check(order: Any, progress: Any) -> Any:
        orders.append(order)
        for done in (1, 2):
            progress(SimpleNamespace(topic="a", stage="rows", done=done, total=None))
        return SimpleNamespace(exit_code=exit_code)

    printed = Spy()
    monkeypatch.setattr("supervisor.verify.verify.verify", check)
    monkeypatch.setattr("supervisor.verify.outcome.view.print_report", printed)
    monkeypatch.setattr("supervisor.verify.outcome.view.as_json", lambda _report: {"ok": False, "at": MOMENT})
    assert rtpipe("verify", "-t", "a", "--values", "--limit", "3", "--fail-on-dead-letters").returncode == 3
    assert (orders[0].topics, orders[0].values, orders[0].listed) == (("a",), True, 3)
    assert (orders[0].database_url, orders[0].tables) == (ADDRESSES["RTPIPE_DATABASE_URL"], {"a": "a"})
    assert len(printed.calls) == 1
    told = json.loads(rtpipe("verify", "-t", "a", "--json").stdout)
    assert told["ok"] is False
    assert codes == [True, False]


def test_chaos(rtpipe: Command, spy: Any) -> None:
    faults = (Fault("kill worker", "t/0", 1.0), Fault("kill worker", "t/0", 3.0))
    run = spy("supervisor.demo.chaos_run.run_chaos", ChaosReport(7, 1_000, faults, 0))
    answer = rtpipe("chaos", "--duration", "8h", "--seed", "7")
    assert answer.returncode == 0
    assert "2 faults, 1,000 rows: 0 lost, 0 doubled, 0 altered, 0 orphans" in answer.stdout
    (settings, say), named = run.only
    assert settings.bootstrap_servers == "k:1"
    assert named == {"duration": 28_800.0, "rate": 2_000, "partitions": 3, "seed": 7}
    say("a line")
    run.answer = ChaosReport(7, 1_000, faults, 1)
    answer = rtpipe("chaos", "--json")
    assert answer.returncode == 3
    assert run.calls[-1][1]["duration"] == 60.0
    assert json.loads(answer.stdout)["orphans"] == 1


def test_demo(rtpipe: Command, spy: Any, tmp_path: Path) -> None:
    run = spy("supervisor.demo.demo.demo", 0)
    assert rtpipe("demo", "--messages", "3000", "--keep", "--dir", str(tmp_path)).returncode == 0
    (directory, messages), named = run.only
    assert (directory, messages, named["keep"]) == (tmp_path, 3_000, True)
    run.answer = 3
    assert rtpipe("demo").returncode == 3


def test_schema_convert_writes_the_avro_of_a_schema_file(rtpipe: Command, tmp_path: Path) -> None:
    (tmp_path / "schema_before.json").write_text('[{"name": "d1", "fields": {"a": "int"}}]')
    answer = rtpipe("schema", "convert", "schema_before.json")
    assert (answer.returncode, "schema_avro.json: 1 schemas" in answer.stdout) == (0, True)
    assert json.loads((tmp_path / "schema_avro.json").read_text())[0]["name"] == "d1"


def test_a_property_that_librdkafka_does_not_know_is_a_setting_and_no_bug(rtpipe: Command) -> None:
    unknown = {"RTPIPE_KAFKA": '{"nosuch": "x"}'}
    refused(rtpipe("offsets", "list", **unknown), 2, "E_SETTINGS", "Kafka settings: ", '"nosuch"')
    refused(rtpipe("verify", "-t", "a", **unknown), 2, "E_SETTINGS", "Kafka settings: ", '"nosuch"')
    refused(rtpipe("setup", "-t", "a", **unknown), 2, "E_SETTINGS", "Kafka settings: ", '"nosuch"')


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
