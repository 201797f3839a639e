"""infra/demos by hand, as far as hands can be left out: each script against a real pipeline with a moving stream."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.pipeline.parts.commands import ROOT
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.waits import eventually

if TYPE_CHECKING:
    from infra.stack.state import Addresses

DEMOS = ROOT / "infra" / "demos"
SCRIPTS = sorted(DEMOS.glob("*.sh"))


def start_demo(pipeline: Pipeline, name: str, *arguments: str) -> subprocess.Popen[str]:
    """The script as a person starts it, with this checkout's rtpipe on the PATH."""
    program = pipeline.directory / "bin" / "rtpipe"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m rtpipe "$@"\n')
    program.chmod(0o755)
    environment = pipeline.environment()
    return subprocess.Popen(
        [DEMOS / name, *arguments],
        cwd=pipeline.directory,
        env=environment | {"PATH": f"{program.parent}:{environment['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def all_run(pipeline: Pipeline) -> bool:
    partitions = pipeline.status()
    return bool(partitions) and all(p["state"] == "running" and p["writer_pid"] for p in partitions)


def told(demo: subprocess.Popen[str], pipeline: Pipeline) -> str:
    """What it printed, once it ended well and in the way that all of them do."""
    output, _ = demo.communicate(timeout=150)
    assert demo.returncode == 0, output
    assert "Before:" in output
    assert output.count("IN KAFKA") == 2
    assert output.rstrip().endswith(f"rtpipe verify --topics {pipeline.topics[0]} --values")
    return output


@pytest.mark.faults
def test_each_of_them_on_one_stream(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=1, batch_rows=20, queue_batches=2) as pipeline:
        supervisor = pipeline.supervise()
        with pipeline.stream(200):
            eventually(lambda: all_run(pipeline), within=60)
            name = f"{pipeline.topics[0]}/0"
            assert f"{name} runs again" in told(start_demo(pipeline, "kill-worker.sh", name), pipeline)
            assert f"{name} has a new writer" in told(start_demo(pipeline, "kill-writer.sh"), pipeline)
            assert [p["restarts"] for p in pipeline.status()] == [2]

            before = len(pipeline.events("backpressure_resolved"))
            assert f"{name} reads again" in told(start_demo(pipeline, "backpressure.sh"), pipeline)
            assert len(pipeline.events("backpressure_resolved")) > before

            demo = start_demo(pipeline, "kill-supervisor.sh")
            assert supervisor.wait(60) == -signal.SIGKILL
            supervisor = pipeline.supervise()
            assert "It runs again, and commits." in told(demo, pipeline)
        pipeline.wait_caught_up()
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 0
        pipeline.assert_exact()


def test_without_a_supervisor_it_says_what_to_start(stack: Addresses, tmp_path: Path) -> None:
    pipeline = Pipeline(stack, tmp_path, ["nothing"])
    demo = start_demo(pipeline, "kill-worker.sh")
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert output.strip() == "demo: no partition is running (see rtpipe status); start: rtpipe supervise --topics ..."


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    if not shutil.which("shellcheck"):
        subprocess.run(["bash", "-n", script], check=True)
        return
    subprocess.run(["shellcheck", "--external-sources", script], cwd=DEMOS, check=True)
