"""How modules are laid out, where `lint-imports` (contracts in pyproject.toml) cannot say it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.pages import PROJECT

PACKAGES = ("rtpipe", "avro_schemas", "workers", "infra", "supervisor")
MODULES = sorted(path for package in PACKAGES for path in (PROJECT / package).rglob("*.py"))
LONGEST = 250
#: of the installed distribution called supervisor (process control), which would share our folder: see style of names
TAKEN = {"childutils", "confecho", "datatypes", "dispatchers", "events", "http", "loggers", "medusa", "options"}
TAKEN |= {"pidproxy", "poller", "process", "rpcinterface", "socket_manager", "states", "supervisorctl", "supervisord"}
TAKEN |= {"templating", "version", "web", "xmlrpc", "compat"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


def test_what_runs_as_a_process_is_the_main_of_a_file_that_says_so() -> None:
    """infra is left out: its processes are other people's programs."""
    ours = [path for path in MODULES if path.relative_to(PROJECT).parts[0] != "infra"]
    mains = {path.stem for path in ours if path.stem.endswith("_process") and "main" in functions(path)}
    targets = {target for path in ours for target in process_targets(path)}
    assert targets <= {f"{name}.main" for name in mains} | {"launch.run"}  # the light door to consumer_process.main


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def process_targets(path: Path) -> set[str]:
    """What `Process(target=...)` is told to run."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    calls = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "Process"]
    return {ast.unparse(word.value) for call in calls for word in call.keywords if word.arg == "target"}


def test_package_files_hold_only_their_docstring() -> None:
    """Another distribution may own the same folder: what it overwrites or removes must not matter."""
    for path in (module for module in MODULES if module.name == "__init__.py"):
        [only] = ast.parse(path.read_text()).body
        assert isinstance(only, ast.Expr)


def test_no_module_has_the_name_of_one_in_the_distribution_supervisor() -> None:
    assert not TAKEN & {path.stem for path in (PROJECT / "supervisor").glob("*.py")}
