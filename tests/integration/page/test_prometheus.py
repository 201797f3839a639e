"""A real Prometheus and a real supervisor; and whatever is done to those who only look, the stream goes on."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from tests.support.faults.fault_run import QUICK, frozen
from tests.support.monitoring import FOLDER, wanted_metrics
from tests.support.pipeline.page import answers, companion, free_port
from tests.support.pipeline.pipeline import Pipeline, running_pipeline
from tests.support.pipeline.processes import kill
from tests.support.pipeline.supervision import finish, running
from tests.support.stack.stack_processes import server_of
from tests.support.waits import eventually

if TYPE_CHECKING:
    from infra.stack.state import Addresses

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not here (Debian: apt-get install prometheus)"
)
#: Metrics of what does not happen in these tests: a table that is altered.
_NOT_HERE = {"rtpipe_schema_changes_total"}


@contextlib.contextmanager
def prometheus(directory: Path, target: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Scrapes the target each second; its address."""
    directory.mkdir()
    shutil.copy(FOLDER / "alerts.yml", directory)
    scrape = {"job_name": "rtpipe", "static_configs": [{"targets": [target]}]}
    every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config = {"global": every, "rule_files": ["alerts.yml"], "scrape_configs": [scrape]}
    (directory / "prometheus.yml").write_text(json.dumps(config))
    address = f"127.0.0.1:{free_port()}"
    options = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address={address}"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(["prometheus", *options], cwd=directory, stdout=log, stderr=log)
    try:
        eventually(lambda: answers(f"http://{address}/-/ready"), within=60, what="Prometheus is ready")
        yield process, f"http://{address}"
    finally:
        process.kill()
        process.wait()


def asked(address: str, path: str) -> Any:
    """The data of an answer; None while there is none."""
    with contextlib.suppress(URLError, OSError), urlopen(f"{address}/api/v1/{path}", timeout=10) as reply:
        return json.load(reply)["data"]


def series(address: str) -> set[str]:
    """The names of all that has been scraped."""
    return set(asked(address, "label/__name__/values") or ())


def firing(address: str) -> set[tuple[str, str]]:
    """The alerts that fire: name and worker."""
    alerts = (asked(address, "alerts") or {"alerts": []})["alerts"]
    return {(one["labels"]["alertname"], one["labels"].get("worker", "")) for one in alerts if one["state"] == "firing"}


def lag_of(address: str, worker: str) -> float:
    """Messages, as Prometheus has it."""
    found = asked(address, f"query?query={quote('rtpipe_consumer_lag_records')}")["result"]
    return {one["metric"]["worker"]: float(one["value"][1]) for one in found}[worker]


@contextlib.contextmanager
def watched(
    stack: Addresses, directory: Path, env: dict[str, str] | None = None, **settings: Any
) -> Iterator[tuple[Pipeline, Any, str]]:
    """A pipeline with two partitions, its supervisor, and where its page is."""
    with running_pipeline(stack, directory, partitions=2, **settings) as pipeline:
        target = f"127.0.0.1:{free_port()}"
        supervisor = pipeline.supervise("--page", env={"RTPIPE_PAGE_ADDRESS": target} | (env or {}))
        eventually(lambda: running(pipeline), within=60, what="all partitions run")
        yield pipeline, supervisor, target


@needs_prometheus
def test_what_board_and_alerts_ask_for_is_there_and_a_held_partition_fires(stack: Addresses, tmp_path: Path) -> None:
    with (
        watched(stack, tmp_path, on_error="dead_letter", dead_letters_per_minute=1) as (pipeline, _, target),
        prometheus(tmp_path / "prometheus", target) as (_, address),
        pipeline.stream(rate=200),
    ):
        topic = pipeline.topics[0]
        pipeline.send(topic, b"no avro at all", partition=1)
        wanted = wanted_metrics() - _NOT_HERE
        eventually(lambda: wanted <= series(address), within=60, what="all metrics are series")
        assert ("RtpipePartitionHeld", f"{topic}/1") not in firing(address)
        eventually(lambda: ("RtpipeDeadLetters", "") in firing(address), within=60, what="dead letters are told")
        pipeline.send(topic, b"no avro at all", partition=1)
        held = ("RtpipePartitionHeld", f"{topic}/1")
        eventually(lambda: held in firing(address), within=60, what="a held partition fires")
        eventually(lambda: lag_of(address, f"{topic}/1") > 0, within=60, what="its lag grows")


@needs_prometheus
def test_who_looks_may_die_at_any_moment(stack: Addresses, tmp_path: Path) -> None:
    with watched(stack, tmp_path) as (pipeline, supervisor, target):
        with pipeline.stream(rate=500):
            with prometheus(tmp_path / "prometheus", target) as (process, address):
                eventually(lambda: "rtpipe_worker_up" in series(address), within=60)
                kill(process.pid)
            for _ in range(20):
                half_a_scrape(target)
            assert answers(f"http://{target}/metrics")
            for module in ("supervisor.page.page_process", "supervisor.history.history_process"):
                before = companion(module)
                kill(before)
                eventually(lambda: companion(module) not in {0, before}, within=60, what=f"{module} is started again")  # noqa: B023 - of now
            eventually(lambda: answers(f"http://{target}/readyz"), within=60, what="the page is there again")
        assert not pipeline.events("worker_died")
        assert finish(pipeline, supervisor) > 0


def half_a_scrape(target: str) -> None:
    """Asks, reads one byte, and is gone as a killed process is: with a reset."""
    host, _, port = target.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.sendall(f"GET /metrics HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        link.recv(1)


def test_readiness_follows_the_database(own_mariadb: Addresses, tmp_path: Path) -> None:
    with watched(own_mariadb, tmp_path, QUICK) as (pipeline, _, target), pipeline.stream(rate=100):
        ready = f"http://{target}/readyz"
        eventually(lambda: answers(ready), within=60, what="all run")
        with frozen(server_of(own_mariadb).pid):
            eventually(lambda: not answers(ready), within=90, what="the database is missed")
            assert answers(f"http://{target}/livez")
        eventually(lambda: answers(ready), within=90, what="it is ready again by itself")


def test_a_full_disk_under_the_history_holds_up_no_row(stack: Addresses, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(state)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        with watched(stack, tmp_path) as (pipeline, supervisor, target), pipeline.stream(rate=500):
            eventually(lambda: pipeline.events("history_failed"), within=60, what="the history has no room")
            assert "full" in pipeline.events("history_failed")[0]["msg"]
            eventually(lambda: answers(f"http://{target}/readyz"), within=60, what="all run")
            committed = pipeline.status()[0]["offset"]
            eventually(lambda: pipeline.status()[0]["offset"] > committed + 500, within=60, what="the stream goes on")
            assert not pipeline.events("worker_died")
            assert supervisor.poll() is None
    finally:
        subprocess.run(["umount", "-l", str(state)], check=False)
