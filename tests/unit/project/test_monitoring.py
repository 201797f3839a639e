"""infra/monitoring: what its files ask Prometheus for is exported, and Prometheus' own tool finds nothing wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import Metric

from supervisor.page.feed import Feed
from supervisor.page.metrics.collector import PipelineCollector
from tests.support.monitoring import FOLDER, alert_rules, board, board_queries, wanted_metrics
from tests.support.samples.statuses import pipeline_status

ROWS = ["Health", "Throughput", "Lag", "Latency", "Errors", "Resources"]
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not here (Debian: apt-get install prometheus)"
)


def exported() -> set[str]:
    """The names that samples have."""
    feed = Feed(lambda _command, **_arguments: None)
    feed.take(pipeline_status({}).to_json())
    return {name for family in PipelineCollector(feed).collect() for name in names_of(family)}


def names_of(family: Metric) -> set[str]:
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
    return {family.name + suffix for suffix in suffixes}


def test_every_metric_of_board_and_alerts_is_exported() -> None:
    assert len(wanted_metrics()) > 10
    assert wanted_metrics() <= exported()


def test_the_board_has_its_rows_and_lets_people_choose_the_data_source() -> None:
    assert [panel["title"] for panel in board()["panels"] if panel["type"] == "row"] == ROWS
    assert [variable["type"] for variable in board()["templating"]["list"]] == ["datasource", "query"]
    sources = {panel["datasource"]["uid"] for panel in board()["panels"] if panel["type"] != "row"}
    assert sources == {"${datasource}"}


def test_each_alert_says_what_to_do() -> None:
    for rule in alert_rules():
        assert rule["annotations"].keys() == {"summary", "action"}, rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}


@needs_promtool
@pytest.mark.parametrize("check", [["check", "config"], ["check", "rules"], ["test", "rules"]], ids=" ".join)
def test_promtool_finds_nothing_wrong(check: list[str]) -> None:
    file = {"check config": "prometheus.yml", "check rules": "alerts.yml", "test rules": "alerts_test.yml"}
    result = promtool([*check, file[" ".join(check)]], FOLDER)
    assert result.returncode == 0, result.stdout + result.stderr


@needs_promtool
@pytest.mark.parametrize("query", board_queries())
def test_each_query_of_the_board_can_be_read(query: str, tmp_path: Path) -> None:
    for name, value in {"$__rate_interval": "1m", "$topic": ".*"}.items():
        query = query.replace(name, value)
    (tmp_path / "rules.yml").write_text(
        json.dumps({"groups": [{"name": "board", "rules": [{"record": "one", "expr": query}]}]})
    )
    result = promtool(["check", "rules", "rules.yml"], tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def promtool(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], check=False, cwd=folder, capture_output=True, text=True)
