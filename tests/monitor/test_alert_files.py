"""What Prometheus, Grafana and people read of the alerts is what the code means."""

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from quality.monitor.rules import BY_NAME, RULES
from tests.monitor.promql import DASHBOARD, DOCKER, expressions, metrics_of, panels

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "RUNBOOK.md").read_text()
CASES = (ROOT / "tests" / "chaos" / "alerts.test.yml").read_text()


def test_the_rules_of_prometheus_are_those_of_the_code():
    printed = StringIO()
    call_command("alertrules", stdout=printed)
    remedy = "manage.py alertrules > docker/prometheus/alerts.yml"
    assert (DOCKER / "prometheus" / "alerts.yml").read_text() == printed.getvalue(), remedy


def test_each_alert_has_its_heading_in_the_runbook_and_none_is_left_over():
    headings = re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)
    assert sorted(headings) == sorted(BY_NAME)
    for rule in RULES:
        # As GitHub and GitLab make an anchor of a heading.
        assert rule.runbook == f"/monitor/runbook#{rule.name.lower()}"


def test_the_addresses_in_prometheus_rules_are_those_of_the_site(settings):
    settings.SITE_URL = "https://quality.example"
    printed = StringIO()
    call_command("alertrules", stdout=printed)
    assert "runbook_url: https://quality.example/monitor/runbook#nosc" in printed.getvalue()


def test_the_times_of_a_drill_are_a_part_of_the_real_ones():
    drilled = BY_NAME["NoScans"].in_time(0.1)
    assert (drilled.window_seconds, drilled.for_seconds) == (30, 60)
    assert "[30s]" in drilled.expression


@pytest.mark.parametrize("name", BY_NAME)
def test_each_heading_says_what_it_means_what_to_do_and_how_it_ends(name):
    (text,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    for part in ("**Means.**", "**Look first.**", "**Do.**", "**Ends**"):
        assert part in text, part
    assert f"{BY_NAME[name].severity}" in text


def test_each_alert_fires_and_clears_in_a_case_for_promtool():
    fires = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts:\n\s+- ", CASES))
    clears = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts: \[\]", CASES))
    assert fires == clears == set(BY_NAME)


def test_only_known_alerts_are_muted_by_others():
    text = (DOCKER / "alertmanager" / "alertmanager.yml").read_text()
    named = " ".join(re.findall(r'alertname =~? "([\w|]+)"', text))
    assert set(re.findall(r"\w+", named)) <= set(BY_NAME)


def test_the_dashboard_has_no_empty_panel_and_no_two_of_one_name():
    found = panels()
    assert len(found) == len(re.findall(r'"type": "(?:stat|timeseries)"', DASHBOARD.read_text()))
    assert all(found.values())


def test_names_are_found_in_expressions():
    expression = 'max by (pid) (a_b{c="d"}) / sum(rate(e_total[5m])) unless on (x) up > 0.5'
    assert metrics_of(expression) == {"a_b", "e_total", "up"}
    assert len(expressions()) > 50
