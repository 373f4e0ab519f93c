"""Prometheus' own tools read our files, and each rule fires and clears."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.monitor.promql import DOCKER, expressions

pytestmark = pytest.mark.chaos

CASES = Path(__file__).with_name("alerts.test.yml")


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_rule_fires_and_clears(tool):
    assert "SUCCESS" in run(tool("promtool"), "test", "rules", CASES)


def test_the_test_can_fail(tool, tmp_path):
    case = CASES.read_text().replace("values: 0x9 1x40", "values: 0x50")
    (tmp_path / "case.yml").write_text(
        case.replace(
            "../../docker/prometheus/alerts.yml", str(DOCKER / "prometheus" / "alerts.yml")
        )
    )
    with pytest.raises(AssertionError, match="ConnectionLeaks"):
        run(tool("promtool"), "test", "rules", tmp_path / "case.yml")


def test_prometheus_accepts_its_configuration(tool, tmp_path):
    for path in (DOCKER / "prometheus").iterdir():
        shutil.copy(path, tmp_path)
    configuration = tmp_path / "prometheus.yml"
    (tmp_path / "token").write_text("s3cret")
    configuration.write_text(
        configuration.read_text().replace("/run/secrets/metrics_token", str(tmp_path / "token"))
    )
    assert "SUCCESS" in run(tool("promtool"), "check", "config", "--lint-fatal", configuration)


def test_the_alertmanager_accepts_its_configuration_and_tells_the_right_people(tool):
    configuration = DOCKER / "alertmanager" / "alertmanager.yml"
    run(tool("amtool"), "check-config", configuration)
    route = [tool("amtool"), "config", "routes", "test", f"--config.file={configuration}"]
    assert run(*route, "severity=warning", "alertname=NoScans").split() == ["slack"]
    told = run(*route, "severity=critical", "alertname=DatabaseDown").strip()
    assert told == "pagerduty,slack"


def test_every_expression_of_ours_is_one(tool, tmp_path):
    rules = [
        {"record": f"expression:{number}", "expr": expression}
        for number, expression in enumerate(expressions().values())
    ]
    # JSON is YAML.
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    assert f"{len(rules)} rules found" in run(tool("promtool"), "check", "rules", path)
