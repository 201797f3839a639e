"""infra/kubernetes: each object is one that the API takes, and what it says of rtpipe is so."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
from ruamel.yaml import YAML

from supervisor.settings.environment import variable
from supervisor.settings.secrets_in_files import BLOCKS, SECRET
from supervisor.settings.settings import Settings
from tests.support.command_tree import command_tree
from tests.support.pages import PROJECT

FOLDER = PROJECT / "infra/kubernetes"
#: The oldest and the newest version of the API that the package has all of ours in.
VERSIONS = ("1.27", "1.33")
#: Read by kustomize, and by the Prometheus Operator.
NOT_OF_THE_API = {"Kustomization", "Component", "ServiceMonitor"}
#: Variables that are no settings of rtpipe's own.
OTHERS = {"POD_IP", "CREDENTIALS_DIRECTORY", "RTPIPE_CONFIG"}


def read(path: Path) -> Any:
    return json.loads(json.dumps(YAML(typ="safe").load(path)))


OBJECTS = {path: read(path) for path in sorted(FOLDER.rglob("*.yaml"))}


def the(kind: str) -> Any:
    [found] = [one for one in OBJECTS.values() if one["kind"] == kind]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_the_api_takes_every_object(version: str) -> None:
    checked = 0
    for path, thing in OBJECTS.items():
        if thing["kind"] not in NOT_OF_THE_API:
            try:
                kubernetes_validate.validate(thing, version, strict=True)
            except kubernetes_validate.ValidationError as refused:
                pytest.fail(f"{path}: {refused.message}")
            checked += 1
    assert checked >= 8
    wrong = the("StatefulSet") | {"spec": the("StatefulSet")["spec"] | {"replica": 3}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, version, strict=True)


def test_every_file_is_named_by_its_kustomization() -> None:
    for path, thing in OBJECTS.items():
        if thing["kind"] in {"Kustomization", "Component"}:
            named = {*thing.get("resources", []), *thing.get("components", [])}
            assert all((path.parent / name).exists() for name in named)
            assert {one.name for one in path.parent.glob("*.yaml")} - {path.name} <= named


@pytest.fixture(scope="module")
def built() -> list[Any]:
    """The example as kustomize builds it: the objects that a cluster would get."""
    programs = {"kustomize": ("kustomize", "build"), "kubectl": ("kubectl", "kustomize")}
    found = next((command for name, command in programs.items() if shutil.which(name)), None)
    if found is None:
        pytest.skip("neither kustomize nor kubectl is here")
    done = subprocess.run([*found, FOLDER / "example"], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    objects: list[Any] = json.loads(json.dumps(list(YAML(typ="safe").load_all(done.stdout))))
    return objects


def test_kustomize_builds_the_objects_of_the_files(built: list[Any]) -> None:
    files = [one for one in OBJECTS.values() if one["kind"] not in {"Kustomization", "Component"}]
    assert sorted(one["kind"] for one in built) == sorted(one["kind"] for one in files)
    assert {one["metadata"]["namespace"] for one in built} == {"rtpipe"}
    own = {one["kind"]: one for one in files}
    for one in built:
        expected = json.loads(json.dumps(own[one["kind"]]))
        expected["metadata"]["namespace"] = "rtpipe"
        if one["kind"] == "StatefulSet":
            [container] = expected["spec"]["template"]["spec"]["containers"]
            container["image"] = "registry.example/rtpipe:0.1.0"
        assert one == expected
        if one["kind"] not in NOT_OF_THE_API:
            for version in VERSIONS:
                kubernetes_validate.validate(one, version, strict=True)


def pod() -> Any:
    return the("StatefulSet")["spec"]["template"]


def test_selectors_find_the_pods() -> None:
    labels = pod()["metadata"]["labels"]
    for kind in ("StatefulSet", "PodDisruptionBudget"):
        assert the(kind)["spec"]["selector"]["matchLabels"] == labels
    assert the("Service")["spec"]["selector"] == labels
    assert the("NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels
    assert the("ServiceMonitor")["spec"]["selector"]["matchLabels"] == the("Service")["metadata"]["labels"]
    assert the("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == the("StatefulSet")["metadata"]["name"]


def test_a_drain_ends_long_before_the_pod_is_killed() -> None:
    assert pod()["spec"]["terminationGracePeriodSeconds"] >= 2 * Settings.model_fields["drain_seconds"].default


def test_settings_variables_and_secrets_are_rtpipes() -> None:
    Settings.model_validate(tomllib.loads(the("ConfigMap")["data"]["rtpipe.toml"]))
    known = {variable(name) for name in Settings.model_fields} | OTHERS
    [container] = pod()["spec"]["containers"]
    assert {one["name"] for one in container["env"]} <= known
    secrets = the("Secret")["stringData"]
    assert set(secrets) - {"ca.pem"} <= SECRET
    given = {name: json.loads(text) if name in BLOCKS else text for name, text in secrets.items() if name != "ca.pem"}
    Settings.model_validate(given)


def test_options_are_those_of_supervise() -> None:
    [container] = pod()["spec"]["containers"]
    command, *rest = container["args"]
    options = {option for param in command_tree().commands[command].params for option in param.opts}
    assert {word for word in rest if word.startswith("-")} <= options


def test_nothing_runs_as_root_or_writes_beside_its_volumes() -> None:
    [container] = pod()["spec"]["containers"]
    assert pod()["spec"]["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    volumes = {one["name"]: one for one in pod()["spec"]["volumes"]}
    written = [one["mountPath"] for one in container["volumeMounts"] if "emptyDir" in volumes[one["name"]]]
    paths = [one["value"] for one in container["env"] if one["name"].endswith("_DIR")]
    assert paths
    assert all(any(path.startswith(place) for place in written) for path in paths)
