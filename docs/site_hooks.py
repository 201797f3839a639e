"""What mkdocs cannot do by itself for the site: pages that are not in docs/, and links to files that are no pages.

mkdocs calls the functions by their names; mkdocs.yml says so.
"""
# ruff: noqa: INP001 - mkdocs loads it as a file

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

PROJECT = Path(__file__).parents[1]
#: Pages beside docs/, and their names on the site.
OUTSIDE = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^]]*)\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are not in docs/."""
    for source, name in OUTSIDE.items():
        files.append(File.generated(config, name, content=(PROJECT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let each link lead to a page of the site; a link to another file of the project keeps only its text."""
    name = page.file.src_uri
    source = next((source for source, on_site in OUTSIDE.items() if on_site == name), f"docs/{name}")

    def rewritten(link: re.Match[str]) -> str:
        if "://" in link["target"]:
            return link[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link["target"]))
        on_site = OUTSIDE.get(target) or target.removeprefix("docs/")
        if target not in OUTSIDE and not target.startswith("docs/"):
            return f"`{link['text'].strip('`')}`"
        relative = posixpath.relpath(on_site, posixpath.dirname(name) or ".")
        return f"{link['picture']}[{link['text']}]({relative}{link['anchor'] or ''})"

    return _LINK.sub(rewritten, markdown)
