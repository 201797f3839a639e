"""The table fitter's own decisions, noted and not done."""

from __future__ import annotations

from typing import Any

import pytest

from avro_schemas.tables.evolution import EvolutionError
from avro_schemas.tables.layout import TableLayout
from supervisor.schemas.table_fitter import TableFitter
from supervisor.schemas.table_preview import TablePreview
from tests.support.samples.table_targets import OPTIONAL, record, target_of, two_accounts
from tests.support.servers.scripted_connection import scripted
from tests.support.servers.scripted_server import ScriptedServer

OLD, NEW = record(id="int"), record(id="int", note=OPTIONAL)
NEWER = record(id="int", note=OPTIONAL, more=OPTIONAL)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    made = scripted(monkeypatch)
    made.table("t", id="int NOT NULL")
    return made


@pytest.fixture
def preview() -> TablePreview:
    return TablePreview(two_accounts())


def unchanged(server: ScriptedServer) -> bool:
    return list(server.tables["t"].columns) == ["id"] and not server.history and not server.sent("GET_LOCK|^ALTER")


def test_a_table_that_fits(server: ScriptedServer, preview: TablePreview) -> None:
    preview.fit([target_of(OLD)])
    assert not preview.changes("t")
    assert unchanged(server)


def test_the_layout_is_that_of_the_table_after_the_statements(server: ScriptedServer, preview: TablePreview) -> None:
    [layout] = preview.fit([target_of(NEW, OLD)])
    assert isinstance(layout, TableLayout)
    assert [column.name for column in layout.columns] == ["id", "note"]
    [sql] = preview.statements["t"]
    assert preview.changes("t")
    assert unchanged(server)
    assert TableFitter(two_accounts()).fit([target_of(NEW, OLD)])
    assert [sql] == server.sent("^ALTER"), "the very statement that the fitter runs"


def test_what_comes_next_builds_upon_what_was_noted(server: ScriptedServer, preview: TablePreview) -> None:
    preview.fit([target_of(NEW, OLD)])
    preview.fit([target_of(NEWER, NEW)])
    first, second = preview.statements["t"]
    assert "`note`" in first
    assert "`more`" in second
    assert "`note`" not in second.partition(" AFTER ")[0]
    assert unchanged(server)


def test_a_table_that_is_missing_or_frozen(server: ScriptedServer, preview: TablePreview) -> None:
    frozen: dict[str, Any] = {"evolution": "freeze"}
    [refused] = preview.fit([target_of(NEW, OLD, **frozen)])
    assert isinstance(refused, EvolutionError)
    assert not preview.changes("t")
    del server.tables["t"]
    [layout] = preview.fit([target_of(OLD)])
    assert isinstance(layout, TableLayout)
    assert preview.missing == {"t"}
    assert preview.changes("t")
