"""What a run is made of, part by part; every part that reaches out is a fake."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from rtpipe.credentials import LoginRefusedError
from rtpipe.errors import ExitCode, SettingsError, UnreachableError
from supervisor import assembly, partition_plan
from supervisor.group_lock import GroupHeldError
from supervisor.journal import journal_upkeep
from supervisor.kafka.log_offsets import Offsets
from supervisor.lifecycle.generation.heartbeat_limits import HeartbeatLimits
from supervisor.run.first_plan import plan_of, wait_for_plan
from supervisor.run.run_request import RunRequest
from supervisor.settings.fields.topic_settings import TopicBlock
from supervisor.settings.settings import Settings
from supervisor.settings.topic_choice import TopicChoice
from supervisor.status.systemd_notify import SystemdNotifier
from tests.support.fakes.fake_worker import SPEC
from tests.support.samples.specs import default_spec
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionKey

ORDERS = [PartitionKey("orders", number) for number in range(3)]
SPECS = [default_spec(key, topic_id="t", cluster_id="c", group="g", first_offset=7) for key in ORDERS[:2]]
SPECS.append(default_spec(ORDERS[2], group="g", first_offset=partition_plan.UNKNOWN))
ALL = TopicChoice(("orders",))
REQUEST = RunRequest(topics=ALL, until_caught_up=False, fail_on_dead_letters=True, take_over=False, show=print)


class Parts:
    """Stands for each part, and keeps what each was made with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, held: bool) -> None:
        self.made: dict[str, list[tuple[Any, Any]]] = {}
        self.calls: list[str] = []
        self.held = held
        for name in (
            "ClusterView",
            "OffsetMirror",
            "LogWatch",
            "TopicWatch",
            "TableFitter",
            "GroupLock",
            "Supervisor",
            "ProcessHandle",
            "RestartPolicy",
        ):
            monkeypatch.setattr(assembly, name, self._maker(name))
        monkeypatch.setattr(assembly, "wait_for_plan", self._plan)
        monkeypatch.setattr(assembly, "accounts", lambda _: "accounts")

    def _maker(self, name: str) -> Any:
        def make(*given: Any, **named: Any) -> Parts:
            self.made.setdefault(name, []).append((given, named))
            return self

        return make

    def _plan(self, *given: Any) -> Any:
        self.made.setdefault("plan", []).append((given, {}))
        return SPECS

    def log_ends(self, keys: list[PartitionKey]) -> Offsets:
        return Offsets({key: 40 + key.partition for key in keys if key != ORDERS[1]}, {ORDERS[1]: "no leader"})

    def acquire(self) -> None:
        if self.held:
            raise GroupHeldError("group g is held by another")
        self.calls.append("acquire")

    def keep(self) -> None:
        self.calls.append("keep")

    def release(self) -> None:
        self.calls.append("release")

    def run(self) -> ExitCode:
        self.calls.append("run")
        return ExitCode.DEAD_LETTERS


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Parts]:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setenv("RTPIPE_RUNTIME_DIR", str(tmp_path))
    yield Parts(monkeypatch, held=False)
    signal.signal(signal.SIGTERM, before)


def settings(tmp_path: Any, **more: Any) -> Settings:
    url = SecretStr("mysql+pymysql://u:p@h/bank")
    places = {"runtime_dir": tmp_path, "state_dir": tmp_path}
    return Settings.model_construct(bootstrap_servers="k:1", database_url=url, **places, **more)


NO_CONTEXT: Any = "the forkserver"


def run(tmp_path: Any, request: RunRequest = REQUEST, **more: Any) -> ExitCode:
    return assembly.run(settings(tmp_path, **more), request, NO_CONTEXT)


