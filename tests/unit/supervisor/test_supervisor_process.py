"""Every arrow of the supervisor's loop: start, ready, death, restart, halt, hold, drain, kill, questions, new plan."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from rtpipe.errors import ExitCode
from supervisor.kafka.log_watch import LogFacts
from supervisor.kafka.topic_watch import TopicChanges
from supervisor.lifecycle.generation.heartbeat_limits import HeartbeatLimits
from supervisor.lifecycle.served_workers import ServedWorkers
from supervisor.partition_plan import UNKNOWN
from tests.support.fakes.fake_supervisor import (
    Asked,
    Scene,
    SceneOver,
    Stage,
    drained,
    keep_to_the_stage,
    living,
    progress,
    running,
    spec_of,
)
from tests.support.samples.specs import default_spec
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Ended, SchemaWanted
from workers.contract.schema_answers import SchemaHalt

TERM = signal.SIGTERM
PAYMENTS = default_spec(PartitionKey("payments", 0), topic_id="p", cluster_id="c")
BAD = Ended(ExitCode.BAD_DATA, "E_DATA", "orders/0: too long")


@pytest.fixture(autouse=True)
def _no_side_effects(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    keep_to_the_stage(monkeypatch)


class FakeMembership:
    """What the group says; `drains`: whether the run ended, at each look at which that changed."""

    def __init__(self) -> None:
        self.served: ServedWorkers | None = None
        self.replaced = ""
        self.drains: list[bool] = []
        self.closed = False

    def open(self, served: ServedWorkers, wake: Callable[[], None]) -> None:
        self.served = served

    def topics(self) -> dict[str, str]:
        return {}

    def has_topic(self, _topic: str) -> bool:
        return False

    def look(self, _now: float, *, draining: bool) -> None:
        if self.drains[-1:] != [draining]:
            self.drains.append(draining)

    def close(self) -> None:
        self.closed = True


class TestFromStartToEnd:
    def test_all_are_started_and_systemd_hears_of_it(self) -> None:
        stage = Stage(partitions=2)

        def scene() -> Scene:
            assert stage.states() == ["starting", "starting"]
            for made in stage.launch.made:
                made.link.say(running())
            yield stage.are("running", "running")
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE
        assert stage.notifier.heard == ["ready 0 of 2 partitions running; starting: orders/0, orders/1", "stopping"]
        assert [str(spec.key) for spec in stage.schemas.limits_of] == ["orders/0", "orders/1"]
        assert stage.states() == ["stopped", "stopped"]
        assert stage.mirror.last == [0, 0]
        assert stage.mirror.looks > 0
        assert [partition.state for partition in stage.shown[-1].partitions] == ["stopped", "stopped"]

    def test_what_runs_beside_the_workers_starts_once_they_run(self) -> None:
        looks: list[float] = []
        beside = SimpleNamespace(look=looks.append)
        stage = Stage(companions=[beside])

        def scene() -> Scene:
            assert not looks
            stage.launch.made[0].link.say(running())
            yield stage.are("running")
            yield lambda: bool(looks)
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE

    def test_a_run_with_targets_ends_each_partition_where_it_has_arrived(self) -> None:
        stage = Stage(partitions=2, targets={PartitionKey("orders", 0): 5, PartitionKey("orders", 1): 0})

        def scene() -> Scene:
            first, second = stage.launch.made
            second.link.say(running(0))
            first.link.say(running(0), progress(3, 5, rows=3, batches=1))
            yield stage.are("running", "running")
            yield None  # at its target, but it has not seen the log yet: its stored offset may be beyond the end
            assert stage.states() == ["running", "running"]
            second.link.say(progress(0, 0))
            yield stage.are("running", "stopping")
            second.die(0, Ended(ExitCode.DONE, "", ""))
            first.link.say(progress(5, 5, rows=5, batches=2))
            yield stage.are("stopping", "stopped")
            first.die(0, Ended(ExitCode.DONE, "", ""))
            yield None

        assert stage.run(scene()) == ExitCode.DONE
        assert [made.drained for made in stage.launch.made] == [[48.0], [48.0]]

    @pytest.mark.parametrize(("asked", "code"), [(True, ExitCode.DEAD_LETTERS), (False, ExitCode.DONE)])
    def test_dead_letters_have_an_exit_code_on_request(
        self, asked: bool, code: ExitCode, caplog: pytest.LogCaptureFixture
    ) -> None:
        stage = Stage(fail_on_dead_letters=asked)

        def scene() -> Scene:
            stage.launch.last.link.say(running(), progress(5, 5, rows=3, dead=2, batches=1))
            yield stage.are("running")
            yield from drained(stage)

        assert stage.run(scene()) == code
        assert "stopped: 3 rows, 2 dead letters, 0 restarts" in caplog.text

    def test_signs_of_life_go_on_as_long_as_the_loop_does(self) -> None:
        stage = Stage(watchdog_every=0.0001)

        def scene() -> Scene:
            stage.launch.last.link.say(running())
            yield lambda: sum("alive 1 of 1 partitions running" in word for word in stage.notifier.heard) > 3
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE

    def test_whatever_breaks_the_loop_no_process_is_left(self) -> None:
        stage = Stage(partitions=2)

        def scene() -> Scene:
            yield None
            raise SceneOver

        with pytest.raises(SceneOver):
            stage.run(scene())
        assert [made.signals for made in stage.launch.made] == [["kill"], ["kill"]]


class TestDeaths:
    def test_one_dies_and_starts_again_while_the_others_go_on(self, caplog: pytest.LogCaptureFixture) -> None:
        stage = Stage(partitions=2)

        def scene() -> Scene:
            for made in stage.launch.made:
                made.link.say(running())
            yield stage.are("running", "running")
            stage.launch.made[0].die(-9)
            yield lambda: len(stage.launch.made) == 3
            assert stage.states() == ["starting", "running"]
            stage.launch.last.link.say(running())
            yield stage.are("running", "running")
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE
        assert "the consumer was killed by SIGKILL" in caplog.text
        assert [str(made.spec.key) for made in stage.launch.made] == ["orders/0", "orders/1", "orders/0"]
        assert [made.spec.known for made in stage.launch.made] == [False, False, True]

    def test_a_report_and_the_death_in_one_turn_are_both_taken(self) -> None:
        stage = Stage()

        def scene() -> Scene:
            stage.launch.last.die(-9, running(), progress(7, 9, rows=7, batches=1))
            yield lambda: len(stage.launch.made) == 2
            assert stage.workers[0].history.rows == 7
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE

    def test_a_pipe_that_ends_before_the_process_is_no_busy_wait(self) -> None:
        stage = Stage()

        def scene() -> Scene:
            made = stage.launch.last
            made.link.say(EOFError())
            yield lambda: made.link.closed
            assert stage.states() == ["starting"]
            made.die(1)
            yield lambda: len(stage.launch.made) == 2
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE

    def test_one_that_dies_again_and_again_is_held_and_a_service_goes_on(self) -> None:
        stage = Stage(partitions=2, budget=1)

        def scene() -> Scene:
            stage.launch.made[0].die(-11)
            yield stage.are("quarantined", "starting")
            assert stage.workers[0].standing.next_start > time.monotonic() + 100
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE
        assert stage.states() == ["stopped", "stopped"]

    def test_one_that_dies_again_and_again_ends_a_run_that_is_to_end(self) -> None:
        stage = Stage(budget=1, targets={})

        def scene() -> Scene:
            stage.launch.last.die(-11)
            yield None

        assert stage.run(scene()) == ExitCode.TEMPORARY
        assert stage.workers[0].standing.trouble.text == (
            "orders/0: the consumer was killed by SIGSEGV (a crash in native code)"
        )

    def test_what_only_a_person_can_mend_halts_one_and_is_the_exit_code(self) -> None:
        stage = Stage(partitions=2)

        def scene() -> Scene:
            stage.launch.made[0].die(65, BAD)
            yield stage.are("halted", "starting")
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.BAD_DATA
        assert stage.states() == ["halted", "stopped"]

    def test_when_all_are_halted_the_run_is_over(self) -> None:
        stage = Stage()

        def scene() -> Scene:
            stage.launch.last.die(65, BAD)
            yield None

        assert stage.run(scene()) == ExitCode.BAD_DATA

    def test_a_start_that_fails_is_tried_again(self) -> None:
        stage = Stage()
        stage.launch.trouble = OSError(24, "Too many open files")

        def scene() -> Scene:
            assert stage.states() == ["backoff"]
            assert stage.workers[0].standing.reason == "no process could be started: Too many open files"
            stage.launch.trouble = None
            stage.workers[0].standing.next_start = 0.0
            yield lambda: stage.launch.made
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE


class TestShutdown:
    def test_a_drain_starts_nothing_and_no_worker_in_backoff_is_waited_for(self) -> None:
        stage = Stage(partitions=2)

        def scene() -> Scene:
            stage.launch.made[0].die(75, Ended(ExitCode.TEMPORARY, "E_TEMPORARY", "locked"))
            yield stage.are("backoff", "starting")
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE
        assert len(stage.launch.made) == 2

    def test_a_second_signal_kills(self, caplog: pytest.LogCaptureFixture) -> None:
        stage = Stage(partitions=2)

        def scene() -> Scene:
            signal.raise_signal(TERM)
            yield stage.are("stopping", "stopping")
            signal.raise_signal(signal.SIGINT)
            yield None

        assert stage.run(scene()) == ExitCode.FORCED
        assert stage.mirror.last is None  # nobody waits for Kafka
        assert [made.signals for made in stage.launch.made] == [["kill"], ["kill"]]
        assert "second signal: killing the workers" in caplog.text
        assert "E_WORKER_DIED" not in caplog.text

    def test_who_misses_the_deadline_is_killed_and_counted(self, caplog: pytest.LogCaptureFixture) -> None:
        stage = Stage(partitions=2, drain_seconds=0.05)

        def scene() -> Scene:
            signal.raise_signal(TERM)
            yield stage.are("stopping", "stopping")
            stage.launch.made[0].die(0, Ended(ExitCode.DONE, "", ""))
            yield None

        assert stage.run(scene()) == ExitCode.TEMPORARY
        assert [made.signals for made in stage.launch.made] == [[], ["kill"]]
        assert "E_DRAIN_FORCED 1 partitions after 0 s; exiting 75" in caplog.text

    def test_a_worker_that_gives_up_its_own_drain_counts_as_one(self, caplog: pytest.LogCaptureFixture) -> None:
        stage = Stage()

        def scene() -> Scene:
            signal.raise_signal(TERM)
            yield stage.are("stopping")
            stage.launch.last.die(75, Ended(ExitCode.TEMPORARY, "E_DRAIN_FORCED", "orders/0: not in time"))
            yield None

        assert stage.run(scene()) == ExitCode.TEMPORARY
        assert "E_DRAIN_FORCED 1 partitions after 60 s; exiting 75" in caplog.text

    def test_a_death_in_the_drain_is_reported_and_not_started_again(self, caplog: pytest.LogCaptureFixture) -> None:
        stage = Stage()

        def scene() -> Scene:
            signal.raise_signal(TERM)
            yield stage.are("stopping")
            stage.launch.last.die(-9)
            yield None

        assert stage.run(scene()) == ExitCode.TEMPORARY
        assert "was killed by SIGKILL (out of memory?) while it drained" in caplog.text
        assert len(stage.launch.made) == 1


class TestStuckProcesses:
    @pytest.mark.parametrize("obeys", [True, False])
    def test_one_that_is_silent_is_aborted_then_killed_and_replaced(
        self, obeys: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("supervisor.lifecycle.generation.watchdog._ABORT_GRACE", 0.01)
        monkeypatch.setattr("supervisor.lifecycle.stuck_workers._EVERY", 0.0)
        stage = Stage(heartbeat=HeartbeatLimits(0.2, 60))

        def scene() -> Scene:
            first = stage.launch.last
            first.dies_of_signals = obeys
            yield lambda: len(stage.launch.made) == 2
            assert first.signals == (["abort"] if obeys else ["abort", "kill"])
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE
        assert "E_STUCK orders/0 no heartbeat of its consumer for 0 s; SIGABRT" in caplog.text
        assert "stuck: no heartbeat of its consumer" in caplog.text


class TestPartitionsThatComeAndGo:
    def test_one_that_is_given_up_drains_and_nobody_remembers_it(self, caplog: pytest.LogCaptureFixture) -> None:
        stage = Stage(specs=[spec_of(0), PAYMENTS])

        def scene() -> Scene:
            for made in stage.launch.made:
                made.link.say(running(), progress(5, 9, rows=5, batches=1))
            yield stage.are("running", "running")
            pids = [made.pid for made in living(stage)]
            stage.served.give_up([PAYMENTS.key], "taken out of the settings")
            yield stage.are("running", "stopping")
            stage.launch.made[1].die(0, Ended(ExitCode.DONE, "", ""))
            yield stage.are("running")
            assert [made.pid for made in living(stage)] == pids[:1]
            assert (stage.mirror.gone, stage.schemas.forgotten, list(stage.watch.ids)) == (
                ["payments/0"],
                ["payments"],
                ["orders"],
            )
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE
        assert "stopped: 10 rows" in caplog.text
        assert [partition.topic for partition in stage.shown[-1].partitions] == ["orders"]

    def test_a_run_that_stays_serves_nothing_for_a_while_and_ends_by_a_signal(self) -> None:
        stage = Stage(specs=[], stays=True)

        def scene() -> Scene:
            assert stage.states() == []
            yield None
            stage.served.take([spec_of(0)])
            yield stage.are("starting")
            stage.launch.last.die(65, BAD)
            yield stage.are("halted")
            yield None
            stage.served.give_up([spec_of(0).key], "revoked")
            yield stage.are()
            yield None
            signal.raise_signal(TERM)
            yield None

        assert stage.run(scene()) == ExitCode.DONE
        assert stage.notifier.heard == ["ready 0 of 0 partitions running", "stopping"]

    def test_with_membership_the_group_says_what_is_served_and_ends_the_run_of_one_that_was_replaced(self) -> None:
        membership = FakeMembership()
        stage = Stage(specs=[], stays=True, membership=membership)

        def scene() -> Scene:
            yield lambda: membership.served is not None
            assert membership.served is not None
            membership.served.take([spec_of(0)])
            yield stage.are("starting")
            membership.replaced = "another one has our instance id"
            yield lambda: all(made.drained for made in living(stage))
            stage.launch.last.die(0, Ended(ExitCode.DONE, "", ""))
            yield None

        assert stage.run(scene()) == ExitCode.FENCED
        assert membership.drains == [False, True]
        assert membership.closed

    def test_nothing_is_taken_once_the_run_ends(self) -> None:
        stage = Stage()

        def scene() -> Scene:
            signal.raise_signal(TERM)
            yield stage.are("stopping")
            stage.served.take([PAYMENTS])
            stage.served.give_up([spec_of(0).key], "revoked")
            stage.served.take([spec_of(0)])
            stage.launch.last.die(0, Ended(ExitCode.DONE, "", ""))
            yield None

        assert stage.run(scene()) == ExitCode.DONE
        assert (stage.states(), len(stage.launch.made)) == ([], 1)

    def test_one_that_misses_the_deadline_of_the_end_is_killed_though_it_was_given_up(self) -> None:
        stage = Stage(drain_seconds=0.05)

        def scene() -> Scene:
            stage.served.give_up([spec_of(0).key], "revoked")
            yield stage.are("stopping")
            signal.raise_signal(TERM)
            yield None

        assert stage.run(scene()) == ExitCode.TEMPORARY
        assert stage.launch.last.signals == ["kill"]


class TestQuestions:
    def test_a_backlog_of_questions_is_answered_to_each_who_asked(self) -> None:
        stage = Stage(partitions=2)

        def scene() -> Scene:
            for number, made in enumerate(stage.launch.made):
                made.link.say(running(), *(SchemaWanted(10 * number + at) for at in range(3)))
            yield lambda: len(stage.schemas.questions) == 6
            for wanted, reply in reversed(stage.schemas.questions):
                stage.schemas.ready.append((reply, (SchemaHalt(wanted.schema_id, BAD),)))
            yield lambda: not stage.schemas.ready
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE
        answered = [[one.schema_id for [one] in made.answers] for made in stage.launch.made]
        assert answered == [[2, 1, 0], [12, 11, 10]]

    def test_an_answer_to_a_worker_that_is_gone_by_now_harms_nobody(self) -> None:
        stage = Stage()

        def scene() -> Scene:
            first = stage.launch.last
            first.link.say(SchemaWanted(7))
            yield lambda: stage.schemas.questions
            first.die(-9)
            yield lambda: len(stage.launch.made) == 2
            [(_, reply)] = stage.schemas.questions
            stage.schemas.ready.append((reply, (SchemaHalt(7, BAD),)))
            yield None
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE


class TestCommands:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "run" / "supervisor-1.sock"

    def test_status_tells_of_every_partition(self, path: Path) -> None:
        stage = Stage(partitions=2, control_socket=str(path))

        def scene() -> Scene:
            stage.launch.made[0].link.say(running(), progress(5, 9, rows=5, batches=1))
            yield stage.are("running", "starting")
            asked = Asked(path, "status")
            yield asked.done
            assert (asked.reply["supervisor_pid"], asked.reply["draining"]) == (os.getpid(), False)
            first, second = asked.reply["partitions"]
            assert (first["state"], first["offset"], first["lag"], first["writer_pid"]) == ("running", 5, 4, 200)
            assert (second["state"], second["epoch"], second["restarts"]) == ("starting", None, 0)
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE


class TestKafka:
    def test_a_partition_that_is_added_is_planned_and_started(self) -> None:
        stage, new = Stage(), PartitionKey("orders", 1)

        def scene() -> Scene:
            stage.watch.news.append(TopicChanges(added=[new]))
            yield stage.are("starting", "waiting")
            stage.watch.answers.append(LogFacts(ends={new: 4}, begins={new: 2}))
            yield stage.are("starting", "starting")
            assert stage.launch.last.spec.first_offset == 2
            yield from drained(stage)

        assert stage.run(scene()) == ExitCode.DONE

    def test_a_topic_that_was_made_again_halts_its_workers(self) -> None:
        stage = Stage(partitions=2)

        def scene() -> Scene:
            stage.watch.news.append(TopicChanges(gone={"orders": "topic id changed a -> b"}))
            yield None

        assert stage.run(scene()) == ExitCode.TOPIC_CHANGED
        assert stage.states() == ["halted", "halted"]
        assert [made.signals for made in stage.launch.made] == [["kill"], ["kill"]]

    def test_a_run_that_is_to_end_gives_up_a_partition_without_a_leader(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("supervisor.run.run_targets._PATIENCE", 0.05)
        stage = Stage(specs=[spec_of(0, first_offset=UNKNOWN)], targets={})

        def scene() -> Scene:
            assert stage.states() == ["waiting"]
            stage.watch.answers.append(LogFacts(silent={PartitionKey("orders", 0): "no leader"}))
            yield None

        assert stage.run(scene()) == ExitCode.UNREACHABLE
        assert stage.workers[0].standing.reason == "orders/0: no leader"

    def test_a_leader_that_comes_late_gives_the_run_its_target(self) -> None:
        key = PartitionKey("orders", 0)
        stage = Stage(specs=[spec_of(0, first_offset=UNKNOWN)], targets={})

        def scene() -> Scene:
            stage.watch.answers.append(LogFacts(ends={key: 4}, begins={key: 2}))
            yield stage.are("starting")
            stage.launch.last.link.say(running(2), progress(4, 4, rows=2, batches=1))
            yield stage.are("stopping")
            stage.launch.last.die(0, Ended(ExitCode.DONE, "", ""))
            yield None

        assert stage.run(scene()) == ExitCode.DONE


def test_orphans_come_to_a_process_that_became_a_subreaper() -> None:
    """In a process of its own: it cannot be undone."""
    flag = "flag = ctypes.c_int(0); ctypes.CDLL(None).prctl(37, ctypes.byref(flag), 0, 0, 0); print(flag.value)"
    become = "from supervisor.supervisor_process import become_subreaper; become_subreaper()"
    code = f"import ctypes; {become}; {flag}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
