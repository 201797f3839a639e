"""The pages of documentation, and the code that they speak of, for tests that compare both."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
PAGES = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", PROJECT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
PACKAGES = ("rtpipe", "avro_schemas", "workers", "supervisor", "infra")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (PROJECT / package).rglob("*.py")


@cache
def strings_of_the_code() -> str:
    """Every string in the packages but docstrings."""
    found = []
    for path in modules():
        tree = ast.parse(path.read_text())
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        first = [node.body[0] for node in ast.walk(tree) if isinstance(node, documented) and node.body]
        docstrings = {id(line.value) for line in first if isinstance(line, ast.Expr)}
        found += [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
        ]
    return "\n".join(found)


def table_cells(page: Path, column: int) -> set[str]:
    """What stands in backquotes in one column of all tables of a page."""
    rows = [line.split("|") for line in page.read_text().splitlines() if line.startswith("|")]
    return {word for row in rows if len(row) > column + 1 for word in re.findall(r"`([^`]+)`", row[column + 1])}


def code_blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
