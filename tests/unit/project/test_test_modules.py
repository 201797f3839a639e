"""What tests share is in tests/support: no test module is another one's library."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.pages import PROJECT

TESTS = PROJECT / "tests"
MODULES = sorted(TESTS.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Modules of the tests that this one imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.startswith("tests.")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_module_imports_another(path: Path) -> None:
    last = {name.rpartition(".")[2] for name in imported(path)}
    assert not {name for name in last if name.startswith("test_") or name == "conftest"}


SENDING = [path for path in MODULES if path.relative_to(TESTS).parts[0] in {"integration", "crash", "security"}]


@pytest.mark.parametrize("path", SENDING, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_counts_on_a_producer_that_may_repeat_or_reorder(path: Path) -> None:
    """Under load a message may be sent again: tests/support/pipeline/producers.py has producers that forbid it."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not [call.lineno for call in calls if ast.unparse(call.func) == "Producer"]
