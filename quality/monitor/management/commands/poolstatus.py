"""Prints how full this host's pools are."""

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import translation

from quality.monitor import usage
from quality.monitor.snapshot import snapshot

WATCH_SECONDS = 2.0
COLUMNS = (
    "process",
    "pid",
    "limit",
    "open",
    "idle",
    "in use",
    "waiting",
    "use",
    "wait p95",
    "status",
)
HOLDERS = 3


class Command(BaseCommand):
    help = (
        "Print how full the pools of this host are, and the active alerts. Needs no database. "
        "Exit code: 0 healthy, 1 warning, 2 critical."
    )
    # Those would ask the database, which may be what is wrong.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="what /monitor/pool answers")
        parser.add_argument(
            "--watch",
            nargs="?",
            type=float,
            const=WATCH_SECONDS,
            metavar="SECONDS",
            help=f"again each so many seconds ({WATCH_SECONDS:g}) until Ctrl-C",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = self.say(as_json=options["json"])
        try:
            while options["watch"] is not None:
                time.sleep(max(0.1, options["watch"]))
                found = self.say(as_json=options["json"])
        except KeyboardInterrupt:
            pass
        if code := exit_code(found):
            sys.exit(code)

    def say(self, *, as_json: bool) -> dict[str, Any]:
        # As all that a command says.
        with translation.override("en"):
            found = snapshot(now=time.time())
        if as_json:
            # On one line, so that --watch is a line for each look.
            self.stdout.write(json.dumps(found))
        else:
            self.stdout.write("\n".join([*lines(found), ""]))
        return found


def exit_code(found: dict[str, Any]) -> int:
    """The worst of the status and the alerts."""
    severities = [alert["severity"] for alert in found["alerts"]]
    return usage.STATUSES.index(usage.worse(found["status"], *severities))


def lines(found: dict[str, Any]) -> list[str]:
    """What a person reads."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found["at"]))
    total = {"kind": "all", "pid": "", "status": found["status"], **found["total"]}
    rows = [COLUMNS, *map(_row, [*found["workers"], total])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    table = [
        "  ".join(
            cell.ljust(width) if column in (0, len(COLUMNS) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    text = [f"{found['host']}, {when}: {usage.STATUSES[exit_code(found)]}", "", *table, ""]
    text += [_holders(worker) for worker in found["workers"] if worker["holders"]]
    return [*text, _server(found), f"Budget: {found['budget']['text']}", *_alerts(found)]


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    p95 = (one.get("waits") or {}).get("p95")
    return (
        one["kind"],
        str(one["pid"]),
        *(str(one[name]) for name in ("limit", "open", "idle", "in_use", "waiting")),
        f"{one['percent']:.0f} %",
        "" if p95 is None else f"{p95 * 1000:.1f} ms",
        one["status"],
    )


def _holders(worker: dict[str, Any]) -> str:
    longest = [f"{one['name']} {one['held_seconds']:.1f} s" for one in worker["holders"][:HOLDERS]]
    return f"{worker['kind']} {worker['pid']} lends to: {', '.join(longest)}"


def _server(found: dict[str, Any]) -> str:
    facts = found["server"]
    if found["server_error"]:
        return f"Server: away: {found['server_error']}"
    if facts is None:
        return "Server: not asked yet"
    return (
        f"Server: {facts['threads_connected']} of {facts['max_connections']} connected, "
        f"{facts['own_connections']} of them ours with the monitor's own, "
        f"{facts['threads_running']} running, at most {facts['max_used_connections']}; "
        f"answered in {facts['response_seconds'] * 1000:.1f} ms, "
        f"{max(0.0, found['at'] - facts['at']):.0f} s ago"
    )


def _alerts(found: dict[str, Any]) -> list[str]:
    if not found["alerts"]:
        return ["Alerts: none"]
    return [
        f"Alert: {alert['severity']} {alert['name']}: {alert['summary']} See {alert['runbook']}"
        for alert in found["alerts"]
    ]
