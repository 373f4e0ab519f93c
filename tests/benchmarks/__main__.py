"""`python -m tests.benchmarks`: a private server, a slow way to it, and all measurements."""

import argparse
import contextlib
import datetime
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import MySQLdb
from django.conf import settings

from quality.devdb.configuration import APP_USER
from quality.devdb.mariadb import PrivateMariaDB
from quality.pool.registry import registry
from tests.benchmarks.variants import POOL_SIZE, VARIANTS, alias_of, databases
from tests.faults import LOOPBACK, ROOT, Proxy, free_port, proxy_process

FAR_SECONDS = 0.001
HOME = (ROOT / (os.environ.get("VAR_DIR") or "var") / "bench").resolve()
SERVER_OPTIONS: dict[str, str | int] = {
    # Each variant's connections over each network, some of them kept.
    "max-connections": 8 * POOL_SIZE,
    # A commit that waits for the disk would measure the disk.
    "innodb-flush-log-at-trx-commit": 0,
}


def main() -> None:
    asked = _arguments()
    with _server() as server, _networks(server) as networks:
        login = {"NAME": "quality", "USER": APP_USER, "PASSWORD": server.password}
        counter = Proxy((LOOPBACK, server.port or 0))
        with counter:
            settings.configure(
                DATABASES=databases(login, {**networks, "counted": counter.address}),
                INSTALLED_APPS=["tests.benchmarks"],
                DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
                USE_TZ=True,
            )
            django.setup()
            _make_tables()
            try:
                if asked.profile:
                    _profile(asked)
                else:
                    _measure(asked, server, networks, counter)
            finally:
                # Or their keepers would miss the server.
                for pool in registry.all():
                    pool.retire()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)

    def words(text: str) -> list[str]:
        return text.split(",")

    def numbers(text: str) -> list[int]:
        return [int(word) for word in text.split(",")]

    rounds = int(os.environ.get("BENCH_ROUNDS") or 7)
    parser.add_argument("--rounds", type=int, default=rounds, help="default: BENCH_ROUNDS or 7")
    parser.add_argument("--seconds", type=float, default=0.2, help="of one variant in a round")
    parser.add_argument("--clients", type=numbers, help="end to end; default: 16,32,100")
    parser.add_argument(
        "--launches", type=int, default=2, help="starts of the sites, end to end; default: 2"
    )
    parser.add_argument("--turns", type=int, help="of each site in a launch; default: 10")
    parser.add_argument(
        "--stations", type=numbers, default=[20, 200, 1000], help="default: 20,200,1000"
    )
    parser.add_argument("--shift-seconds", type=float, default=60, help="for which they scan")
    parser.add_argument("--threads", type=numbers, default=[1, 8, 32], help="default: 1,8,32")
    parser.add_argument("--operations", type=words, help="beginnings of their names")
    parser.add_argument("--networks", type=words, help='"0 ms,1 ms"')
    parser.add_argument(
        "--rows", type=numbers, help="scans of the growth table; default: 500000,2000000"
    )
    parser.add_argument("--output", type=Path, help="of the JSON; default: a new file in var/bench")
    parser.add_argument(
        "--profile", action="store_true", help="show where the time goes instead: one thread, 0 ms"
    )
    return parser.parse_args()


@contextlib.contextmanager
def _server() -> Iterator[PrivateMariaDB]:
    server = PrivateMariaDB(HOME / "mariadb", port=free_port(), options=SERVER_OPTIONS)
    # Left by a run that was killed.
    server.stop()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def _networks(server: PrivateMariaDB) -> Iterator[dict[str, tuple[str, int]]]:
    """By name, how to reach the server: over TCP both, the far one by a proxy that waits."""
    near = (LOOPBACK, server.port or 0)
    base = _round_trip(server, near)
    # The proxy takes time of its own, and a sleep is always a little too long.
    tried = FAR_SECONDS / 2
    with proxy_process(near, delay_seconds=tried) as trial:
        excess = _round_trip(server, trial) - base - tried
    with proxy_process(near, delay_seconds=max(0.0, FAR_SECONDS - excess)) as far:
        added = _round_trip(server, far) - base
        print(
            f"A round trip takes {base * 1e6:.0f} µs; the far network adds {added * 1e6:.0f} µs.",
            flush=True,
        )
        yield {"0 ms": near, "1 ms": far}


def _round_trip(server: PrivateMariaDB, address: tuple[str, int]) -> float:
    """Seconds of the least question and its answer."""
    connection = MySQLdb.connect(
        host=address[0], port=address[1], user=APP_USER, password=server.password
    )
    with contextlib.closing(connection):
        taken = []
        for _ in range(200):
            began = time.perf_counter()
            connection.query("DO 1")
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _make_tables() -> None:
    from django.db import connection

    from tests.benchmarks.models import Defect, Scan
    from tests.benchmarks.operations import APPROVED

    with connection.cursor() as cursor:
        for model in (Scan, Defect):
            cursor.execute(f"DROP TABLE IF EXISTS {model._meta.db_table}")
    with connection.schema_editor() as editor:
        editor.create_model(Defect)
        editor.create_model(Scan)
    Defect.objects.bulk_create(
        Defect(code=code, name=f"Defect {code}") for code in (APPROVED, "001", "002")
    )
    connection.close()


