"""Services that are not there yet, or away, while workers start, die and drain."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import make_url

from tests.support.faults.tcp_proxy import TcpProxy, tcp_proxy
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.pipeline.processes import kill
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.stack.state import Addresses


@pytest.mark.faults
def test_services_that_come_up_later_are_waited_for(stack: Addresses, tmp_path: Path) -> None:
    host, _, port = stack.bootstrap_servers.partition(":")
    where = make_url(stack.database_url)
    with (
        running_pipeline(stack, tmp_path, partitions=1) as pipeline,
        tcp_proxy((host, int(port)), shut=True) as kafka,
        tcp_proxy((where.host or "", where.port or 0), shut=True) as database,
    ):
        url = where.set(host="127.0.0.1", port=database.port).render_as_string(hide_password=False)
        env = {"RTPIPE_BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka.port}", "RTPIPE_DATABASE_URL": url}
        pipeline.produce(100)
        supervisor = pipeline.supervise(env=env)
        eventually(lambda: kafka.turned_away, within=30, what="it asks for Kafka")
        assert supervisor.poll() is None
        kafka.open()
        eventually(lambda: database.turned_away > 1, within=60, what="a writer asks for the database again")
        waiting = eventually(lambda: pipeline.events("outage_began"))
        assert waiting[-1]["partition"] == f"{pipeline.topics[0]}/0"
        assert "database: " in waiting[-1]["msg"]
        supervisor.send_signal(signal.SIGTERM)  # whoever stops a service that still waits gets a clean end
        assert supervisor.wait(60) == 0
        eventually(lambda: not pipeline.processes(), what="no process left")

        supervisor = pipeline.supervise(env=env)
        tried = database.turned_away
        eventually(lambda: database.turned_away > tried, within=60, what="a writer asks for the database")
        database.open()
        pipeline.wait_caught_up()
        database.shut()  # while it runs
        pipeline.produce(100)
        eventually(lambda: database.turned_away > tried + 1, within=60, what="a writer asks for the database")
        database.open()
        pipeline.wait_caught_up()
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 0
        assert pipeline.assert_exact() == 200
        assert not pipeline.events("worker_died")


@contextlib.contextmanager
def registry_away(stack: Addresses) -> Iterator[tuple[TcpProxy, str]]:
    """What stands before the registry, and lets nobody through yet; and its address."""
    where = make_url(stack.schema_registry_url)
    with tcp_proxy((where.host or "", where.port or 0), shut=True) as proxy:
        yield proxy, f"http://127.0.0.1:{proxy.port}/{where.database}"


@pytest.mark.faults
def test_a_killed_worker_comes_back_while_it_waits_for_the_registry(stack: Addresses, tmp_path: Path) -> None:
    """F39: a writer waits for a registry that is not there yet: that is no crash, and a kill loses nothing."""
    with running_pipeline(stack, tmp_path, partitions=1) as pipeline, registry_away(stack) as (registry, url):
        pipeline.produce(100)
        supervisor = pipeline.supervise(env={"RTPIPE_SCHEMA_REGISTRY_URL": url})
        eventually(lambda: registry.turned_away, within=30, what="a writer asks for the registry")
        eventually(lambda: pipeline.events("outage_began"), within=30, what="the log says why")
        eventually(lambda: "registry" in pipeline.status()[0]["reason"], within=30, what="status says why")
        kill(pipeline.status()[0]["writer_pid"])
        eventually(lambda: pipeline.events("worker_died"), within=30)
        registry.open()
        pipeline.wait_caught_up()
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 0
        assert pipeline.assert_exact() == 100
        assert len(pipeline.events("worker_died")) == 1


@pytest.mark.faults
def test_a_drain_does_not_wait_for_a_registry_that_is_away(stack: Addresses, tmp_path: Path) -> None:
    with running_pipeline(stack, tmp_path, partitions=1) as pipeline, registry_away(stack) as (_, url):
        pipeline.produce(100)
        supervisor = pipeline.supervise(env={"RTPIPE_SCHEMA_REGISTRY_URL": url, "RTPIPE_DRAIN_SECONDS": "600"})
        eventually(lambda: pipeline.events("outage_began"), within=30, what="a writer waits for the registry")
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 0
        assert pipeline.offsets(pipeline.topics[0]) == {0: 0}
        assert pipeline.supervise("--until-caught-up").wait(60) == 0
        assert pipeline.assert_exact() == 100
