"""What infra/monitoring asks Prometheus for."""

from __future__ import annotations

import json
import re
from typing import Any

from ruamel.yaml import YAML

from tests.support.pages import PROJECT

FOLDER = PROJECT / "infra" / "monitoring"
_NAMES = re.compile(r"\b(?:rtpipe|kafka_consumergroup)_\w+")


def board() -> dict[str, Any]:
    """The board of Grafana."""
    found: dict[str, Any] = json.loads((FOLDER / "grafana" / "rtpipe.json").read_text())
    return found


def board_queries() -> list[str]:
    """Of all its panels."""
    return [target["expr"] for panel in board()["panels"] for target in panel.get("targets", [])]


def alert_rules() -> list[dict[str, Any]]:
    """Of all groups."""
    return [rule for group in YAML(typ="safe").load(FOLDER / "alerts.yml")["groups"] for rule in group["rules"]]


def wanted_metrics() -> set[str]:
    """The names in all these queries."""
    queries = [*board_queries(), *(rule["expr"] for rule in alert_rules())]
    return {name for query in queries for name in _NAMES.findall(query)}
