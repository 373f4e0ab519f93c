"""How many scans and polls the house answers through gunicorn, beside other ways to the database.

The same views, settings, gunicorn and worker for each, but for the backend: nothing watches, so
that the other backends do nothing else either. And once more the house as it is served, with all
that watches it. All are there at once and take turns, in orders in which each follows each other
equally often; each turn has new connections, which are kept while it lasts. A turn is over when the
last of its requests is answered. All are started anew several times, on a database that is made
anew: a shift of the scans that a station makes in one lies there when stations ask.
"""

import contextlib
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quality.devdb.mariadb import PrivateMariaDB
from scans.simulation.session import Session
from tests.benchmarks.clients import POLL, SCAN, STATIONS, Clients
from tests.benchmarks.intervals import mean_of
from tests.benchmarks.variants import OTHER_POOL, OURS, STOCK, STOCK_CLOSING
from tests.benchmarks.watching import on_the_disk
from tests.serving import PASSWORD, Database, Site

OPERATION = "end to end"
SERVED = "the house as served"
SITES = (SERVED, OURS, STOCK, STOCK_CLOSING, OTHER_POOL)
JUDGED = (SERVED, OURS)
OTHERS = (STOCK, STOCK_CLOSING, OTHER_POOL)
KINDS = (POLL, SCAN)
CLIENTS = (16, 32, 100)
AIM_CLIENTS = 100
# At least so many times the requests per second of the other one, and no longer a p99.
AIMS = {STOCK: 1.0, STOCK_CLOSING: 1.5}
WORKERS, THREADS = 2, 8
# As many as a station makes in a shift, in filling.py too.
SHIFT_SCANS = STATIONS * 450


