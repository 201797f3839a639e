"""Several hosts share the partitions: spread, a host that leaves, one that comes back, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.pipeline.hosts import running_hosts, wait_spread
from tests.support.pipeline.pipeline import running_pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.state import Addresses


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_partitions_are_spread_and_those_that_stay_are_not_touched(
    stack: Addresses, tmp_path: Path, protocol: str
) -> None:
    with (
        running_pipeline(stack, tmp_path, partitions=6) as pipeline,
        running_hosts(pipeline, 2, RTPIPE_MEMBERSHIP_PROTOCOL=protocol) as hosts,
    ):
        pipeline.produce(300)
        assert wait_spread(hosts) == [3, 3]
        before = {host.name: host.partitions() for host in hosts}
        pipeline.wait_caught_up()
        hosts[1].stop()
        hosts[1].start()  # within its session: nothing moves
        assert wait_spread(hosts) == [3, 3]
        assert {host.name: host.partitions() for host in hosts} == before
        assert not hosts[0].events("partitions_revoked")[1:]
        pipeline.produce(300)
        pipeline.wait_caught_up()
        for host in hosts:
            host.stop()
        assert pipeline.assert_exact() == 600