def _measure(
    asked: argparse.Namespace,
    server: PrivateMariaDB,
    networks: dict[str, tuple[str, int]],
    counter: Proxy,
) -> None:
    from django.db import connection

    from tests.benchmarks import crowding, endtoend, growth, reporting, stations, watching
    from tests.benchmarks.measuring import Case, measure
    from tests.benchmarks.models import Scan
    from tests.benchmarks.operations import RECORD

    operations = _chosen(asked)
    cases = [
        Case(operation, threads, network)
        for operation in operations
        for network in asked.networks or networks
        for threads in asked.threads
    ]

    def tidy_up(case: Case) -> None:
        if case.operation == RECORD:
            with connection.cursor() as cursor:
                cursor.execute(f"TRUNCATE {Scan._meta.db_table}")
            connection.close()

    def progress(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    # What others want of the processors, which nothing of ours does yet.
    busy_before = os.getloadavg()[0]
    began = time.monotonic()
    results = measure(
        cases,
        VARIANTS,
        rounds=asked.rounds,
        seconds=asked.seconds,
        tidy_up=tidy_up,
        progress=progress,
    )
    watched = {}
    if _is_asked(asked, watching.OPERATION):
        watched = watching.measure(
            server,
            HOME / "sites",
            launches=asked.rounds,
            seconds=asked.seconds,
            progress=progress,
        )
    loads: endtoend.Loads = {}
    if _is_asked(asked, endtoend.OPERATION):
        loads = endtoend.measure(
            server,
            HOME / "sites",
            launches=asked.launches,
            clients=tuple(asked.clients or endtoend.CLIENTS),
            orders=endtoend.ORDERS[: asked.turns],
            seconds=2 * asked.seconds,
            progress=progress,
        )
    crowds: list[dict[str, Any]] = []
    if _is_asked(asked, crowding.OPERATION):
        crowds = crowding.measure(
            server, HOME / "sites", seconds=15 * asked.seconds, progress=progress
        )
    shifts: list[dict[str, float]] = []
    if _is_asked(asked, stations.OPERATION):
        shifts = stations.measure(
            server, HOME / "sites", asked.stations, seconds=asked.shift_seconds, progress=progress
        )
    sizes = {}
    if _is_asked(asked, growth.OPERATION):
        sizes = growth.measure(HOME, asked.rows or growth.ROWS, progress)
    progress("")
    requests = _requests(operations, counter)
    judged = reporting.judge(results)
    if results:
        print(reporting.table(results, VARIANTS, requests))
        print(reporting.ratios(results, VARIANTS[:-1]))
        print(reporting.verdicts(judged))
    print(watching.report(watched))
    print(endtoend.report(loads))
    print(crowding.report(crowds))
    print(stations.report(shifts))
    print(growth.report(sizes))
    written = asked.output or HOME / f"{datetime.datetime.now():%Y%m%d-%H%M%S}.json"  # noqa: DTZ005
    about: dict[str, Any] = {
        "python": platform.python_version(),
        "django": django.get_version(),
        "date": f"{datetime.date.today():%Y-%m-%d}",  # noqa: DTZ011
        "processors": os.cpu_count(),
        "busy_before": busy_before,
        "rounds": asked.rounds,
        "seconds": asked.seconds,
        "requests": requests,
        "watching": watching.as_json(watched),
        "end to end": endtoend.as_json(loads) if loads else {},
        "crowd": crowds,
        "stations": shifts,
        "growth": sizes,
    }
    written.write_text(json.dumps(reporting.as_json(results, judged, **about), indent=1))
    print(f"\n{time.monotonic() - began:.0f} s. Written to {written}")


def _requests(operations: list[str], counter: Proxy) -> dict[str, dict[str, float]]:
    """How many requests one operation sends, by operation and variant, once it is warm."""
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    from tests.benchmarks.operations import OPERATIONS, request

    times = 20

    def count(operation: str, variant: str) -> float:
        alias = alias_of(variant, "counted")
        for _ in range(3):
            request(OPERATIONS[operation], alias)
        counts = []
        for _ in range(times):
            before = counter.requests
            request(OPERATIONS[operation], alias)
            counts.append(counter.requests - before)
        connections.close_all()
        # Not the mean: a pool may fill up in the background at the same time.
        return statistics.median(counts)

    found: dict[str, dict[str, float]] = {}
    for operation in operations:
        for variant in VARIANTS:
            with ThreadPoolExecutor(1) as executor:
                counted = executor.submit(count, operation, variant).result()
            found.setdefault(operation, {})[variant] = counted
    return found


def _profile(asked: argparse.Namespace) -> None:
    from tests.benchmarks.operations import OPERATIONS
    from tests.benchmarks.profiling import profile

    for operation in _chosen(asked):
        for variant in VARIANTS[1:]:
            print(f"\n{operation}, {profile(OPERATIONS[operation], alias_of(variant, '0 ms'))}")


def _chosen(asked: argparse.Namespace) -> list[str]:
    from tests.benchmarks.operations import OPERATIONS

    return [name for name in OPERATIONS if _is_asked(asked, name)]


def _is_asked(asked: argparse.Namespace, operation: str) -> bool:
    return not asked.operations or operation.startswith(tuple(asked.operations))


if __name__ == "__main__":
    main()
