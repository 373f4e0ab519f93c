"""Prints the alert rules as Prometheus reads them."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import translation

from quality.monitor.rules import RULES, Rule

HEAD = """\
# Written by `manage.py alertrules`. The rules themselves stand in quality/monitor/rules.py.
groups:
  - name: quality
    rules:
"""


def as_yaml(rule: Rule) -> str:
    """One rule. A text in JSON is one in YAML, too."""
    summary = str(rule.summary).replace("{value:.0f}", '{{ printf "%.0f" $value }}')
    return f"""\
      - alert: {rule.name}
        expr: {json.dumps(rule.expression)}
        for: {rule.for_seconds:.0f}s
        labels:
          severity: {rule.severity}
        annotations:
          summary: {json.dumps(summary)}
          runbook_url: {settings.SITE_URL}{rule.runbook}
"""


class Command(BaseCommand):
    help = "Print the alert rules as Prometheus reads them: docker/prometheus/alerts.yml."
    # Needs no database, and no settings that a server needs.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override("en"):
            self.stdout.write(HEAD + "\n".join(map(as_yaml, RULES)), ending="")
