"""The hosted workflow and the commit hooks run what `.ci/run` and `make check` run, in the same versions."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.support.pages import PROJECT

WORKFLOW = PROJECT / ".github" / "workflows" / "ci.yml"
HOOKS = PROJECT / ".pre-commit-config.yaml"


def yaml(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(path)
    return loaded


def make_targets() -> list[str]:
    """What `.ci/run` makes when it is given no argument."""
    found = re.search(r"set -- (.+)$", (PROJECT / ".ci" / "run").read_text(), re.MULTILINE)
    assert found
    return found[1].split()


def checkers() -> set[str]:
    """The tools of `make check`, each with its subcommand if it has one."""
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    return {tool_of(words) for words in re.findall(r"\$\(BIN\)/([^;&)|]+)", recipe[1])}


def tool_of(command: str) -> str:
    words = shlex.split(command)
    return " ".join(word for word in words[:2] if word in {words[0], "check", "format"})


def test_the_workflow_fits_githubs_schema() -> None:
    command = str(Path(sys.executable).parent / "check-jsonschema")
    result = subprocess.run(
        [command, "--builtin-schema", "vendor.github-workflows", WORKFLOW], check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_workflow_has_a_job_for_each_target_of_the_projects_own_checks() -> None:
    job = yaml(WORKFLOW)["jobs"]["make"]
    assert job["strategy"]["matrix"]["target"] == make_targets()
    assert job["steps"][-1]["run"] == ".ci/run ${{ matrix.target }}"


def test_the_workflow_may_only_read() -> None:
    assert yaml(WORKFLOW)["permissions"] == {"contents": "read"}


def test_the_hooks_are_the_tools_of_make_check_in_the_versions_of_the_lock() -> None:
    [local] = yaml(HOOKS)["repos"]
    assert local["repo"] == "local"  # any other would bring a version of its own
    entries = [hook["entry"] for hook in local["hooks"]]
    assert all(entry.startswith(".venv/bin/") for entry in entries)
    assert {tool_of(entry.removeprefix(".venv/bin/")) for entry in entries} == checkers()
