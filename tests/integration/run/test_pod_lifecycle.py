"""What Kubernetes does with a pod of infra/kubernetes, done with a local process: started with the same variables,
asked by the same probes, ended by SIGTERM within its grace, and started again under the same name.

No cluster is here: what a kubelet does with the object itself is not tried.
"""

from __future__ import annotations

import http.client
import signal
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from tests.support.pages import PROJECT
from tests.support.pipeline.pipeline import running_pipeline
from tests.support.waits import eventually

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from infra.stack.state import Addresses

STATEFUL_SET = PROJECT / "infra/kubernetes/base/statefulset.yaml"
NAME, ADDRESS = "rtpipe-0", "127.0.0.1"


@pytest.fixture
def pod() -> Any:
    return YAML(typ="safe").load(STATEFUL_SET)["spec"]["template"]["spec"]


def environment(pod: Any, directory: Path, port: int) -> dict[str, str]:
    """The container's variables; what is a folder in the pod is one of the test's, and the test's pipeline is kept."""
    [container] = pod["containers"]
    fields = {"status.podIP": ADDRESS, "metadata.name": NAME}
    found: dict[str, str] = {}
    for one in container["env"]:
        given = one.get("value") or fields[one["valueFrom"]["fieldRef"]["fieldPath"]]
        for name, text in found.items():
            given = given.replace(f"$({name})", text)
        found[one["name"]] = given
    for name in ("RTPIPE_CONFIG", "CREDENTIALS_DIRECTORY"):
        del found[name]
    for name in ("RTPIPE_STATE_DIR", "RTPIPE_RUNTIME_DIR"):
        found[name] = found[name].replace("/tmp", str(directory))
    return found | {
        "RTPIPE_PAGE_ADDRESS": f"{ADDRESS}:{port}",
        "RTPIPE_MEMBERSHIP": "kafka",
        "RTPIPE_SESSION_SECONDS": "6",
    }


def probed(pod: Any, probe: str, port: int) -> bool:
    """As the kubelet does it: by the pod's address, without a token."""
    [container] = pod["containers"]
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=container[probe]["timeoutSeconds"])
    try:
        connection.request("GET", container[probe]["httpGet"]["path"])
        return connection.getresponse().status == 200
    except ConnectionError:
        return False
    finally:
        connection.close()


def test_a_pod_starts_drains_within_its_grace_and_comes_back_under_its_name(
    stack: Addresses, tmp_path: Path, pod: Any
) -> None:
    with socket.create_server((ADDRESS, 0)) as taken:
        port = taken.getsockname()[1]
    with running_pipeline(stack, tmp_path, partitions=3) as pipeline:
        env = environment(pod, tmp_path, port)
        for _ in range(2):
            supervisor: subprocess.Popen[bytes] = pipeline.supervise("--page", env=env)
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                eventually(partial(probed, pod, probe, port), within=90, what=probe)
            pipeline.produce(2_000)
            supervisor.send_signal(signal.SIGTERM)
            assert supervisor.wait(pod["terminationGracePeriodSeconds"]) == 0
            assert not probed(pod, "livenessProbe", port)
        pipeline.supervise("--page", env=env)
        pipeline.wait_caught_up()
        pipeline.assert_exact()
