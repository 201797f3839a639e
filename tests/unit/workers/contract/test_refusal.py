"""Why a message is no row: one list, which refusals, commands and docs all take."""

from __future__ import annotations

import ast
import pickle

import pytest

from avro_schemas.avro.wire_format import WireFormatError
from tests.support.pages import PROJECT
from workers.contract.refusal import Reason, Refusal, advice_for


def rows_of_docs() -> dict[str, list[str]]:
    """The cells of docs/errors.md's table of dead letters, by the name in the first one."""
    section = (PROJECT / "docs" / "errors.md").read_text().partition("\n## Dead letters\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `E_")]
    return {name.strip("`"): cells for name, *cells in rows}


def test_the_docs_have_each_reason_and_no_other() -> None:
    assert sorted(rows_of_docs()) == sorted(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_the_docs_say_of_a_reason_what_the_program_says(reason: Reason) -> None:
    _, meaning, advice = rows_of_docs()[reason]
    assert meaning.startswith(reason.meaning)
    assert advice == reason.advice


def test_no_other_module_says_the_name_of_a_reason() -> None:
    """But for the errors of other packages, which the list takes their names from."""
    named = {}
    for package in ("rtpipe", "avro_schemas", "workers", "infra", "supervisor"):
        for path in (PROJECT / package).rglob("*.py"):
            constants = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
            if found := {str(node.value) for node in constants} & set(Reason):
                named[path.name] = found
    assert named.pop("refusal.py") < set(Reason)
    assert named == {
        "wire_format.py": {Reason.WIRE_FORMAT},
        "topic_schemas.py": {Reason.FOREIGN_SCHEMA},
        "evolution.py": {Reason.UNFIT_TABLE},
    }


def test_a_reason_is_its_name_on_either_side_of_a_process_border() -> None:
    assert f"{Reason.WIRE_FORMAT}" == WireFormatError.name
    refusal = Refusal(Reason.DECODE, "the bytes end", "day")
    assert pickle.loads(pickle.dumps(refusal)) == refusal
    assert str(refusal) == "field day: the bytes end"
    assert str(Refusal(Reason.KEY, "no key")) == "no key"


def test_advice_about_each_reason_and_about_those_of_other_versions() -> None:
    for reason in Reason:
        assert advice_for(reason.value) == reason.advice
    assert "dead-letters retry" in advice_for("E_OF_THE_FUTURE")