def _orders(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Each stands at each place, and behind each other one, equally often (Williams, 1949)."""
    count = len(names)
    first = [0] + [(step + 1) // 2 if step % 2 else count - step // 2 for step in range(1, count)]
    rows = [[(place + shift) % count for place in first] for shift in range(count)]
    rows += [row[::-1] for row in rows]
    return [tuple(names[place] for place in row) for row in rows]


ORDERS = _orders(SITES)


@dataclass(slots=True)
class Load:
    """What came of the turns of one site in one launch."""

    seconds: float = 0.0
    microseconds: list[int] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    # Of the web workers, of the database, and of the clients.
    web_seconds: float = 0.0
    database_seconds: float = 0.0
    client_seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.microseconds) / self.seconds

    def quantile_ms(self, percent: int) -> float:
        return statistics.quantiles(self.microseconds, n=100, method="inclusive")[percent - 1] / 1e3

    @property
    def p99_ms(self) -> float:
        return self.quantile_ms(99)

    @property
    def processor_ms(self) -> float:
        """What web and database use for one request."""
        used = self.web_seconds + self.database_seconds
        return used / len(self.microseconds) * 1000

    @property
    def errors(self) -> dict[str, int]:
        """By status, 0 without an answer."""
        return {one: count for one, count in self.statuses.items() if one not in ("200", "201")}


# By kind and number of clients, for each launch what came of each site.
Loads = dict[str, dict[int, list[dict[str, Load]]]]


def site_of(
    server: PrivateMariaDB,
    home: Path,
    name: str,
    *,
    workers: int = WORKERS,
    threads: int = THREADS,
    max_connections: int = 151,
) -> Site:
    """One of the sites, not started."""
    settings, gunicorn = "tests.benchmarks.rivals", "tests/benchmarks/unwatched_gunicorn.py"
    if name == SERVED:
        settings, gunicorn = "quality.settings", "docker/gunicorn.conf.py"
    folder = home / name.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    return Site(
        Database(server, "quality_endtoend"),
        folder,
        workers=workers,
        configuration=gunicorn,
        WEB_THREADS=str(threads),
        DJANGO_SETTINGS_MODULE=settings,
        BENCH_BACKEND="" if name == SERVED else name,
        DB_LEDGER=str(folder / "ledger"),
        DB_MAX_CONNECTIONS=str(max_connections),
        # All clients are one session here.
        SCANS_PER_SECOND="0",
    )


class Turns:
    """A site in which somebody has signed in."""

    def __init__(self, site: Site, clients: Clients) -> None:
        self._site, self._clients = site, clients
        session = Session(site.url, "operator", PASSWORD)
        session.sign_in()
        self._to = {"port": site.port, "headers": session.headers}

    def take(self, kind: str, clients: int, seconds: float, requests: int = 0) -> dict[str, Any]:
        """What the clients say of a turn."""
        database = self._site.database.server.pid
        assert database is not None
        pids = {
            "web": self._site.worker_pids,
            "database": [database],
            "client": [self._clients.pid],
        }
        turn = {"clients": clients, "seconds": seconds, "requests": requests, "pids": pids}
        return self._clients.take(kind, **turn, **self._to)


def measure(
    server: PrivateMariaDB,
    home: Path,
    *,
    launches: int,
    seconds: float,
    progress: Callable[[str], None],
    clients: tuple[int, ...] = CLIENTS,
    orders: list[tuple[str, ...]] = ORDERS,
) -> Loads:
    """`seconds` of each turn, as many turns of each as there are orders, in each launch.

    Less than all orders is for a look: some then stand in better places than others.
    """
    loads: Loads = {kind: {count: [] for count in clients} for kind in KINDS}
    for launch in range(launches):
        told = f"{OPERATION}: launch {launch + 1} of {launches}"
        progress(told)
        site_of(server, home, SERVED).prepare()
        with contextlib.ExitStack() as running:
            running.enter_context(on_the_disk(server))
            lean = running.enter_context(Clients())
            turns = {}
            for name in ORDERS[launch % len(ORDERS)]:
                site = site_of(server, home, name)
                running.callback(site.stop)
                site.start()
                turns[name] = Turns(site, lean)
            for one in turns.values():
                one.take(SCAN, WORKERS * THREADS, 60, SHIFT_SCANS // len(turns))
            for kind in KINDS:
                for count in clients:
                    progress(f"{told}, {kind}, {count} clients")
                    loads[kind][count].append(_loads(turns, kind, count, seconds, orders))
    return loads


def _loads(
    turns: dict[str, Turns], kind: str, clients: int, seconds: float, orders: list[tuple[str, ...]]
) -> dict[str, Load]:
    loads = {name: Load() for name in SITES}
    for order in orders:
        for name in order:
            add(loads[name], turns[name].take(kind, clients, seconds))
    return loads


def add(load: Load, answer: dict[str, Any]) -> None:
    """Count a turn."""
    load.seconds += answer["seconds"]
    load.microseconds += answer["microseconds"]
    load.statuses.update(answer["statuses"])
    load.web_seconds += answer["used"]["web"]
    load.database_seconds += answer["used"]["database"]
    load.client_seconds += answer["used"]["client"]


# ----- What is said of it


def ratio_of(
    launches: list[dict[str, Load]], what: str, one: str, other: str
) -> tuple[float, float, float]:
    """The mean of the launches' ratios and its 95 % interval; `what` is an attribute of a load."""
    return mean_of([getattr(both[one], what) / getattr(both[other], what) for both in launches])


def rows_of(loads: Loads) -> list[dict[str, Any]]:
    """A row for each kind, number of clients and site: means of the launches."""
    return [
        {
            "kind": kind,
            "clients": count,
            "site": name,
            "per_second": statistics.fmean(both[name].per_second for both in launches),
            "p50_ms": statistics.fmean(both[name].quantile_ms(50) for both in launches),
            "p99_ms": statistics.fmean(both[name].p99_ms for both in launches),
            "web_ms": _each_ms(launches, name, "web_seconds"),
            "database_ms": _each_ms(launches, name, "database_seconds"),
            "client_ms": _each_ms(launches, name, "client_seconds"),
            "errors": dict(sum((Counter(both[name].errors) for both in launches), Counter())),
        }
        for kind, by_clients in loads.items()
        for count, launches in by_clients.items()
        for name in SITES
    ]


def _each_ms(launches: list[dict[str, Load]], name: str, what: str) -> float:
    """Of the processors' time, for one request."""
    used = sum(getattr(both[name], what) for both in launches)
    requests = sum(len(both[name].microseconds) for both in launches)
    return float(used / requests * 1000)


def ratios_of(loads: Loads) -> list[dict[str, Any]]:
    """Ours beside each other one: requests per second, p99, and the processors' time of a request.

    The last one tells what the others can come to, and is moved little by whoever else is there.
    """
    return [
        {
            "kind": kind,
            "clients": count,
            "site": one,
            "other": other,
            "what": what,
            "ratio": ratio,
            "least": least,
            "most": most,
            "aim": (aim := _aim(count, what, other)),
            "reached": aim is None or (ratio >= aim if what == "per_second" else ratio <= aim),
        }
        for kind, by_clients in loads.items()
        for count, launches in by_clients.items()
        for one in JUDGED
        for other in OTHERS
        for what in ("per_second", "p99_ms", "processor_ms")
        for ratio, least, most in [ratio_of(launches, what, one, other)]
    ]


def _aim(clients: int, what: str, other: str) -> float | None:
    if clients != AIM_CLIENTS or other not in AIMS or what == "processor_ms":
        return None
    return AIMS[other] if what == "per_second" else 1.0


def report(loads: Loads) -> str:
    """The tables for people; nothing when nothing was measured."""
    if not loads:
        return ""
    lines = [
        "",
        f"{OPERATION}: {WORKERS} workers × {THREADS} threads; ms of the processors a request",
    ]
    for row in rows_of(loads):
        lines.append(
            f"{row['kind']:15} {row['clients']:3} clients  {row['site']:25} "
            f"{row['per_second']:6.0f}/s  p50 {row['p50_ms']:6.1f}  p99 {row['p99_ms']:6.1f}  "
            f"web {row['web_ms']:.2f}  database {row['database_ms']:.2f}  "
            f"client {row['client_ms']:.2f}  errors {row['errors'] or 0}"
        )
    lines.append("")
    for row in ratios_of(loads):
        line = (
            f"{row['kind']:15} {row['clients']:3} clients  {row['site']:19} of "
            f"{row['other']:25} {row['what']:12} "
            f"{row['ratio']:.3f} ({row['least']:.3f}–{row['most']:.3f})"
        )
        if row["aim"] is not None:
            sign = "≤" if row["what"] == "p99_ms" else "≥"
            line += f"  {sign} {row['aim']}: {'reached' if row['reached'] else 'NOT REACHED'}"
        lines.append(line)
    return "\n".join(lines)


def as_json(loads: Loads) -> dict[str, Any]:
    """The rows and ratios, and what each launch had; not each answer's time."""
    return {
        "rows": rows_of(loads),
        "ratios": ratios_of(loads),
        "launches": {
            kind: {
                str(count): [
                    {name: _without_answers(load) for name, load in both.items()}
                    for both in launches
                ]
                for count, launches in by_clients.items()
            }
            for kind, by_clients in loads.items()
        },
    }


def _without_answers(load: Load) -> dict[str, Any]:
    return {
        "requests": len(load.microseconds),
        "statuses": dict(load.statuses),
        "p99_ms": load.p99_ms,
        **{
            name: getattr(load, name)
            for name in ("seconds", "web_seconds", "database_seconds", "client_seconds")
        },
    }
