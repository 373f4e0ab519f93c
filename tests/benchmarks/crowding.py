"""What a crowd is answered when the server allows 30 connections: by each way to the database.

One site at a time, as each is to have all of them. A pool by the budget stays below; stock Django
takes a connection for each thread that has work, the other pool up to 20 for each worker.
"""

import contextlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quality.devdb.mariadb import PrivateMariaDB
from tests.benchmarks.clients import POLL, SCAN, Clients
from tests.benchmarks.endtoend import SERVED, SITES, Turns, site_of
from tests.faults import Administrator

OPERATION = "crowd"
MAX_CONNECTIONS = 30
CLIENTS = 100
# Workers and threads of each: as it comes; more of the ones; more of the others.
SETUPS = ((2, 8), (5, 8), (2, 50))
# Held to it: no error.
JUDGED = SERVED


def measure(
    server: PrivateMariaDB,
    home: Path,
    *,
    seconds: float,
    progress: Callable[[str], None],
    setups: tuple[tuple[int, int], ...] = SETUPS,
    sites: tuple[str, ...] = SITES,
) -> list[dict[str, Any]]:
    """For each set-up and site how many requests were answered with what, by status."""
    found = []
    site_of(server, home, SERVED).prepare()
    with Clients() as clients, Administrator(server) as administrator:
        [(usual,)] = administrator.query("SELECT @@GLOBAL.max_connections")
        administrator.query(f"SET GLOBAL max_connections = {MAX_CONNECTIONS}")
        try:
            for workers, threads in setups:
                for name in sites:
                    progress(f"{OPERATION}: {workers} × {threads}, {name}")
                    site = site_of(
                        server,
                        home,
                        name,
                        workers=workers,
                        threads=threads,
                        max_connections=MAX_CONNECTIONS,
                    )
                    administrator.query("FLUSH STATUS")
                    site.start()
                    with contextlib.ExitStack() as running:
                        running.callback(site.stop)
                        turns = Turns(site, clients)
                        statuses: Counter[str] = Counter()
                        for kind in (SCAN, POLL):
                            answer = turns.take(kind, CLIENTS, seconds)
                            statuses.update(answer["greeted"])
                            statuses.update(answer["statuses"])
                        [(_, most)] = administrator.query("SHOW STATUS LIKE 'Max_used_connections'")
                    found.append(
                        {
                            "workers": workers,
                            "threads": threads,
                            "site": name,
                            "answered": statuses["200"] + statuses["201"],
                            "errors": {
                                status: count
                                for status, count in statuses.items()
                                if status not in ("200", "201")
                            },
                            # Less the one that asks.
                            "connections": int(most) - 1,
                        }
                    )
        finally:
            administrator.query(f"SET GLOBAL max_connections = {usual}")
    return found


def report(crowds: list[dict[str, Any]]) -> str:
    """The rows for people; nothing when nothing was measured."""
    if not crowds:
        return ""
    lines = ["", f"{OPERATION}: {CLIENTS} clients, max_connections={MAX_CONNECTIONS}"]
    for row in crowds:
        failed = sum(row["errors"].values())
        line = (
            f"{row['workers']} workers × {row['threads']:2} threads  {row['site']:25} "
            f"{row['connections']:3} connections at most  answered {row['answered']:6,}  "
            f"failed {failed:5,} {row['errors'] or ''}"
        )
        if row["site"] == JUDGED:
            line += f"  0: {'NOT REACHED' if failed else 'reached'}"
        lines.append(line)
    return "\n".join(lines)
