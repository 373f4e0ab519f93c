"""How cost grows with the number of scans: board, reports, a scan's statements, roll-ups, disk.

Each size is filled anew, on a server with the memory of docker/mariadb.cnf. Reports are whole
pages, all of their statements, Python and templates, but for gunicorn; all else is what its
function takes. Each is asked for once to warm up and then several times; the quickest is told, as
whatever else the machine does only adds to it.
"""

import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from quality.devdb.mariadb import PrivateMariaDB
from tests.faults import ROOT

OPERATION = "growth"
ROWS = (500_000, 2_000_000)
TIMES = 7
BOARDS = 30
SCANS = 200
SERVER_OPTIONS: dict[str, str | int] = {
    "innodb-buffer-pool-size": "512M",
    "innodb-log-file-size": "128M",
}
# While it is filled nothing has to survive a loss of power.
HASTY = {"innodb-flush-log-at-trx-commit": 0, "innodb-doublewrite": 0}
BOARD, REPORT, TRACE = "board", "report", "trace"
AIMS_MS = {BOARD: 100.0, REPORT: 1000.0, TRACE: 1000.0}
PERIODS = {"today": 1, "week": 7, "month": 30, "quarter": 90, "year": 365, "all": 3650}

Sizes = dict[int, dict[str, float]]


def measure(home: Path, rows: Iterable[int], progress: Callable[[str], None]) -> Sizes:
    """By number of scans, for each operation its ms, seconds or MB, as its name says."""
    found: Sizes = {}
    for count in rows:
        folder = home / OPERATION
        shutil.rmtree(folder, ignore_errors=True)
        try:
            # In turn, as they have other options.
            for step, options in (("fill", SERVER_OPTIONS | HASTY), ("ask", SERVER_OPTIONS)):
                server = PrivateMariaDB(folder, options=options, start_seconds=600)
                server.start()
                try:
                    said = _run(server, folder, step, count, progress)
                finally:
                    server.stop()
            found[count] = json.loads(said)
        finally:
            # 10 million scans take 7 GB.
            shutil.rmtree(folder, ignore_errors=True)
    return found


def _run(
    server: PrivateMariaDB, folder: Path, step: str, rows: int, progress: Callable[[str], None]
) -> str:
    """In a process of its own, as this one has other settings."""
    env = os.environ | {
        "DATABASE_URL": server.url(),
        "DEVELOPMENT": "1",
        "DJANGO_SETTINGS_MODULE": "quality.settings",
        "VAR_DIR": str(folder / "var"),
        "LOG_DIR": str(folder / "log"),
        "DB_LEDGER": str(folder / "ledger"),
        # Filling is slow, and each of its statements would be told of.
        "SLOW_STATEMENT_SECONDS": "3600",
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.growth", step, str(rows)],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    assert child.stdout is not None
    complaints = []
    with child:
        for line in child.stderr:
            if line.startswith(PROGRESS):
                progress(line.removeprefix(PROGRESS).strip())
            else:
                complaints.append(line)
        said = child.stdout.read()
    if child.returncode != 0:
        raise RuntimeError(f"{step} {rows}: exit code {child.returncode}\n{''.join(complaints)}")
    return said


def report(sizes: Sizes) -> str:
    """The table for people; nothing when nothing was measured."""
    if not sizes:
        return ""
    rows = [[f"{OPERATION}: scans", *(f"{count:,}" for count in sizes)]]
    names = dict.fromkeys(name for costs in sizes.values() for name in costs)
    for name in names:
        rows.append([name, *(_number(costs.get(name)) for costs in sizes.values())])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        row[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]
    verdicts = [
        f"{'reached' if most <= aim else 'NOT REACHED'}  {kind} ≤ {aim:,.0f} ms: {most:,.0f} ms"
        for kind, aim in AIMS_MS.items()
        if (most := slowest(sizes, kind)) is not None
    ]
    return "\n".join(["", *lines, "", *verdicts])


def slowest(sizes: Sizes, kind: str) -> float | None:
    """ms of the slowest of a kind, at any size."""
    found = [
        cost for costs in sizes.values() for name, cost in costs.items() if name.startswith(kind)
    ]
    return max(found, default=None)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


# ----- In the other process

PROGRESS = "growth> "


def _say(text: str) -> None:
    print(PROGRESS + text, file=sys.stderr, flush=True)


def _fill(rows: int) -> None:
    from django.core.management import call_command

    from tests.benchmarks.filling import fill

    call_command("migrate", verbosity=0)
    fill(rows, _say)


def _ask(rows: int) -> dict[str, float]:
    from tests.benchmarks import disk

    costs: dict[str, float] = {}
    _say(f"{rows:,} rows: counting the roll-ups")
    costs |= _roll_ups()
    costs[f"{BOARD}, running shift, ms"] = _quickest(_board, BOARDS)
    for name, ask in (_reports(rows) | _traces()).items():
        _say(f"{rows:,} rows: {name}")
        costs[f"{name}, ms"] = _quickest(ask)
    _say(f"{rows:,} rows: scans")
    costs |= _scans()
    _say(f"{rows:,} rows: on the disk")
    costs["sealed anew, s"] = disk.sealed_seconds()
    return costs | disk.megabytes() | disk.dumped()


def _quickest(ask: Callable[[], Any], times: int = TIMES) -> float:
    """ms."""
    ask()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1000)
    return min(taken)


