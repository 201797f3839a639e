"""A real server that says "not now" while a new schema's table is fitted: the partition waits, and never halts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from tests.support.faults.database_proxy import database_proxy
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.sender import Sender, caught_up
from tests.support.pipeline.supervision import supervised, supervising
from tests.support.samples.schema_parts import field
from tests.support.stack.server_setting import server_setting
from tests.support.waits import eventually

if TYPE_CHECKING:
    from infra.stack.state import Addresses

NOTE = field("note", ["null", "string"], default=None)
#: One of each kind that passes, at each statement: look, lock, note, alter, note, release.
REFUSED = {
    "SHOW CREATE TABLE": 1290,
    "information_schema.COLUMNS": 3024,
    "GET_LOCK": 1836,
    "INSERT INTO `bank`.`rtpipe_table_changes`": 1021,
    "ALTER TABLE": 1792,
    r"rtpipe_table_changes` SET outcome = .* WHERE id": 1114,
    "RELEASE_LOCK": 1053,
}


def waits(pipeline: Pipeline) -> list[str]:
    """What is waited for: by the writer, or by the supervisor, whoever speaks to the server first."""
    return [entry["msg"] for entry in pipeline.events("outage_began")]


def test_a_server_that_is_read_only_while_a_column_is_missing(own_database: Addresses, tmp_path: Path) -> None:
    with running_pipeline(own_database, tmp_path, partitions=1) as pipeline:
        sender = Sender(pipeline)
        old, new = sender.version(), sender.version(NOTE)
        sender.send(old)
        with supervising(pipeline):
            caught_up(sender, 1)
            with server_setting(own_database.admin_database_url, "read_only", "ON"):
                sender.send(new, note="x")
                eventually(lambda: waits(pipeline), within=60, what="somebody waits")
                assert pipeline.offsets(sender.topic) == {0: 1}
            caught_up(sender, 2)
        assert sender.rows("note") == [(None,), ("x",)]
        assert "read" in waits(pipeline)[0]
        assert not pipeline.events("worker_halted") + pipeline.events("worker_died")


def test_what_passes_at_each_statement(database: Addresses, tmp_path: Path) -> None:
    """Forged on the way to a real server, of which every other statement is answered."""
    with running_pipeline(database, tmp_path, partitions=1) as pipeline, database_proxy(infra_url(database)) as proxy:
        sender = Sender(pipeline)
        sender.send(sender.version(NOTE), note="x")
        faults = [proxy.refuse(pattern, number, times=2) for pattern, number in REFUSED.items()]
        assert supervised(pipeline, env={"RTPIPE_INFRA_DATABASE_URL": proxy.url}, within=120) == 0
        assert [fault.hits for fault in faults[:-2]] == [2] * (len(REFUSED) - 2)
        assert min(fault.hits for fault in faults) >= 1, (
            "the last two: where the table is altered, nothing is to be done"
        )
        assert sender.rows("note") == [("x",)]
        assert not pipeline.events("worker_halted") + pipeline.events("worker_died")
        assert all(outcome for _, _, outcome, _ in sender.history()), "no entry is left open"


def infra_url(database: Addresses) -> str:
    where = make_url(database.infra_database_url)
    return where.render_as_string(hide_password=False)
