"""kill -9 while rows go by key, with tombstones and poison in the stream: the table is a fold of the topic."""

from __future__ import annotations

import random
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.faults.fault_run import nobody_left
from tests.support.faults.random_kills import twenty_kills
from tests.support.pipeline.keyed_stream import KEYED, assert_folded, changes
from tests.support.pipeline.pipeline import running_pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses


@pytest.mark.faults
def test_twenty_random_kills_of_a_keyed_stream(database: Addresses, tmp_path: Path) -> None:
    """F40: rows by key, tombstones, poison."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    with running_pipeline(database, tmp_path, **KEYED) as pipeline:
        with changes(pipeline, random.Random(seed)):
            supervisor = twenty_kills(pipeline, random.Random(seed))
        pipeline.wait_caught_up()
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 0
        nobody_left(pipeline)
        assert_folded(pipeline)
