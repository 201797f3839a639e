"""README and docs/ say what the code does: names, codes, settings, options, links."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from pathlib import Path

import pytest
from confluent_kafka import Consumer
from typer.testing import CliRunner

from rtpipe.errors import ExitCode
from rtpipe.kafka.clients import checked_properties
from supervisor.cli import app
from supervisor.settings.fields.topic_settings import TopicBlock
from supervisor.settings.secrets_in_files import SECRET
from supervisor.settings.settings import Settings
from tests.support.command_tree import command_tree
from tests.support.pages import DOCS, LINK, PAGES, PROJECT, code_blocks, modules, strings_of_the_code, table_cells

ERROR_NAME = re.compile(r"\b[EW]_[A-Z]+(?:_[A-Z]+)*\b")
VARIABLE = re.compile(r"\bRTPIPE_[A-Z_]+[A-Z]\b")


def test_errors_md_explains_every_error_name_of_the_code_and_no_other() -> None:
    assert table_cells(DOCS / "errors.md", 0) == set(ERROR_NAME.findall(strings_of_the_code()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_speaks_of_an_error_that_does_not_exist(page: Path) -> None:
    assert set(ERROR_NAME.findall(page.read_text())) <= set(ERROR_NAME.findall(strings_of_the_code()))


def test_every_test_that_testing_md_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "testing.md").read_text()))
    files = [path.read_text() for path in (PROJECT / "tests").rglob("test_*.py")]
    assert named - {name for text in files for name in re.findall(r"def (test_\w+)\(", text)} == set()


def test_errors_md_gives_each_class_its_exit_code() -> None:
    """A class that sets `name` and `exit_code` beside each other must agree with its line in the table."""
    rows = [line.split("|") for line in (DOCS / "errors.md").read_text().splitlines() if line.startswith("| `")]
    told = {row[1].strip(" `"): row[2].strip() for row in rows}
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                values = {
                    target.id: ast.unparse(line.value)
                    for line in node.body
                    if isinstance(line, ast.Assign)
                    for target in line.targets
                    if isinstance(target, ast.Name)
                }
                if values.keys() >= {"name", "exit_code"} and values["name"].startswith("'E_"):
                    code = ExitCode[values["exit_code"].removeprefix("ExitCode.")]
                    assert told[values["name"].strip("'")] == str(code.value), f"{path.name}: {node.name}"


def test_commands_md_has_exactly_the_exit_codes() -> None:
    text = (DOCS / "commands.md").read_text().partition("## Exit codes")[2]
    told = {name: int(code) for code, name in re.findall(r"^\| (\d+) \| `([A-Z_]+)` \|", text, re.MULTILINE)}
    assert told == {code.name: code.value for code in ExitCode}


def test_settings_md_has_every_setting_its_variable_and_no_other() -> None:
    names = set(Settings.model_fields) | set(TopicBlock.model_fields)
    listed = table_cells(DOCS / "settings.md", 0)
    assert names <= listed
    plain = {name for name in listed if re.fullmatch(r"[a-z_]+", name)}
    assert plain - {"consumer", "infra", "admin"} <= names
    variables = table_cells(DOCS / "settings.md", 1)
    assert {f"RTPIPE_{name.upper()}" for name in Settings.model_fields} <= variables


def test_settings_md_tells_the_defaults() -> None:
    rows = [line.split("|") for line in (DOCS / "settings.md").read_text().splitlines() if line.startswith("| `")]
    for settings, column in ((TopicBlock, 2), (Settings, 4)):
        told = {row[1].strip(" `"): row[column].strip(' `"') for row in rows if len(row) > column}
        for name, field in settings.model_fields.items():
            if isinstance(field.default, int | float | str):
                default = str(field.default)
                assert told[name] == (default.lower() if isinstance(field.default, bool) else default), name
    assert {row[1].strip(" `"): row[2].strip() for row in rows}["metadata_columns"] == "`[]`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_exists(page: Path) -> None:
    settings = {f"RTPIPE_{name.upper()}" for name in Settings.model_fields}
    known = settings | {f"{name}_FILE" for name in settings} | {"RTPIPE_NO_SKIPS"}
    known |= {"RTPIPE_DIFFERENTIAL_ROWS", "RTPIPE_DIFFERENTIAL_SEED", "RTPIPE_PICTURES", "RTPIPE_TEST_PAGE"}
    known |= {"RTPIPE_PROMOTIONS"}
    known |= set(VARIABLE.findall(strings_of_the_code())) | {"RTPIPE_CONFIG"}
    assert set(VARIABLE.findall(page.read_text())) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(path), f"{page.name}: {link}"


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_leads_to_every_page() -> None:
    linked = LINK.findall((PROJECT / "README.md").read_text())
    assert {f"docs/{page.name}" for page in DOCS.glob("*.md")} <= {link.partition("#")[0] for link in linked}


def command_lines() -> list[str]:
    """What follows `rtpipe` in the shell blocks, and in the text where it stands in backquotes."""
    lines: set[str] = set()
    for page in PAGES:
        given = [line for block in code_blocks(page, "bash") for line in block.splitlines()]
        given += re.findall(r"`(rtpipe [^`]+)`", page.read_text())
        parts = [part.partition(" #")[0] for line in given for part in re.split(r"&&|\|", line)]
        lines |= {part.rpartition("rtpipe ")[2].strip(" '") for part in parts if re.search(r"(^|\W)rtpipe [a-z]", part)}
    return sorted(lines)


@pytest.mark.parametrize("line", command_lines())
def test_every_command_line_can_be_given(line: str) -> None:
    """Command and options exist; --help in front of the options lets nothing run."""
    words = shlex.split(line)
    words = words[: next((n for n, word in enumerate(words) if re.match(r"\d?>", word)), len(words))]
    options = next((n for n, word in enumerate(words) if word.startswith("-")), len(words))
    result = CliRunner().invoke(app, [*words[:options], "--help", *words[options:]])
    assert result.exit_code == 0, result.output


def test_every_command_and_option_is_explained() -> None:
    text = (DOCS / "commands.md").read_text()
    sections = dict(re.findall(r"^## rtpipe (.+?)\n(.*?)(?=^## )", text, re.DOTALL | re.MULTILINE))
    shared = text.partition("\n## ")[0] + (DOCS / "settings.md").read_text()
    for name, found in command_tree().commands.items():
        for sub, command in vars(found).get("commands", {"": found}).items():
            found_in = [title for title in sections if {name, sub} - {""} <= words_of(title)]
            assert found_in, f"commands.md has no section of rtpipe {name} {sub}"
            title = min(found_in, key=len)  # `rtpipe status`, and not `rtpipe infra up, down, status`
            section = sections[title]
            for parameter in command.params:
                assert any(option in section + shared for option in parameter.opts), f"{title}: {parameter.opts}"


def words_of(title: str) -> set[str]:
    return set(re.findall(r"[a-z][a-z-]*", title))


def test_every_target_of_the_makefile_is_explained_on_some_page() -> None:
    targets = re.findall(r"^([a-z]+):[^#\n]*## ", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    text = "\n".join(page.read_text() for page in PAGES)
    assert targets
    assert not [target for target in targets if target != "help" and not re.search(rf"\bmake {target}\b", text)]


def test_toml_examples_are_valid_settings() -> None:
    for page in PAGES:
        for block in code_blocks(page, "toml"):
            said = tomllib.loads(block)
            files = {name for name in said if name.endswith("_file")}  # of secrets; here there are none to be read
            assert {name.removesuffix("_file") for name in files} <= SECRET
            Settings.model_validate({name: value for name, value in said.items() if name not in files})


def test_the_examples_of_secure_links_are_taken_by_the_clients_themselves() -> None:
    blocks = [tomllib.loads(block) for block in code_blocks(DOCS / "security.md", "toml")]
    kafka = [block["kafka"] for block in blocks if "kafka" in block]
    assert len(kafka) == 3
    for properties in kafka:
        known = {name: text for name, text in properties.items() if not name.endswith(".location")}
        secrets = {"sasl.username": "u", "sasl.password": "p", "sasl.oauthbearer.client.secret": "s"}
        with checked_properties():
            Consumer({**known, **secrets, "group.id": "g", "bootstrap.servers": "127.0.0.1:1", "log_level": 0}).close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_heading_is_there_twice(page: Path) -> None:
    headings = re.findall(r"^##+ .+$", page.read_text(), re.MULTILINE)
    if page.name != "CHANGELOG.md":
        assert sorted(headings) == sorted(set(headings))