def test_every_setting_of_a_run_reaches_the_part_that_obeys_it(parts: Parts, tmp_path: Any) -> None:
    chosen: dict[str, Any] = {"drain_seconds": 1.0, "heartbeat_seconds": 2.0, "quarantine_seconds": 3.0}
    chosen |= {"restart_budget": 4, "database_seconds": 5, "topic_check_seconds": 6.0}
    assert run(tmp_path, **chosen) == ExitCode.DEAD_LETTERS
    [((specs, options), named)] = parts.made["Supervisor"]
    assert specs == SPECS
    assert (options.drain_seconds, options.heartbeat) == (1.0, HeartbeatLimits(2.0, 5))
    assert (options.targets, options.fail_on_dead_letters, options.show) == (None, True, print)
    assert options.control_socket.startswith(str(tmp_path))
    assert parts.made["RestartPolicy"] == [((), {"probe_every": 3.0, "budget": 4})]
    worker = named["make"](SPECS[0])
    worker.begin()
    worker.start()
    assert parts.made["ProcessHandle"] == [((worker.spec, NO_CONTEXT), {})]
    [((_, every), _)] = parts.made["TopicWatch"]
    assert every == 6.0
    [((url, groups, silence), how)] = parts.made["GroupLock"]
    assert (url, set(groups), silence) == ("mysql+pymysql://u:p@h/bank", {"g"}, 5)
    assert how == {"file": "", "patient": True, "members": ""}
    assert [given[0]["bootstrap.servers"] for given, _ in parts.made["ClusterView"]] == ["k:1", "k:1"]
    assert parts.calls == ["acquire", "keep", "run", "release"]


def test_a_run_that_ends_knows_where_and_waits_for_nobody(parts: Parts, tmp_path: Any) -> None:
    request = RunRequest(topics=ALL, until_caught_up=True, fail_on_dead_letters=False, take_over=True, show=None)
    run(tmp_path, request)
    [((_, options), _)] = parts.made["Supervisor"]
    assert options.targets == {ORDERS[0]: 40}  # one has no leader, and of one nobody knows where its log begins
    [(given, _)] = parts.made["plan"]
    assert given[2] is None  # no notifier: Kafka is given up
    assert options.topics is None, "it keeps to the topics of its start"
    [(_, how)] = parts.made["GroupLock"]
    assert how["patient"] is False
    assert parts.calls == ["keep", "run", "release"]  # taken over: nobody is asked


def test_offsets_are_mirrored_but_for_topics_whose_settings_say_no(parts: Parts, tmp_path: Any) -> None:
    run(tmp_path)
    run(tmp_path, topics=(TopicBlock(match="ord.*", mirror_offsets=False),))
    assert [given[1]("orders") for given, _ in parts.made["OffsetMirror"]] == [True, False]
    assert [given[2]()["kafka"]["bootstrap.servers"] for given, _ in parts.made["OffsetMirror"]] == ["k:1", "k:1"]


