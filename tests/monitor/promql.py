"""Finds what a PromQL expression asks for, and every expression of ours."""

import json
import re
from pathlib import Path

from quality.monitor.rules import RULES

DOCKER = Path(__file__).resolve().parents[2] / "docker"
DASHBOARD = DOCKER / "grafana" / "dashboards" / "quality.json"

# Not ours: Prometheus makes them itself.
OF_PROMETHEUS = {"up", "ALERTS"}
_WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "bool", "offset"}


def metrics_of(expression: str) -> set[str]:
    """The names of its metrics: what is left without labels, ranges, groupings and functions."""
    rest = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring)\s*\([^)]*\)", "", expression)
    return set(re.findall(r"\b[A-Za-z_]\w*\b(?!\s*\()", rest)) - _WORDS


def panels() -> dict[str, list[str]]:
    """The expressions of each panel of the dashboard, by its title."""
    dashboard = json.loads(DASHBOARD.read_text())
    return {
        panel["title"]: [target["expr"] for target in panel["targets"]]
        for panel in dashboard["panels"]
        if panel["type"] != "row"
    }


def expressions() -> dict[str, str]:
    """All of ours, by where it stands."""
    found = {f"alert {rule.name}": rule.expression for rule in RULES}
    for title, asked in panels().items():
        found |= {f"panel {title}, {number}": one for number, one in enumerate(asked)}
    return found
