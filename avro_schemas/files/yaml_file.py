"""YAML, in which JSON Schema is often written -> the JSON text that says the same."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

from avro_schemas.files.json_file import MAX_NESTING, SchemaFileError


def json_text(path: Path, text: str) -> str:
    """The document as JSON. SchemaFileError says where it is none, or has what JSON has not.

    Aliases are refused: a few lines of them stand for a document without end.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415 - loads long, and few need it
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415
    from ruamel.yaml.tokens import AliasToken  # noqa: PLC0415

    reader = YAML(typ="safe", pure=True)
    if _brackets_inside(text) > MAX_NESTING:
        raise SchemaFileError(path, [f"YAML with more than {MAX_NESTING} brackets inside one another"])
    try:
        with warnings.catch_warnings(action="ignore"):
            for token in reader.scan(text):
                if isinstance(token, AliasToken):
                    raise SchemaFileError(path, [f"YAML with an alias (*{token.value}); write out what it stands for"])
            document = reader.load(text)
        return json.dumps(document, default=str)
    except MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise SchemaFileError(path, [f"not YAML: {place}{error.problem}"]) from error
    except (YAMLError, RecursionError, ValueError, TypeError) as error:
        raise SchemaFileError(path, ["YAML that says nothing in JSON"]) from error


def _brackets_inside(text: str) -> int:
    """The most brackets open at once, those in texts included: the reader takes minutes over thousands of them."""
    depth = deepest = 0
    for mark in text:
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth = max(0, depth - 1)
    return deepest