def test_old_rows_of_the_journal_are_removed_while_a_topic_has_one(
    parts: Parts, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    monkeypatch.setattr(journal_upkeep, "JournalUpkeep", lambda remove, wanted: made.append((remove.__self__, wanted)))
    run(tmp_path, journal_days=3.0, database_seconds=5)
    [(old_rows, wanted)] = made
    assert (old_rows._database_url(), old_rows._silence, old_rows._days) == ("mysql+pymysql://u:p@h/bank", 5, 3.0)
    assert wanted.__name__ == "keeps_journal"
    [((_, options), _)] = parts.made["Supervisor"]
    assert options.companions[-1] is None


def test_nothing_starts_while_another_supervisor_has_the_group(parts: Parts, tmp_path: Any) -> None:
    parts.held = True
    with pytest.raises(GroupHeldError):
        run(tmp_path)
    assert not parts.calls
    assert "Supervisor" not in parts.made


def test_one_account_for_everything_is_warned_of(parts: Parts, tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path, infra_database_url=SecretStr("mysql+pymysql://i:p@h/bank"))
    assert not caplog.messages
    run(tmp_path)
    assert "RTPIPE_INFRA_DATABASE_URL is not set" in caplog.text
    assert [given[0] for given, _ in parts.made["TableFitter"]] == ["accounts"] * 2


def test_before_there_is_anything_to_drain_sigterm_is_a_clean_end(parts: Parts, tmp_path: Any) -> None:
    run(tmp_path)
    assert parts.calls
    with pytest.raises(SystemExit) as caught:
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == ExitCode.DONE


def test_the_registry_is_opened_by_the_one_who_needs_it(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    opened: list[Settings] = []
    monkeypatch.setattr(assembly, "open_registry", opened.append)
    run(tmp_path)
    [(_, named)] = parts.made["Supervisor"]
    assert not opened
    named["schemas"]._registry.current()
    assert opened == [settings(tmp_path)]


def test_kafka_is_waited_for_by_a_service_and_given_up_by_a_command(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    answers: list[object] = [UnreachableError("down"), LoginRefusedError("down"), [SPEC]]

    def plan() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    assert wait_for_plan(plan, ["orders"], SystemdNotifier(), "") == [SPEC]
    assert caplog.messages[0] == "waiting: down"
    assert re.fullmatch(r"Kafka answers after \d+ s", caplog.messages[1])
    assert len(caplog.messages) == 2
    answers += [UnreachableError("down"), UnreachableError("still down")]
    with pytest.raises(UnreachableError, match="still down"):
        wait_for_plan(plan, ["orders"], None, "")


class TestMembership:
    def test_nothing_is_served_from_the_start_and_the_lock_is_shared(self, parts: Parts, tmp_path: Any) -> None:
        run(tmp_path, membership="kafka", membership_group="members", instance_id="host-1", session_seconds=9)
        [((specs, options), _)] = parts.made["Supervisor"]
        assert (specs, options.stays, options.topics.choice) == ([], True, REQUEST.topics)
        [(_, named)] = parts.made["GroupLock"]
        assert named["members"] == "members"
        start = options.membership._start()
        assert (start.group, start.instance_id, start.topics) == ("members", "host-1", ["orders"])
        assert (start.session_seconds, start.protocol, start.kafka["bootstrap.servers"]) == (9, "auto", "k:1")
        assert options.membership._topics["orders"] == SPECS[0]

    def test_without_it_there_is_none(self, parts: Parts, tmp_path: Any) -> None:
        run(tmp_path)
        [((specs, options), _)] = parts.made["Supervisor"]
        assert (specs, options.membership, options.stays) == (SPECS, None, False)
        assert parts.made["GroupLock"][0][1]["members"] == ""

    @pytest.mark.parametrize(
        ("asked", "option"), [("until_caught_up", "--until-caught-up"), ("take_over", "--take-over")]
    )
    def test_what_goes_with_one_host_alone_is_refused(
        self, parts: Parts, tmp_path: Any, asked: str, option: str
    ) -> None:
        changes: Any = {asked: True}
        asking = replace(REQUEST, **changes)
        with pytest.raises(SettingsError, match=option):
            run(tmp_path, asking, membership="kafka")
        assert not parts.calls

    def test_topics_that_fit_a_pattern_are_found_while_it_runs(self, parts: Parts, tmp_path: Any) -> None:
        run(tmp_path, replace(REQUEST, topics=TopicChoice((), ("^bank",))), membership="kafka")
        [((_, options), _)] = parts.made["Supervisor"]
        assert options.topics.choice.patterns == ("^bank",)


def test_patterns_are_looked_for_while_it_runs_but_at_the_start_by_a_run_that_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    planned: list[list[str]] = []
    monkeypatch.setattr(partition_plan, "plan", lambda _, topics, *__: planned.append(topics))

    class Cluster:
        address = "k:1"

        def topic_names(self) -> list[str]:
            return ["bank.b", "orders", "bank.a", "__bank"]

    cluster: Any = Cluster()
    for choice in (TopicChoice(("orders",), ("^bank",)), TopicChoice((), ("^bank",))):
        for ends in (False, True):
            request = replace(REQUEST, topics=choice, until_caught_up=ends)
            plan_of(settings(tmp_path), request, cluster, "")
    assert planned == [["orders"], ["orders", "bank.a", "bank.b"], ["bank.a", "bank.b"]]
    none = replace(REQUEST, topics=TopicChoice((), ("^shop",)), until_caught_up=True)
    with pytest.raises(SetupError, match="no topic that fits"):
        plan_of(settings(tmp_path), none, cluster, "")
