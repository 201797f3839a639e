"""mkdocs.yml has every page once; `make docs` itself, which builds them, runs in CI."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML

from tests.support.pages import DOCS, PROJECT


def listed(nav: Any) -> Iterator[str]:
    """The files in the nav."""
    if isinstance(nav, str):
        yield nav
    for part in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else []:
        yield from listed(part)


def test_each_page_is_in_the_nav_once() -> None:
    text = re.sub(r"!!python\S+ \{.*?\}\s", "lower ", (PROJECT / "mkdocs.yml").read_text())
    found = sorted(listed(YAML(typ="safe").load(text)["nav"]))
    hooks = ast.parse((DOCS / "site_hooks.py").read_text())
    [outside] = [
        ast.literal_eval(node.value)
        for node in hooks.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "OUTSIDE"
    ]
    assert all((PROJECT / source).is_file() for source in outside)
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")]
    assert found == sorted([*pages, *outside.values()])
