"""docs/architecture.md and docs/decisions: folders, files, terms and records are those that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.pages import DOCS, LINK, PACKAGES, PAGES, PROJECT, code_blocks, modules

#: A file or folder of the project; of `rtpipe/` modules only, since many a folder outside is called so, too.
OUR_PATH = re.compile(
    r"(?<![\w/.~-])(?:rtpipe/[\w/]+\.py|(?:avro_schemas|workers|supervisor|infra|tests|docs|requirements)/[\w/.-]*\w)"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    text = LINK.sub("", page.read_text())
    assert not [path for path in OUR_PATH.findall(text) if not (PROJECT / path).exists()]


def test_architecture_md_has_every_folder_in_the_words_of_its_docstring() -> None:
    [tree] = code_blocks(DOCS / "architecture.md", "text")
    told, above = dict[Path, str](), list[str]()
    for line in tree.splitlines():
        indent, name, words = re.fullmatch(r"( *)(\w+)/ +(.+)", line).groups()  # type: ignore[union-attr] # or it fails
        above[len(indent) // 2 :] = [name]
        told[PROJECT.joinpath(*above)] = words
    packages = [path for path in modules() if path.name == "__init__.py"]
    docstrings = {path.parent: ast.get_docstring(ast.parse(path.read_text())) or "" for path in packages}
    assert told == {path: text.splitlines()[0].removesuffix(".") for path, text in docstrings.items()}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_docstring_of_a_package_says_where_each_of_its_files_belongs(package: str) -> None:
    docstring = ast.get_docstring(ast.parse((PROJECT / package / "__init__.py").read_text())) or ""
    files = {path.stem for path in (PROJECT / package).glob("*.py") if not path.stem.startswith("__")}
    assert not [name for name in sorted(files) if not re.search(rf"\b{name}\b", docstring)]


def test_the_terms_are_in_alphabetical_order_each_once() -> None:
    text = (DOCS / "architecture.md").read_text().partition("## Terms")[2].partition("\n## ")[0]
    terms = re.findall(r"^\| (.+?) \| .+ \|$", text, re.MULTILINE)[1:]
    assert len(terms) > 1
    assert terms == sorted(set(terms))


def test_every_decision_is_listed_and_says_what_would_change_it() -> None:
    records = {page.name: page.read_text() for page in (DOCS / "decisions").glob("[0-9]*.md")}
    assert set(LINK.findall((DOCS / "decisions" / "README.md").read_text())) == records.keys()
    for name, text in records.items():
        assert text.startswith(f"# {name[:4]} ")
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "What would change our mind"], name