def _roll_ups() -> dict[str, float]:
    from scans.models import RollUp, ShiftRollUp
    from scans.reporting import rollups

    began = time.perf_counter()
    rollups.rebuild()
    return {
        "roll-ups counted anew, s": time.perf_counter() - began,
        "roll-ups by hour, rows": RollUp.objects.count(),
        "roll-ups by shift, rows, all levels": ShiftRollUp.objects.count(),
        "refresh with nothing new, ms": _quickest(rollups.refresh),
    }


def _board() -> Any:
    from scans.reporting.board import board
    from scans.shifts import shift_at
    from tests.benchmarks.filling import NOW

    return board(shift_at(NOW), NOW)


def _reports(rows: int) -> dict[str, Callable[[], Any]]:
    """Each page whole, as a browser gets it, but for the way through gunicorn."""
    from django.urls import reverse

    from scans.models import Scan
    from tests.benchmarks.filling import NOW, first_moment

    client = _client()
    pages = {
        "overview": "scans:reports",
        "operators": "scans:operators",
        "re-inspections": "scans:reinspections",
        "data quality": "scans:data_quality",
        "rows": "scans:rows",
    }

    def get(name: str, since: date, **chosen: str) -> None:
        query = {"since": since.isoformat(), "until": NOW.date().isoformat(), **chosen}
        answer = client.get(reverse(name), query, headers={"host": "localhost"})
        assert answer.status_code == 200, answer.content

    first = first_moment(rows).date()
    asked: dict[str, Callable[[], Any]] = {}
    for period, days in PERIODS.items():
        since = max(NOW.date() - timedelta(days=days - 1), first)
        for page, name in pages.items():
            asked[f"{REPORT}, {period}, {page}"] = partial(get, name, since)
    last = Scan.objects.latest("pk")
    for words, chosen in {
        "a station": {"station": "FG-07"},
        "an operator": {"operator": last.operator},
        "an order": {"cp_base": last.cp_base},
        "an OC": {"oc1": "OC01"},
        "a defect": {"defect": "001"},
        "nights": {"shift": "night"},
        "rejects": {"result": "rejected"},
    }.items():
        for page in ("overview", "rows"):
            asked[f"{REPORT}, all, {words}, {page}"] = partial(get, pages[page], first, **chosen)
    return asked


def _client() -> Any:
    """Of somebody from quality."""
    from django.contrib.auth.models import Group
    from django.test import Client

    from accounts.models import User
    from accounts.roles import sync_roles
    from tests.benchmarks.filling import USER

    sync_roles()
    user = User.objects.get(username=USER)
    user.groups.set([Group.objects.get(name="quality")])
    client = Client()
    client.force_login(user)
    return client


def _traces() -> dict[str, Callable[[], Any]]:
    from scans.models import Scan
    from scans.reporting.trace import trace

    again = Scan.objects.exclude(reinspection_of=None).latest("pk")
    codes = {
        "a piece": again.cp,
        "an order": again.cp_base,
        "an operator": again.operator,
        "a part of a code": again.cp[4:10],
        "a code that there is not": "CP99999999-9999",
        "a piece's number that there is not": "9999",
        "a part of a number that there is not": "999",
    }
    return {f"{TRACE}, {name}": partial(trace, code) for name, code in codes.items()}


_pieces = itertools.count()


def _scans() -> dict[str, float]:
    """What a POST asks of the database, and what it makes of the roll-ups."""
    from accounts.models import User
    from scans.recording import record_scan
    from scans.reporting import rollups
    from scans.submission import read
    from tests.benchmarks.filling import NOW, USER

    user = User.objects.get(username=USER)

    def scan(moment: datetime = NOW) -> None:
        payload = {
            "id": str(uuid.uuid4()),
            "operator": "OP0001",
            "cp": "CP{:08d}-{:04d}".format(*divmod(980_000_000 + next(_pieces), 10_000)),
            "oc1": "OC01",
            "oc2": "OC11",
            "defect": "000",
            "station": "FG-01",
            "scanned_at": moment.isoformat(),
        }
        record_scan(read(payload), user)

    def scan_and_freshen() -> None:
        scan()
        rollups.freshen()

    return {
        # The disk is as quick as it is.
        "scan, its own statements, median, ms": _middle(scan),
        "scan and a report's freshen(), ms": _quickest(scan_and_freshen),
    }


def _middle(ask: Callable[[], Any]) -> float:
    taken = [_quickest(ask, 1) for _ in range(SCANS)]
    return statistics.median(taken)


def main(step: str, rows: str) -> None:
    import django

    django.setup()
    if step == "fill":
        _fill(int(rows))
    else:
        print(json.dumps(_ask(int(rows))))


if __name__ == "__main__":
    main(*sys.argv[1:])
