"""What the house as served takes for 20, 200, 1,000 stations, each as `simulatestations` has it.

A scan each 10 s, which is quick: in a shift of eight hours a station makes some 450, one each 64 s.
After each scan the station asks for the newest ones, and each 30 s it says that it is there. The
stations are shared out among several processes, so that none waits for another's share of Python's
lock. What is measured begins when all are there.
"""

import json
import math
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quality.devdb.mariadb import PrivateMariaDB
from tests.benchmarks.endtoend import SERVED, site_of
from tests.benchmarks.processes import megabytes, processor_seconds
from tests.benchmarks.watching import on_the_disk
from tests.serving import Site, running

OPERATION = "stations"
PER_SECOND = 0.1
IN_A_PROCESS = 250
TOTALS = ("confirmed", "waiting", "sent_again", "refused", "lost", "doubled")
# Until all have started, signed in, and asked for the first time.
START_SECONDS = 20.0


def measure(
    server: PrivateMariaDB,
    home: Path,
    counts: list[int],
    *,
    seconds: float,
    progress: Callable[[str], None],
    start_seconds: float = START_SECONDS,
) -> list[dict[str, float]]:
    """For each number of stations: scans per second, ms, processors, MB."""
    found = []
    site = site_of(server, home, SERVED)
    site.prepare()
    for count in counts:
        progress(f"{OPERATION}: {count}")
        with on_the_disk(server), running(site):
            found.append({"stations": count, **_shift(site, count, start_seconds, seconds)})
    return found


def _shift(site: Site, count: int, start_seconds: float, seconds: float) -> dict[str, float]:
    processes = math.ceil(count / IN_A_PROCESS)
    shares = [count // processes + (number < count % processes) for number in range(processes)]
    children = [
        subprocess.Popen(
            site.command(
                *("simulatestations", f"--url={site.url}", f"--stations={share}", "--json"),
                *(f"--rate={PER_SECOND}", f"--seconds={start_seconds + seconds:g}"),
            ),
            env=site.env,
            stdout=subprocess.PIPE,
            text=True,
        )
        for share in shares
    ]
    try:
        time.sleep(start_seconds)
        measured = _measured(site, [child.pid for child in children], seconds)
        summaries = [_summary(child) for child in children]
    finally:
        for child in children:
            with child:
                child.kill()

    def worst(name: str) -> float:
        return max(summary[name] for summary in summaries)

    def total(name: str) -> float:
        return sum(summary[name] for summary in summaries)

    return {
        "processes": processes,
        **measured,
        **{name: worst(name) for name in ("p50_ms", "p95_ms", "p99_ms")},
        **{name: total(name) for name in TOTALS},
    }


def _measured(site: Site, clients: list[int], seconds: float) -> dict[str, float]:
    """Between now and then: how many scans, and how much of one processor each kind takes."""
    assert site.database.server.pid is not None
    pids = {
        "web": site.worker_pids,
        "database": [site.database.server.pid],
        "clients": clients,
    }
    before = {name: processor_seconds(some) for name, some in pids.items()}
    scans, began = _scans(site), time.monotonic()
    # Before the first ones end, whose clocks end with them.
    time.sleep(seconds * 0.9)
    passed = time.monotonic() - began
    used = {name: processor_seconds(some) - before[name] for name, some in pids.items()}
    return {
        "scans_per_second": (_scans(site) - scans) / passed,
        **{f"{name}_processors": value / passed for name, value in used.items()},
        "worker_mb": max(megabytes(pid) for pid in site.worker_pids),
    }


def _scans(site: Site) -> int:
    [(count,)] = site.database.run("SELECT COUNT(*) FROM scans_scan")
    return int(count)


def _summary(child: "subprocess.Popen[str]") -> dict[str, float]:
    """Its exit code tells that not all is well, as scans that still wait; its numbers tell more."""
    said, _ = child.communicate(timeout=300)
    try:
        summary: dict[str, float] = json.loads(said)
    except ValueError:
        raise RuntimeError(f"simulatestations: exit code {child.returncode}\n{said}") from None
    return summary


def report(shifts: list[dict[str, Any]]) -> str:
    """The rows for people; nothing when nothing was measured."""
    if not shifts:
        return ""
    lines = [
        "",
        f"{OPERATION}: a scan each {1 / PER_SECOND:g} s at each; processors used of each kind",
    ]
    for row in shifts:
        lines.append(
            f"{row['stations']:5,} stations  {row['scans_per_second']:5.1f} scans/s  "
            f"p50 {row['p50_ms']:5.1f}  p95 {row['p95_ms']:6.1f}  p99 {row['p99_ms']:6.1f} ms  "
            f"web {row['web_processors']:.2f}  database {row['database_processors']:.2f}  "
            f"clients {row['clients_processors']:.2f}  worker {row['worker_mb']:.0f} MB  "
            f"sent again {row['sent_again']}  waiting {row['waiting']}  "
            f"lost or doubled {row['lost'] + row['doubled']}: "
            f"{'NOT REACHED' if row['lost'] + row['doubled'] else 'reached'}"
        )
    return "\n".join(lines)
