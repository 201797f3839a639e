"""kill -9 of processes of a pipeline that a seed chooses."""

from __future__ import annotations

import random
import subprocess

from tests.support.faults.fault_run import moves_on, nobody_left
from tests.support.pipeline.pipeline import Pipeline
from tests.support.pipeline.processes import kill
from tests.support.stack.start_helpers import kill_helpers
from tests.support.waits import eventually


def twenty_kills(pipeline: Pipeline, chance: random.Random) -> subprocess.Popen[bytes]:
    """Starts a supervisor and kills what comes, each after the stream has moved on; the supervisor that runs then."""
    supervisor = pipeline.supervise()
    for _ in range(20):
        partitions = eventually(pipeline.status, within=60, what="a supervisor answers")
        victim = chance.choice(["pid", "writer_pid", "pid", "writer_pid", "supervisor", "forkserver"])
        if victim == "supervisor":
            kill(supervisor.pid)
            supervisor.wait()
            nobody_left(pipeline)
            supervisor = pipeline.supervise()
        elif victim == "forkserver":
            kill_helpers(supervisor.pid)
        elif pid := chance.choice(partitions)[victim]:
            kill(pid)
        moves_on(pipeline, f"{victim} killed")
    return supervisor
