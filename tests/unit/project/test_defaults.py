"""A default is written once: where the setting is. Everybody else is given the value."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from avro_schemas.registry.subject_names import USUAL
from avro_schemas.tables.rules import PLAIN
from supervisor.settings.fields.topic_settings import TopicSettings
from supervisor.settings.settings import Settings
from tests.support.pages import PROJECT

PACKAGES = ("rtpipe", "avro_schemas", "workers", "infra", "supervisor")
#: The settings take their defaults from these, which stand below them and cannot import them.
OWNERS = {"avro_schemas/tables/rules.py", "avro_schemas/registry/subject_names.py"}
#: Settings under another name or in another unit.
ALIASES = {"linger_seconds", "queue_low", "budget", "probe_every", "silence"}
NAMES = set(Settings.model_fields) | set(TopicSettings.model_fields) | ALIASES
OUTSIDE = [
    path
    for package in PACKAGES
    for path in sorted((PROJECT / package).rglob("*.py"))
    if "settings" not in path.parts and str(path.relative_to(PROJECT)) not in OWNERS
]


def defaults(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Every default that the code writes down: of fields and of arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value is not None:
                    yield line.target.id, line.value
        elif isinstance(node, ast.FunctionDef):
            plain = [*node.args.posonlyargs, *node.args.args]
            with_default = plain[len(plain) - len(node.args.defaults) :]
            yield from zip([one.arg for one in with_default], node.args.defaults, strict=True)
            for argument, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                if value is not None:
                    yield argument.arg, value


def says_something(value: ast.expr) -> bool:
    """Whether it is a number, a word or a flag that is on; nothing, "" and off say that nothing was asked for."""
    if isinstance(value, ast.Constant):
        return bool(value.value)
    return isinstance(value, ast.BinOp)


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_default_of_a_setting_is_written_elsewhere(path: Path) -> None:
    again = {name for name, value in defaults(ast.parse(path.read_text())) if name in NAMES and says_something(value)}
    assert not again


def test_settings_of_a_table_and_of_subjects_are_those_of_a_topic_without_settings() -> None:
    assert TopicSettings().rules() == PLAIN
    assert TopicSettings().subjects() == USUAL
