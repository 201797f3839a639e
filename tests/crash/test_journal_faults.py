"""A journal under faults: `assert_exact` holds it against offsets, totals and rows. Other fault tests have one, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.faults.database_proxy import Do
from tests.support.faults.fault_run import APART, all_run, fault_run, moves_on
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.processes import kill
from tests.support.pipeline.supervision import finish

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses

OF_JOURNAL = "INSERT INTO rtpipe_journal"


@pytest.mark.parametrize("settings", [{}, {"load_data": False, "batch_rows": 100}], ids=["load data", "one round trip"])
def test_killed_consumers_and_writers_leave_no_break_in_it(
    database: Addresses, tmp_path: Path, settings: dict[str, Any]
) -> None:
    """F1, F3: kill -9 of both in turns, under load."""
    with running_pipeline(database, tmp_path, partitions=2, journal=True, **settings) as pipeline:
        supervisor = pipeline.supervise()
        with pipeline.stream(4_000):
            for number in range(6):
                before = all_run(pipeline)
                victim = f"{pipeline.topics[0]}/{number % 2}"
                kill(before[victim][number // 2 % 2])
                all_run(pipeline, besides={victim: before[victim]})
                moves_on(pipeline, "a worker killed")
        assert finish(pipeline, supervisor) > 0


@pytest.mark.faults
@pytest.mark.parametrize("env", [{}, APART], ids=["as it comes", "one by one"])
def test_its_statement_cut_refused_and_killed(database: Addresses, tmp_path: Path, env: dict[str, str]) -> None:
    """F21, F23, F25: what is before it in the transaction is gone with it, and comes again."""
    with fault_run(database, tmp_path, partitions=1, env=env, journal=True) as run:
        with run.moving():
            for number in (1213, 1205, 1114, 1021, 1290, 1053, 59_999):
                run.wait_hit(run.proxy.refuse(OF_JOURNAL, number))
                run.moves_on(f"its statement refused by {number}")
            for do in (Do.CUT_BEFORE, Do.CUT_AFTER):
                for _ in range(5):
                    run.wait_hit(run.proxy.arm_at(OF_JOURNAL, do))
                run.moves_on(f"{do.name} at its statement")
        assert run.finish() > 0
        run.no_death()
