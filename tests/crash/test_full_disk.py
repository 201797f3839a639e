"""The disk of a real server is full while batches flow: the data of MySQL lie on a small tmpfs, with ballast on it."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.faults.fault_run import fault_run
from tests.support.faults.tally import TALLY
from tests.support.stack.mysql_server import (
    SKIP,
    NoDebianError,
    cache_dir,
    data_dir,
    on_small_disk,
    running_server,
    unpacked_server,
)
from tests.support.stack.stack import on_mysql
from tests.support.stack.stack_processes import server_of
from tests.support.waits import eventually

if TYPE_CHECKING:
    from infra.stack.state import Addresses

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("binlog", [False, True], ids=["tables", "binary log"])
def test_a_disk_that_is_full_for_a_while(stack: Addresses, tmp_path: Path, binlog: bool) -> None:
    """F25: an INSERT is refused, or a COMMIT with a binary log waits for space; no offset moves, and nobody dies."""
    home = cache_dir() / "mysql-server"
    try:
        root = unpacked_server(home)
    except NoDebianError as error:
        pytest.skip(SKIP + str(error))
    more = [] if binlog else ["--disable-log-bin"]
    with contextlib.ExitStack() as opened:
        data = opened.enter_context(data_dir(home))
        if subprocess.run([*on_small_disk(data, 1), "true"], check=False, capture_output=True).returncode:
            pytest.skip("nothing may be mounted here, not even in a namespace of one's own")
        server = opened.enter_context(running_server(root, data, *more, disk_mb=300))
        run = opened.enter_context(fault_run(on_mysql(stack, server), tmp_path, partitions=1))
        disk = Path(f"/proc/{server_of(run.pipeline.addresses).pid}/root{data / 'data'}")
        with run.moving(2_000):
            ballast, waited = disk / "ballast", len(run.events("outage_began"))
            fill(ballast)
            said = run.wait_event("outage_began", waited + 1, within=120)[-1]["msg"]
            if binlog:  # who waits hears nothing: it is the server's log that tells
                full = "Disk is full writing"
                eventually(lambda: full in (data / "log").read_text(), within=60, what="the binary log has no room")
            else:
                assert "1114" in said, said
            stuck, tried = run.committed(), run.proxy.connections
            eventually(lambda: run.proxy.connections > tried + 1, within=60, what="the writer tries again")
            TALLY.hit()
            assert run.committed() == stuck, "no offset moves without its rows"
            ballast.unlink()
            eventually(lambda: run.committed() > stuck, within=150, what="there is room again")
        assert run.finish() > 0
        run.no_death()


def fill(ballast: Path) -> None:
    """Take all the room there is."""
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 4_096, 512):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
